"""Hints for the worker: any of them may be lost, late or doubled, because rows carry the work."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from celery import shared_task
from django.db import transaction

from billing.domain.announcing import Window
from billing.operations import (
    accepting,
    announcing,
    charging,
    clocks,
    dunning,
    first_invoices,
    mass_changes,
    notices,
    proof,
    refunding,
    simulation_runs,
    withdrawing,
)
from billing.operations.runs import TICK, bill_due, run_requested
from billing.run.claiming import Scope, count_due
from core.clock import wall_now
from core.operations_instance import InstanceHeld, note_worker
from invoicing.operations import recognition, tax_turnover

CHARGES_A_SWEEP = 2_000
REFUNDS_A_SWEEP = 500
WITHDRAWALS_A_SWEEP = 200
MASS_CHANGES_A_SWEEP = 2_000
NOTICES_AT_ONCE = 500

log = structlog.get_logger(__name__)


@shared_task(name="billing.tasks.tick")
def tick() -> None:
    """Do the runs that were asked for, and bill whoever is due by the wall clock, unless the instance is held."""
    now = wall_now()
    note_worker(now=now)
    scope = Scope(as_of=now, now=now)
    with _nothing_while_held():
        asked_for = run_requested(clock=wall_now)
        due = count_due(scope)
        if due:
            bill_due(scope, trigger=TICK, clock=wall_now)
        if asked_for or due:
            sweep.delay()


@shared_task(name="billing.tasks.sweep")
def sweep() -> None:
    """Make mass changes, dun and charge what is due, finish what was left, close days, unless the instance is held."""
    with _nothing_while_held():
        mass_changes.run_due(wall_now(), limit=MASS_CHANGES_A_SWEEP)
        dunning.run_everywhere(now=wall_now())
        charging.charge_due_everywhere(wall_now(), limit=CHARGES_A_SWEEP)
        # The decline of a last retry brings its end.
        dunning.run_everywhere(now=wall_now())
        refunding.pay_out_due(wall_now(), limit=REFUNDS_A_SWEEP)
        notices.handle_due(wall_now(), limit=NOTICES_AT_ONCE)
        withdrawing.withdraw_due(wall_now(), limit=WITHDRAWALS_A_SWEEP)
        first_invoices.abandon_stale(now=wall_now())
        accepting.abandon_stale(now=wall_now())
        accepting.tell_expired(now=wall_now())
        clocks.finish_advances(now=wall_now())
        tax_turnover.close_days(now=wall_now())


@shared_task(name="billing.tasks.handle_notices")
def handle_notices() -> None:
    """Handle what providers told, unless the instance is held."""
    with _nothing_while_held():
        notices.handle_due(wall_now(), limit=NOTICES_AT_ONCE)


@shared_task(name="billing.tasks.advance_test_clock")
def advance_test_clock(clock_id: str, target: str) -> None:
    """Finish an advance that took longer than its caller waited."""
    with _nothing_while_held():
        clocks.advance_clock(clock_id=uuid.UUID(clock_id), to_at=datetime.fromisoformat(target), now=wall_now())


@shared_task(name="billing.tasks.prove_books")
def prove_books() -> None:
    """Prove the books; `/metrics` tells how many breaches there were."""
    proof.prove_books(now=wall_now())


@shared_task(name="billing.tasks.recognise_revenue")
def recognise_revenue() -> None:
    """Recognise the months that are over, unless the instance is held."""
    with _nothing_while_held():
        recognition.recognise_revenue(now=wall_now())


@shared_task(name="billing.tasks.announce")
def announce() -> None:
    """Announce what expires, ends or renews soon, unless the instance is held."""
    now = wall_now()
    with _nothing_while_held():
        announcing.announce(Window(now, now))


@shared_task(name="billing.tasks.simulate")
def simulate() -> None:
    """Do the simulations that were asked for, also while the instance is held: they write nothing else."""
    simulation_runs.run_requested(clock=wall_now)
    simulation_runs.purge(now=wall_now())


def hint_notices() -> None:
    """Tell a worker, once the caller's transaction is committed, that a provider told something.

    Where no message can be sent the next sweep finds the row.
    """
    transaction.on_commit(lambda: handle_notices.apply_async(retry=False), robust=True)


def hint_simulate() -> None:
    """Tell a worker, once the caller's transaction is committed, that a simulation was asked for.

    Where no message can be sent the next beat finds the row.
    """
    transaction.on_commit(lambda: simulate.apply_async(retry=False), robust=True)


def hint_tick() -> None:
    """Tell a worker, once the caller's transaction is committed, that a run was asked for.

    Where no message can be sent the next tick finds the row.
    """
    transaction.on_commit(lambda: tick.apply_async(retry=False), robust=True)


def hint_sweep() -> None:
    """Tell a worker, once the caller's transaction is committed, that there is something to charge or to pay out.

    Where no message can be sent the next sweep finds the rows.
    """
    transaction.on_commit(lambda: sweep.apply_async(retry=False), robust=True)


@contextmanager
def _nothing_while_held() -> Iterator[None]:
    """Take the refusal of a held instance for what it is: the work waits in its rows until the instance is resumed."""
    try:
        yield
    except InstanceHeld as held:
        log.warning("instance_held", reason=held.message)
