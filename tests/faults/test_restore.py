"""A backup restored beside a provider that has moved on: nobody is charged twice, and the rows come out the same."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import FoundCharge, PaymentAttempt
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.models import Instance
from core.operations_instance import InstanceHeld
from invoicing.models import Invoice
from tests.cast import at
from tests.faults.run_company import AS_OF
from tests.faults.run_picture import Picture, captures, differences, picture
from tests.faults.run_stage import Stage, expire_leases, the_stage
from tests.forked import killed_at
from tests.restoring import empty_database, use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
APRIL = at("2026-04-05 12:00")


def in_long(point: str) -> Any:
    """Return a point that only the long run kills at: what it may lose or double, the one beside it may as well."""
    return pytest.param(point, marks=pytest.mark.long)


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    return the_stage()


def charge(as_of: datetime) -> None:
    """Charge until nothing is due, the leases of killed workers run out."""
    deadline = time.monotonic() + 60
    is_open = PaymentAttempt.objects.filter(status="calling") | PaymentAttempt.objects.filter(
        status="scheduled", due_at__lte=as_of
    )
    while is_open.exists():
        assert time.monotonic() < deadline, list(is_open.values())
        expire_leases()
        charge_due(as_of, threads=4)


def bill(as_of: datetime) -> None:
    run_billing(Scope(as_of=as_of, now=as_of))


def bill_and_charge(as_of: datetime) -> None:
    bill(as_of)
    charge(as_of)


_undisturbed: list[Picture] = []


def undisturbed(stage: Stage) -> Picture:
    """Return how two months look that nothing disturbed."""
    if not _undisturbed:
        with stage.due.copied():
            bill_and_charge(AS_OF)
            bill_and_charge(APRIL)
            _undisturbed.append(picture())
    return _undisturbed[0]


@contextmanager
def restored(backup: Path) -> Iterator[None]:
    """Restore a backup into an empty database beside the present one; the provider stays where it is."""
    with empty_database() as name:
        use(name)
        call_command("restore", backup)
        yield


def go_on_and_compare(wanted: Picture, told: str) -> None:
    """Reconcile, resume, bill again: the rows and the provider are as if nothing had been."""
    taken = sorted(captures())
    call_command("reconcile")
    call_command("resume")
    bill_and_charge(AS_OF)
    bill_and_charge(APRIL)
    found = differences(picture(), wanted)
    assert not found, "\n".join([f"after {told}:", *found[:20], f"... {len(found)} differences"])
    assert check_books(now=APRIL) == ()
    again = sorted(captures())
    assert [charge for charge in again if charge in taken] == taken
    assert len({key for _, key, _, _ in again}) == len(again)
    # By now the rows show everything that the provider has.
    call_command("reconcile")
    assert not FoundCharge.objects.exists()


def test_a_month_billed_again_after_a_restore_is_charged_once(stage: Stage, tmp_path: Path) -> None:
    wanted = undisturbed(stage)
    with stage.due.copied():
        bill_and_charge(AS_OF)
        backup = tmp_path / "march.backup"
        call_command("backup", backup)
        before = sorted(captures())
        bill_and_charge(APRIL)
        after = sorted(captures())
        assert len(after) > len(before)
        with restored(backup):
            assert sorted(captures()) == after
            assert Invoice.objects.count() < sum(wanted["invoices"].values())
            with pytest.raises(InstanceHeld):
                bill(APRIL)
            with pytest.raises(InstanceHeld):
                charge_due(APRIL)
            with pytest.raises(CommandError, match=r"manage\.py reconcile"):
                call_command("resume")
            go_on_and_compare(wanted, "a restore")
            assert sorted(captures()) == after


@pytest.mark.parametrize(
    "point",
    ["sandbox.captured", *(in_long(point) for point in ("charging.claimed", "charging.answered", "charging.settled"))],
)
def test_a_backup_from_the_midst_of_charging(stage: Stage, tmp_path: Path, point: str) -> None:
    wanted = undisturbed(stage)
    with stage.billed.copied():
        killed_at(f"{point}:kill@2", partial(charge_due, AS_OF, threads=4))
        backup = tmp_path / "midst.backup"
        call_command("backup", backup)
        charge(AS_OF)
        bill_and_charge(APRIL)
        with restored(backup):
            go_on_and_compare(wanted, point)


@pytest.mark.parametrize("point", [in_long("billing.committed"), "sandbox.captured"])
def test_the_machine_dies_and_the_backup_is_of_the_month_before(stage: Stage, tmp_path: Path, point: str) -> None:
    wanted = undisturbed(stage)
    with stage.due.copied():
        backup = tmp_path / "february.backup"
        call_command("backup", backup)
        bill_and_charge(AS_OF)
        killed_at(f"{point}:kill@1", partial(bill_and_charge, APRIL))
        with restored(backup):
            go_on_and_compare(wanted, point)


def test_without_reconcile_the_keys_alone_keep_the_sandbox_from_charging_twice(stage: Stage, tmp_path: Path) -> None:
    wanted = undisturbed(stage)
    with stage.due.copied():
        backup = tmp_path / "february.backup"
        call_command("backup", backup)
        bill_and_charge(AS_OF)
        bill_and_charge(APRIL)
        after = sorted(captures())
        with restored(backup):
            call_command("resume", without_reconcile=True)
            assert Instance.objects.get().held_at is None
            bill_and_charge(AS_OF)
            bill_and_charge(APRIL)
            assert differences(picture(), wanted) == []
            assert sorted(captures()) == after
