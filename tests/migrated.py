"""A database with every migration applied, for the tests' own to be copied from.

To apply them takes ten seconds, and what comes of it follows from their text: it is kept as a dump beside pytest's own
cache, named by that text. `migrate` runs on each copy all the same and finds nothing to do.
"""

import hashlib
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from core.services.folder import REPOSITORY, DataFolder
from core.services.locks import FileLock
from core.services.postgres import find_client
from tests.restoring import drop, use

FOLDER = REPOSITORY / ".pytest_cache" / "migrated"
NAME = "migrated"


def migrated_database() -> str:
    """Return the name of the database, made when this server has none; whoever comes meanwhile waits."""
    own = str(connection.settings_dict["NAME"])
    with FileLock(DataFolder.from_environment().run / "migrated"), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
        if cursor.fetchone() is None:
            draft = f"{NAME}_draft"
            drop(draft)
            cursor.execute(f"CREATE DATABASE {draft}")
            use(draft)
            fill()
            use(own)
            cursor.execute(f"ALTER DATABASE {draft} RENAME TO {NAME}")
    return NAME


def fill() -> None:
    """Restore the dump into the empty database at hand; without one, migrate it and make the dump."""
    dump = FOLDER / f"{_digest()}.dump"
    if dump.exists():
        name = str(connection.settings_dict["NAME"])
        _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={name}", str(dump))
        return
    call_command("migrate", verbosity=0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    draft = dump.with_suffix(f".{os.getpid()}")
    _run("pg_dump", "--format=custom", "--file", str(draft), str(connection.settings_dict["NAME"]))
    draft.rename(dump)
    # Another process may be reading the one that fits.
    for old in set(FOLDER.glob("*.dump")) - {dump}:
        old.unlink(missing_ok=True)


def _run(program: str, *arguments: str) -> None:
    settings = connection.settings_dict
    environment = os.environ | {
        "PGHOST": str(settings["HOST"]),
        "PGUSER": str(settings["USER"]),
        "PGPASSWORD": str(settings["PASSWORD"]),
    }
    client = find_client(program, _server_version() // 10_000)
    subprocess.run([str(client), *arguments], env=environment, check=True)


def _server_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0])


def _digest() -> str:
    """Return what the text of all migrations comes to, and who applies them."""
    found = hashlib.sha256(f"{version('django')} {_server_version()}".encode())
    for app in apps.get_app_configs():
        for path in sorted(Path(app.path).glob("migrations/*.py")):
            found.update(f"{app.label} {path.name} ".encode() + path.read_bytes())
    return found.hexdigest()[:24]
