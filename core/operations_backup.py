"""Back the database up into one file, and restore such a file into an empty database, held.

The instance's own row is not in the dump: a restore writes it anew, held, before the first row of money arrives. So
there is no moment at which a restored database could be billed, and a restore that fails leaves an empty one.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.postgresql.client import DatabaseClient
from django.db.migrations.loader import MigrationLoader

from core.backup_file import (
    BLOCK_BYTES,
    FORMAT,
    BackupError,
    Manifest,
    Progress,
    check_whole,
    new_file,
    open_dump,
    read_manifest,
    write_dump,
    write_manifest,
)
from core.health import list_unapplied_migrations
from core.models import Instance
from core.operations_instance import ensure_instance
from core.services.folder import DataFolder
from core.services.locks import FileLock
from core.services.postgres import find_client
from core.version import reckoner_version

LOCK_TIMEOUT_SECONDS = 60
# The session of a process that has just ended may be seen for a moment yet.
LEAVING_SECONDS = 2.0
LEAVING_PAUSE_SECONDS = 0.05
WORDS_SHOWN = 2_000

# Everything that is neither the server's nor an extension's; tables first, what hangs on them goes with them.
OUR_OBJECTS = """
WITH ours AS (
    SELECT 1 AS turn, 'pg_class'::regclass AS catalog, class.oid, class.relname AS name,
           CASE class.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                              WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
           class.oid::regclass::text AS words, class.relnamespace AS namespace
    FROM pg_class class WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f')
                           OR (class.relkind = 'S' AND NOT EXISTS (
                               SELECT FROM pg_depend owned WHERE owned.objid = class.oid
                                  AND owned.classid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 2, 'pg_proc'::regclass, proc.oid, proc.proname, 'ROUTINE', proc.oid::regprocedure::text, proc.pronamespace
    FROM pg_proc proc
    UNION ALL
    SELECT 3, 'pg_type'::regclass, type.oid, type.typname, 'TYPE', type.oid::regtype::text, type.typnamespace
    FROM pg_type type WHERE type.typtype IN ('e', 'd')
)
SELECT ours.kind, ours.words FROM ours JOIN pg_namespace space ON space.oid = ours.namespace
WHERE space.nspname <> 'information_schema' AND space.nspname !~ '^pg_'
  AND NOT EXISTS (
      SELECT FROM pg_depend member
      WHERE member.classid = ours.catalog AND member.objid = ours.oid AND member.deptype = 'e')
ORDER BY ours.turn, ours.name
"""
OTHER_SESSIONS = """
SELECT coalesce(nullif(application_name, ''), 'unnamed'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND backend_type = 'client backend'
  AND pid <> pg_backend_pid()
GROUP BY 1 ORDER BY 1
"""
HOLD = """
INSERT INTO core_instance (id, mode, created_at, held_at, restored_from_at) VALUES (1, %s, %s, %s, %s)
"""


def back_up(path: Path, *, now: datetime, progress: Progress) -> Manifest:
    """Write the database as of one moment into a new file, and return what the file says of itself.

    Others go on working meanwhile. Left out: the providers' records, which are not ours; documents, which are drawn
    again from their rows; secrets. Raises BackupError, ServiceError when there is no fitting pg_dump.
    """
    missing = list_unapplied_migrations()
    if missing:
        raise BackupError(f"The database lacks migrations ({', '.join(missing)}); run `manage.py migrate` first.")
    ensure_instance(now=now)
    instance = Instance.objects.get()
    major = _server_major()
    command = [
        str(find_client("pg_dump", major)),
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--exclude-table-data=*.core_instance",
        f"--lock-wait-timeout={LOCK_TIMEOUT_SECONDS}s",
        f"--dbname={connection.settings_dict['NAME']}",
    ]
    with new_file(path) as file:
        with _program(command) as (_, dump):
            size, checksum = write_dump(file, dump, progress)
        manifest = Manifest(
            format=FORMAT,
            version=reckoner_version(),
            taken_at=now,
            mode=instance.mode,
            instance_created_at=instance.created_at,
            postgres_major=major,
            migrations=tuple(sorted(_applied_migrations())),
            dump_bytes=size,
            dump_sha256=checksum,
        )
        write_manifest(file, manifest)
    return manifest


def restore(path: Path, *, replaces: str | None, now: datetime, progress: Progress) -> Manifest:
    """Restore a backup into an empty database and hold the instance; return what the backup says of itself.

    `replaces` is the name of a database that may be emptied first. The backup is proved whole before anything is
    changed; when the restore fails the database is left empty. Migrations that are newer than the backup are still to
    be applied. Raises BackupError, ServiceError when there is no fitting pg_restore.
    """
    manifest = read_manifest(path)
    program = find_client("pg_restore", _server_major())
    _refuse_unfitting(path, manifest)
    with _alone():
        _refuse_full(replaces)
        check_whole(path, manifest, progress)
        _empty()
        try:
            _restore_section(program, path, ["--section=pre-data"], lambda size: None)
            with connection.cursor() as cursor:
                cursor.execute(HOLD, [manifest.mode, manifest.instance_created_at, now, manifest.taken_at])
            _restore_section(program, path, ["--section=data", "--section=post-data"], progress)
        except BaseException:
            _empty()
            raise
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return manifest


def _refuse_unfitting(path: Path, manifest: Manifest) -> None:
    """Refuse a backup of a newer Reckoner or a newer PostgreSQL. Raises BackupError."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    newer = sorted(set(manifest.migrations) - known)
    if newer:
        raise BackupError(
            f"{path} was made by Reckoner {manifest.version}, whose migrations this version does not know "
            f"({', '.join(newer)}). Restore it with that version or a newer one."
        )
    if manifest.postgres_major > _server_major():
        raise BackupError(
            f"{path} was made from PostgreSQL {manifest.postgres_major}; the server here is PostgreSQL "
            f"{_server_major()}, which is older."
        )


def _refuse_full(replaces: str | None) -> None:
    """Refuse a database that holds anything, unless it is named as the one to be replaced. Raises BackupError."""
    name = str(connection.settings_dict["NAME"])
    if replaces is not None and replaces != name:
        raise BackupError(f"The database is named {name}, not {replaces}; nothing was changed.")
    if replaces is None and _list_ours():
        raise BackupError(
            f"The database {name} is not empty. A backup is restored into an empty one; to delete everything in it "
            f"first, add --replace --confirm {name}."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Keep `manage.py up` from starting, and refuse while other processes use the database. Raises BackupError."""
    lock = FileLock(DataFolder(settings.DATA_DIR).run / "up")
    if not lock.try_take():
        raise BackupError("Reckoner is up. Stop it first: nothing else may use the database meanwhile.")
    try:
        others = _wait_for_others_to_leave()
        if others:
            raise BackupError(f"Other processes use the database: {', '.join(others)}. Stop them first.")
        yield
    finally:
        lock.release()


def _wait_for_others_to_leave() -> list[str]:
    """Return who uses the database beside us, as `name (sessions)`; who is just leaving is given a moment."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute(OTHER_SESSIONS)
            others = [f"{name} ({count})" for name, count in cursor.fetchall()]
        if not others or time.monotonic() > deadline:
            return others
        time.sleep(LEAVING_PAUSE_SECONDS)


def _list_ours() -> list[tuple[str, str]]:
    """Return every object in the database that is ours, as (kind, name), in an order in which they can be dropped."""
    with connection.cursor() as cursor:
        cursor.execute(OUR_OBJECTS)
        return [(kind, words) for kind, words in cursor.fetchall()]


def _empty() -> None:
    """Drop everything that is ours, at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        for kind, words in _list_ours():
            cursor.execute(f"DROP {kind} IF EXISTS {words} CASCADE")
    # What the session has prepared is about tables that are gone.
    connection.close()


def _restore_section(program: Path, path: Path, sections: Sequence[str], progress: Progress) -> None:
    """Restore a part of the dump in one transaction. Raises BackupError."""
    command = [
        str(program),
        *sections,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--dbname={connection.settings_dict['NAME']}",
    ]
    # Our own session would lie idle for as long as that takes.
    connection.close()
    with open_dump(path) as dump, _program(command) as (entrance, _):
        _feed(dump, entrance, progress)


def _feed(dump: IO[bytes], entrance: IO[bytes], progress: Progress) -> None:
    """Hand the dump to a program, which may stop reading when it has what it wants."""
    try:
        while block := dump.read(BLOCK_BYTES):
            entrance.write(block)
            progress(len(block))
        entrance.close()
    except BrokenPipeError:
        with suppress(BrokenPipeError):
            entrance.close()


@contextmanager
def _program(command: Sequence[str]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run one of PostgreSQL's programs on our database, between its input and its output.

    Raises BackupError with its last words when it fails.
    """
    with tempfile.TemporaryFile() as complaints:
        # S603: PostgreSQL's own programs, without a shell.
        process = subprocess.Popen(  # noqa: S603
            command, env=_surroundings(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError(f"{command[0]} has no pipes")
        try:
            yield process.stdin, process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
            code = process.wait()
        complaints.seek(0)
        words = complaints.read().decode(errors="replace").strip()
    if code != 0:
        raise BackupError(f"{Path(command[0]).name} failed: {words[-WORDS_SHOWN:]}")


def _surroundings() -> Mapping[str, str]:
    """Return the environment in which PostgreSQL's programs find our database; a password stands on no command line."""
    given = connection.settings_dict
    _, secure = DatabaseClient.settings_to_cmd_args_env(given, [])
    found = {"PGHOST": given["HOST"], "PGPORT": given["PORT"], "PGUSER": given["USER"]}
    told = {name: str(value) for name, value in found.items() if value}
    return {**os.environ, **told, **(secure or {}), "LC_ALL": "C"}


def _server_major() -> int:
    """Return the server's major version."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def _applied_migrations() -> set[str]:
    """Return the migrations that the database has had, as `app.name`."""
    return {f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations}
