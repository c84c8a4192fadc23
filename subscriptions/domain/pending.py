"""Changes that wait for their moment: the next cycle, or a date (Billing rules, section 5, Change of plan or price).

Until then plan, price, features and limits stay. Each is applied exactly once, in the order of their moments.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange
from subscriptions.domain.periods import current_period
from subscriptions.domain.terms import Agreement, PendingChange


class ChangeKind(StrEnum):
    """What a pending change is about; a subscription has at most one of each, an item one of its own."""

    PLAN = "plan"
    SEATS = "seats"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Applied:
    """A pending change whose moment has come; `failure` says why the terms could not take it."""

    change_id: uuid.UUID
    at: datetime
    failure: str = ""


def apply_due(agreement: Agreement, moment: datetime) -> tuple[Agreement, tuple[Applied, ...]]:
    """Return the agreement after the pending changes that are due by a moment, and what became of each.

    One that the terms cannot take any more is passed over with the reason: the subscription goes on as it is.
    """
    applied: list[Applied] = []
    while due := [one for one in agreement.pending if one.due_at <= moment]:
        pending = min(due, key=lambda one: one.due_at)
        rest = tuple(one for one in agreement.pending if one.change_id != pending.change_id)
        try:
            agreement = at_boundary(replace(_apply(agreement, pending), pending=rest), pending.due_at)
            applied.append(Applied(pending.change_id, pending.due_at))
        except InvalidAgreement as refusal:
            agreement = replace(agreement, pending=rest)
            applied.append(Applied(pending.change_id, pending.due_at, refusal.message))
    return agreement, tuple(applied)


def at_boundary(agreement: Agreement, at: datetime) -> Agreement:
    """Return an agreement whose changes for the next cycle wait for where the running period ends now.

    A period that restarts on 16 June ends on 16 July: what waited for 1 July waits until then.
    """
    if not any(one.at_boundary and one.due_at > at for one in agreement.pending):
        return agreement
    period = current_period(replace(agreement, cancel_at=None), at)
    if period is None:
        return agreement
    pending = (
        replace(one, due_at=period.end) if one.at_boundary and one.due_at > at else one for one in agreement.pending
    )
    return replace(agreement, pending=tuple(pending))


def _apply(agreement: Agreement, pending: PendingChange) -> Agreement:
    """Return the agreement after one change."""
    at = pending.due_at
    if pending.kind == ChangeKind.PLAN and pending.price is not None:
        wanted = PriceChange(
            pending.plan_id or agreement.current.plan_id,
            pending.plan_name,
            pending.price,
            pending.quantity,
            pending.proration,
        )
        return change.change_price(agreement, wanted, at)
    quantity = pending.quantity or 0
    if pending.kind == ChangeKind.SEATS:
        return change.change_seats(agreement, quantity, at)
    if pending.item_id is not None and quantity:
        return change.change_item(agreement, pending.item_id, quantity, at)
    if pending.item_id is not None:
        return change.remove_item(agreement, pending.item_id, at)
    raise InvalidAgreement("change", "The change names nothing to change.")
