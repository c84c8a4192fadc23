"""Hints for the worker: any of them may be lost, late or doubled, because rows carry the work."""

import uuid
from datetime import datetime

from celery import shared_task

from billing.operations import charging, first_invoices
from billing.operations.clocks import advance_clock
from billing.operations.runs import TICK, bill_due
from billing.run.claiming import Scope, count_due
from core.clock import wall_now

CHARGES_A_SWEEP = 2_000


@shared_task(name="billing.tasks.tick")
def tick() -> None:
    """Bill whoever is due by the wall clock."""
    now = wall_now()
    scope = Scope(as_of=now, now=now)
    if count_due(scope):
        bill_due(scope, trigger=TICK, clock=wall_now)
        sweep.delay()


@shared_task(name="billing.tasks.sweep")
def sweep() -> None:
    """Charge what is due, and settle what a worker left behind."""
    charging.charge_due_everywhere(wall_now(), limit=CHARGES_A_SWEEP)
    first_invoices.abandon_stale(now=wall_now())


@shared_task(name="billing.tasks.advance_test_clock")
def advance_test_clock(clock_id: str, target: str) -> None:
    """Finish an advance that took longer than its caller waited."""
    advance_clock(clock_id=uuid.UUID(clock_id), to_at=datetime.fromisoformat(target), now=wall_now())
