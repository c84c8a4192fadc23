"""Test clocks as rows: made and deleted. Advancing one runs the engine, and so stands in a higher room."""

import uuid
from datetime import datetime

from django.db import transaction

from core.deletion import delete_unused
from core.errors import Conflict
from core.models import Instance, TestClock
from core.operations import Actor, AuditDraft, record_audit
from core.queries_api_keys import instance_mode
from core.queries_test_clocks import get_test_clock


@transaction.atomic
def create_test_clock(*, name: str, now_at: datetime, actor: Actor, now: datetime) -> TestClock:
    """Make a clock that stands at a moment until it is advanced. Raises Conflict on an instance that bills for real."""
    if instance_mode() != Instance.Mode.TEST:
        raise Conflict("Test clocks need an instance in test mode.", code="not_in_test_mode")
    clock = TestClock.objects.create(name=name, now_at=now_at, created_at=now)
    after = {"name": name, "now_at": now_at.isoformat()}
    record_audit(actor, [AuditDraft("test_clock.created", "test_clock", clock.id, after=after)], recorded_at=now)
    return clock


@transaction.atomic
def delete_test_clock(clock_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a clock on which no customer hangs. Raises NotFound, Conflict."""
    clock = get_test_clock(clock_id)
    if clock.status == TestClock.Status.ADVANCING:
        raise Conflict("The test clock is advancing.", code="clock_advancing")
    delete_unused(clock, "test_clock")
    record_audit(actor, [AuditDraft("test_clock.deleted", "test_clock", clock_id)], recorded_at=now)
