"""Which Reckoner this is."""

import tomllib
from functools import cache

from core.services.folder import REPOSITORY


@cache
def reckoner_version() -> str:
    """Return the version that `pyproject.toml` gives."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return str(project["project"]["version"])
