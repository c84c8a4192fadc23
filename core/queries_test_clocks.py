"""Reads of test clocks."""

import uuid

from django.db.models import QuerySet

from core.errors import NotFound
from core.models import TestClock


def list_test_clocks() -> QuerySet[TestClock]:
    """Return all test clocks, newest first."""
    return TestClock.objects.order_by("-id")


def get_test_clock(clock_id: uuid.UUID) -> TestClock:
    """Return a test clock. Raises NotFound."""
    clock = TestClock.objects.filter(id=clock_id).first()
    if clock is None:
        raise NotFound(f"No test clock has the id {clock_id}.")
    return clock
