"""Where the benchmarks run: servers of their own in a temporary folder, with the settings of real ones."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# Read by `benchmarks.settings` in every process that is started.
DATABASE_VARIABLE = "BENCH_DATABASE"
_INHERITED = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "ALLOWED_HOSTS", "DJANGO_DEBUG", "TRUST_PROXY", "SECRET_KEY")


def enter() -> None:
    """Point the settings, here and in all processes started from here, at a new data folder that goes with us."""
    folder = Path(tempfile.gettempdir()) / f"reckoner-bench-{secrets.token_hex(4)}"
    for name in _INHERITED:
        os.environ.pop(name, None)
    os.environ |= {
        "RECKONER_DATA_DIR": str(folder),
        DATABASE_VARIABLE: "reckoner",
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "LOG_LEVEL": "ERROR",
    }
    # Registered first, so called last: after the servers have stopped.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
