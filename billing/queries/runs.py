"""Reads of billing runs."""

import uuid

from django.db.models import QuerySet

from billing.models import BillingRun
from core.errors import NotFound


def get_run(run_id: uuid.UUID) -> BillingRun:
    """Return a billing run by its id. Raises NotFound."""
    found = BillingRun.objects.filter(id=run_id).first()
    if found is None:
        raise NotFound(f"No billing run has the id {run_id}.")
    return found


def list_runs() -> QuerySet[BillingRun]:
    """Return all billing runs, newest first."""
    return BillingRun.objects.order_by("-id")
