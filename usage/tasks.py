"""Hints for the worker about usage: any of them may be lost, late or doubled."""

from celery import shared_task

from core.clock import wall_now
from usage.operations import totals


@shared_task(name="usage.tasks.keep_totals")
def keep_totals() -> None:
    """Keep the totals by the hour of busy subscriptions."""
    totals.keep_totals(now=wall_now())
