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
    due = sorted((one for one in agreement.pending if one.due_at <= moment), key=lambda one: one.due_at)
    for pending in due:
        rest = tuple(one for one in agreement.pending if one.change_id != pending.change_id)
        try:
            agreement = replace(_apply(agreement, pending), pending=rest)
            applied.append(Applied(pending.change_id, pending.due_at))
        except InvalidAgreement as refusal:
            agreement = replace(agreement, pending=rest)
            applied.append(Applied(pending.change_id, pending.due_at, refusal.message))
    return agreement, tuple(applied)


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
