"""Settings of the tests: an instance of its own in the temporary folder, thrown away with the last process that uses it."""

import os
import secrets
import tempfile
from pathlib import Path

# The workers of pytest-xdist inherit the environment of the process that started them, and so share its servers.
if "RECKONER_THROWAWAY" not in os.environ:
    os.environ["RECKONER_THROWAWAY"] = "1"
    os.environ["RECKONER_DATA_DIR"] = str(Path(tempfile.gettempdir()) / f"reckoner-test-{secrets.token_hex(4)}")
    for _name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(_name, None)

from config.settings import *  # noqa: E402, F403 - the environment above must be there first
