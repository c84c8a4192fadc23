"""Hints for the worker: any of them may be lost, late or doubled, because rows carry the work."""

from celery import shared_task

from billing.operations import charging
from billing.operations.runs import TICK, bill_due
from billing.run.claiming import Scope, count_due
from core.clock import wall_now


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
    charging.charge_due(wall_now())
