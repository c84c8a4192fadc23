"""Databases that are filled once and copied for each test.

A copy is a real database: what is committed there stays, whoever dies. The provider's records are copied beside it.
"""

import pickle
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, connections
from django.db.models.functions import Now

from billing.models import PaymentAttempt
from billing.operations.charging import charge_due
from billing.providers.pacing import Pace
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core.services.folder import DataFolder
from core.services.locks import FileLock
from tests.faults.run_company import AS_OF, fill
from tests.faults.run_picture import Picture, picture

CHUNK = 20
SCOPE = Scope(as_of=AS_OF, now=AS_OF)
PATIENCE_SECONDS = 30
# How a database is copied: file by file, where nobody waits for the disk.
strategy = "file_copy"


@dataclass(frozen=True, slots=True)
class Master:
    """A database to make copies of, with the provider's folder that belongs to it."""

    name: str
    folder: Path

    @contextmanager
    def copied(self) -> Iterator["Master"]:
        """Point this process at a fresh copy; afterwards the copy is dropped and the old database is back."""
        suffix = secrets.token_hex(4)
        copy = Master(f"{self.name[:40]}_{suffix}", Path(tempfile.mkdtemp(prefix="reckoner-test-")))
        shutil.copytree(self.folder, copy.folder, dirs_exist_ok=True)
        _create(copy.name, like=self.name)
        try:
            with copy.used():
                Pace("sandbox").note_answer()
                yield copy
        finally:
            _drop(copy.name)
            shutil.rmtree(copy.folder)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Point this process at this database and this provider."""
        before = connection.settings_dict["NAME"], settings.DATA_DIR
        _use(self.name, self.folder)
        try:
            yield
        finally:
            _use(*before)


@dataclass(frozen=True, slots=True)
class Stage:
    """The company before its run, the same company billed but not charged, and how it looks when all is done."""

    due: Master
    billed: Master
    wanted: Picture
    run_seconds: float
    """How long the undisturbed run took, charges included."""


_stages: list[Stage] = []


def the_stage() -> Stage:
    """Return the stage, made by whoever asks first; other workers wait for it. The databases go with the server."""
    if not _stages:
        data = DataFolder.from_environment()
        kept = data.path / "stage"
        with FileLock(data.run / "stage"):
            if not kept.exists():
                kept.write_bytes(pickle.dumps(_make()))
        _stages.append(pickle.loads(kept.read_bytes()))  # noqa: S301 - written here, in a folder of our own
    return _stages[0]


def the_empty_database() -> Master:
    """Return the tests' own database, in which nothing is committed yet."""
    empty = Master(str(connection.settings_dict["NAME"]), Path(settings.DATA_DIR) / "no-records")
    empty.folder.mkdir(parents=True, exist_ok=True)
    return empty


def _make() -> Stage:
    due = _copy_of(the_empty_database(), "due")
    with due.used():
        fill()
    billed = _copy_of(due, "billed")
    with billed.used():
        run_billing(SCOPE)
    with due.copied():
        began = time.perf_counter()
        finish()
        seconds = time.perf_counter() - began
        return Stage(due, billed, picture(), seconds)


def _copy_of(master: Master, name: str) -> Master:
    copy = Master(f"{master.name[:40]}_{name}", Path(tempfile.mkdtemp(prefix="reckoner-test-")))
    shutil.copytree(master.folder, copy.folder, dirs_exist_ok=True)
    _drop(copy.name)
    _create(copy.name, like=master.name)
    return copy


def bill(*, chunk: int = CHUNK, scope: Scope = SCOPE) -> Tally:
    """Run billing over the company, and return what was done."""
    return run_billing(scope, chunk=chunk)


def charge() -> None:
    """Charge what is due."""
    charge_due(AS_OF, threads=4)


def finish() -> None:
    """Go on until nothing is due: bill, then charge, the leases of killed workers run out."""
    bill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    open_attempts = PaymentAttempt.objects.filter(status="calling") | PaymentAttempt.objects.filter(
        status="scheduled", due_at__lte=AS_OF
    )
    while open_attempts.exists():
        assert time.monotonic() < deadline, list(open_attempts.values())
        expire_leases()
        charge()


def expire_leases() -> None:
    """Let every lease run out, as if its worker had died long ago."""
    PaymentAttempt.objects.filter(status="calling", lease_until__gte=Now()).update(lease_until=AS_OF)


def _use(name: str, folder: Path) -> None:
    connections.close_all()
    connection.settings_dict["NAME"] = name
    settings.DATA_DIR = folder


def _create(name: str, *, like: str) -> None:
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY {strategy}')


def _drop(name: str) -> None:
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
