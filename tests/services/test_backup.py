"""A backup is one file that proves itself; a restore fills an empty database, or leaves it empty."""

import json
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections

from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core import operations_backup
from core.backup_file import BackupError, read_manifest
from core.models import AuditEntry, Instance, OutboxEvent
from core.operations_instance import InstanceHeld
from core.services.errors import ServiceError
from core.services.folder import DataFolder
from core.services.locks import FileLock
from core.services.postgres import find_client
from invoicing.models import Invoice
from tests.cast import JANUARY, at, make_company
from tests.restoring import empty_database, use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
FEBRUARY = at("2026-02-01 12:00")


@pytest.fixture
def beside() -> Iterator[str]:
    """An empty database beside the test's own; the process is pointed at it by `use`."""
    with empty_database() as name:
        yield name


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a company that billed a month."""
    company = make_company()
    price = company.price()
    company.start(company.customer("Alice"), company.plan("Team", price), price, now=JANUARY)
    path = tmp_path / "january.backup"
    call_command("backup", path)
    return path


def tables() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def test_a_backup_is_one_private_file_that_tar_can_read(backup: Path) -> None:
    with tarfile.open(backup) as archive:
        assert archive.getnames() == ["database.dump", "manifest.json"]
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert archive.getmember("database.dump").size == manifest["dump_bytes"] > 10_000
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert (manifest["mode"], manifest["version"]) == ("test", "0.1.0")
    assert "core.0003_instance_state" in manifest["migrations"]
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_a_backup_is_never_replaced_nor_left_half_written(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = backup.read_bytes()
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", backup)
    assert backup.read_bytes() == before
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "wrong")
    with pytest.raises(CommandError, match=r"pg_dump failed: (?s:.*)password authentication failed"):
        call_command("backup", backup.with_name("other.backup"))
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("backup", backup.parent / "nowhere" / "other.backup")
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_what_is_restored_is_what_was_backed_up_and_held(
    backup: Path, beside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    invoice = Invoice.objects.values().get()
    facts = list(OutboxEvent.objects.values())
    created_at = Instance.objects.get().created_at
    use(beside)
    call_command("restore", backup)
    assert "manage.py reconcile" in capsys.readouterr().out
    assert Invoice.objects.values().get() == invoice
    assert list(OutboxEvent.objects.values()) == facts
    instance = Instance.objects.get()
    assert (instance.mode, instance.created_at) == ("test", created_at)
    assert instance.restored_from_at == read_manifest(backup).taken_at
    assert instance.held_at is not None
    assert AuditEntry.objects.get().action == "instance.restored"
    with pytest.raises(InstanceHeld):
        run_billing(Scope(as_of=FEBRUARY, now=FEBRUARY))
    with pytest.raises(CommandError, match=r"manage\.py reconcile"):
        call_command("resume")
    call_command("resume", without_reconcile=True)
    assert run_billing(Scope(as_of=FEBRUARY, now=FEBRUARY)).invoices == 1
    assert check_books(now=FEBRUARY) == ()
    # Guards and sequences came along.
    with pytest.raises(Exception, match="finalised"):
        Invoice.objects.filter(id=invoice["id"]).update(total_minor=1)


def test_a_full_database_is_replaced_only_when_it_is_named(backup: Path) -> None:
    name = connection.settings_dict["NAME"]
    run_billing(Scope(as_of=FEBRUARY, now=FEBRUARY))
    for options, words in (
        ({}, f"is not empty.*--replace --confirm {name}"),
        ({"replace": True}, "go together"),
        ({"confirm": name}, "go together"),
        ({"replace": True, "confirm": "reckoner"}, f"is named {name}, not reckoner"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("restore", backup, **options)
    assert Invoice.objects.count() == 2
    call_command("restore", backup, replace=True, confirm=name)
    assert Invoice.objects.count() == 1
    assert Instance.objects.get().held_at is not None


def test_a_restore_that_fails_leaves_the_database_empty(
    backup: Path, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(beside)
    whole = operations_backup._restore_section

    def fail_after_the_tables(program: Path, path: Path, sections: list[str], *rest: Any) -> None:
        if "--section=data" in sections:
            assert Instance.objects.get().held_at is not None
            sections = [*sections, "--table=nothing", "--no-such-option"]
        whole(program, path, sections, *rest)

    monkeypatch.setattr(operations_backup, "_restore_section", fail_after_the_tables)
    with pytest.raises(CommandError, match=r"pg_restore failed.*no-such-option"):
        call_command("restore", backup)
    assert tables() == []
    monkeypatch.undo()
    call_command("restore", backup)
    assert Invoice.objects.count() == 1


def test_a_damaged_file_changes_nothing(backup: Path, beside: str) -> None:
    name = str(connection.settings_dict["NAME"])
    whole = backup.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    for content, words in (
        (whole[: len(whole) // 2], "cut off"),
        (b"nothing", "no backup"),
        (bytes(damaged), "is damaged"),
    ):
        backup.write_bytes(content)
        with pytest.raises(CommandError, match=words):
            call_command("restore", backup, replace=True, confirm=name)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("restore", backup.with_name("missing"))
    assert Invoice.objects.count() == 1


def test_a_backup_of_another_world_is_refused(backup: Path, beside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(beside)
    manifest = read_manifest(backup)

    def restore_as(**values: Any) -> None:
        changed = type(manifest)(**{name: getattr(manifest, name) for name in manifest.__slots__} | values)
        monkeypatch.setattr(operations_backup, "read_manifest", lambda path: changed)
        call_command("restore", backup)

    with pytest.raises(CommandError, match=r"made by Reckoner 9\.9.*core\.0999_later"):
        restore_as(version="9.9", migrations=(*manifest.migrations, "core.0999_later"))
    with pytest.raises(CommandError, match="made from PostgreSQL 99"):
        restore_as(postgres_major=99)
    assert tables() == []


def test_nobody_else_may_use_the_database_meanwhile(backup: Path, beside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(beside)
    monkeypatch.setattr(operations_backup, "LEAVING_SECONDS", 0)
    up = FileLock(DataFolder(settings.DATA_DIR).run / "up")
    up.take()
    with pytest.raises(CommandError, match="Reckoner is up"):
        call_command("restore", backup)
    up.release()
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(CommandError, match=r"Other processes use the database: reckoner \(1\)"):
        call_command("restore", backup)
    monkeypatch.undo()
    # Who leaves while we look is waited for.
    leaving = threading.Timer(0.2, other.connection.close)
    leaving.start()
    call_command("restore", backup)
    leaving.join()


def test_the_programs_must_be_of_the_servers_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pg_dump"
    other.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 16.2'\n")
    other.chmod(0o755)
    monkeypatch.setenv("RECKONER_POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"no pg_dump of that version.*pg_dump is PostgreSQL 16.*RECKONER_POSTGRES"):
        call_command("backup", tmp_path / "file")
    assert find_client("pg_dump", 16) == other
    with pytest.raises(ServiceError, match=r"no pg_restore of that version is here\. Install"):
        find_client("pg_restore", 16)


def test_a_database_behind_its_code_is_not_backed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations_backup, "list_unapplied_migrations", lambda: ["core.0999_later"])
    with pytest.raises(BackupError, match=r"lacks migrations \(core.0999_later\)"):
        operations_backup.back_up(tmp_path / "file", now=JANUARY, progress=lambda size: None)
