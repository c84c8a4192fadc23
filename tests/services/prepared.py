"""A data folder that was set up once, for boxes that need not go through a first start themselves.

What a first start does is made once and copied: `initdb` and all migrations take longer than most tests. The migrations
come from the dump that the tests' own database is made of. The folder lies in the tests' own throwaway folder and goes
with it.
"""

import shutil
import subprocess
from pathlib import Path

from core.services.folder import DataFolder
from core.services.locks import FileLock
from tests.services.box import PATIENCE_SECONDS, Box

# The rest of a folder is made anew by each start.
KEPT = ("postgres", "secrets")
FILL = """
import django
django.setup()
from tests.migrated import fill
fill()
"""


def prepare(folder: Path, *, owner: int | None = None) -> None:
    """Make a data folder whose database is set up and migrated, with secrets of its own; it belongs to that user."""
    source = _prepared()
    folder.mkdir(mode=0o700)
    for name in KEPT:
        # With its owner, who need not be this user: PostgreSQL asks whose its folder is.
        subprocess.run(["cp", "-a", str(source / name), str(folder)], check=True)  # noqa: S607 - the machine's own
    if owner is not None:
        subprocess.run(["chown", "-R", f"{owner}:{owner}", str(folder)], check=True)  # noqa: S607 - the machine's own


def _prepared() -> Path:
    """Return the folder to be copied, made by whoever needs it first; the others wait."""
    own = DataFolder.from_environment()
    path = own.path / "prepared"
    with FileLock(own.run / "prepared"):
        if not path.exists():
            draft = own.path / "preparing"
            shutil.rmtree(draft, ignore_errors=True)
            box = Box(draft, environment={"DJANGO_SETTINGS_MODULE": "config.settings"})
            assert box.start("-c", FILL).wait(PATIENCE_SECONDS) == 0, box.complaints()
            assert box.is_gone()
            draft.rename(path)
    return path
