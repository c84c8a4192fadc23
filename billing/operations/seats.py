"""Add and remove seats, counted from what there are (Billing rules, section 5, Seats)."""

import uuid
from datetime import datetime

from billing.operations import plan_changes
from billing.operations.changing import Changed
from billing.operations.plan_changes import AT_ONCE, Timing
from core.errors import Invalid
from core.operations import SYSTEM, Actor
from subscriptions.models import PendingChange


def add_seats(
    *,
    subscription_id: uuid.UUID,
    seats: int,
    now: datetime,
    actor: Actor = SYSTEM,
    invoice_now: bool = False,
    timing: Timing = AT_ONCE,
) -> Changed | PendingChange:
    """Add seats from `now` on: add 1 to 3 -> 4. Billed at the next boundary, with `invoice_now` at once.

    Raises NotFound, Invalid (not per seat, fewer than 1) and Conflict (the subscription is not running).
    """
    return plan_changes.change_seats(
        subscription_id=subscription_id,
        delta=_counted(seats),
        timing=timing,
        invoice_now=invoice_now,
        now=now,
        actor=actor,
    )


def remove_seats(
    *,
    subscription_id: uuid.UUID,
    seats: int,
    now: datetime,
    actor: Actor = SYSTEM,
    invoice_now: bool = False,
    timing: Timing = AT_ONCE,
) -> Changed | PendingChange:
    """Remove seats from `now` on; at least one stays: 24 of 3 is refused and 3 stay. Raises what add_seats does."""
    return plan_changes.change_seats(
        subscription_id=subscription_id,
        delta=-_counted(seats),
        timing=timing,
        invoice_now=invoice_now,
        now=now,
        actor=actor,
    )


def _counted(seats: int) -> int:
    """Return how many seats come or go. Raises Invalid for fewer than one."""
    if seats < 1:
        raise Invalid("At least one seat.", fields={"seats": "At least 1."})
    return seats
