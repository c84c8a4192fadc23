"""Add and remove seats, counted from what there are (Billing rules, section 5, Seats)."""

import uuid
from datetime import datetime

from billing.operations import plan_changes
from core.errors import Invalid
from core.operations import SYSTEM, Actor


def add_seats(
    *, subscription_id: uuid.UUID, seats: int, now: datetime, actor: Actor = SYSTEM, invoice_now: bool = False
) -> None:
    """Add seats from `now` on: add 1 to 3 -> 4. Billed at the next boundary, with `invoice_now` at once.

    Raises NotFound, Invalid (not per seat, fewer than 1) and Conflict (the subscription is not running).
    """
    _change(subscription_id, seats, 1, now, actor=actor, invoice_now=invoice_now)


def remove_seats(
    *, subscription_id: uuid.UUID, seats: int, now: datetime, actor: Actor = SYSTEM, invoice_now: bool = False
) -> None:
    """Remove seats from `now` on; at least one stays: 24 of 3 is refused and 3 stay. Raises what add_seats does."""
    _change(subscription_id, seats, -1, now, actor=actor, invoice_now=invoice_now)


def _change(
    subscription_id: uuid.UUID, seats: int, sign: int, now: datetime, *, actor: Actor, invoice_now: bool
) -> None:
    """Set as many seats more or fewer."""
    if seats < 1:
        raise Invalid("At least one seat.", fields={"seats": "At least 1."})
    plan_changes.change_seats(
        subscription_id=subscription_id, delta=sign * seats, invoice_now=invoice_now, now=now, actor=actor
    )
