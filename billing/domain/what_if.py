"""A change that was not made: put on an agreement in thought, it comes at its moment like one that waits.

Billing rules, section 5: plan, price and seats as scheduled for that moment, an end as scheduled for it. The run's own
code applies it (`subscriptions/domain/pending.py`, `billing/domain/cycle.py`); a forecast then shows what follows.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.cycle import transition_of
from core.errors import Conflict, Invalid
from subscriptions.domain.change import PriceChange
from subscriptions.domain.lifecycle import BILLED_STATUSES, Action, Status
from subscriptions.domain.pending import ChangeKind, apply_due
from subscriptions.domain.periods import current_period
from subscriptions.domain.terms import Agreement, PendingChange


@dataclass(frozen=True, slots=True)
class EndWanted:
    """An end in thought, at the period's end or at the moment; `refund` says what it gives back, as a real one's."""

    at_period_end: bool = True
    refund: str = "none"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is supposed to happen at a moment: to one subscription, or to all on a plan.

    `change` is another plan or price, a number of seats, or an end.
    """

    change: PriceChange | int | EndWanted
    at: datetime
    subscription_id: uuid.UUID | None = None
    plan_id: uuid.UUID | None = None

    def is_about(self, agreement: Agreement) -> bool:
        """Tell whether a subscription is one of those it is supposed to happen to."""
        if self.subscription_id is not None:
            return agreement.subscription_id == self.subscription_id
        fits = not isinstance(self.change, PriceChange) or self.change.price.currency == agreement.currency
        return agreement.current.plan_id == self.plan_id and agreement.status in BILLED_STATUSES and fits

    def suppose(self, agreement: Agreement) -> Agreement:
        """Return an agreement to which it will happen; it replaces a change of its kind that waits.

        Raises Conflict for what is not running or ends before, Invalid for what the terms cannot take today.
        """
        if agreement.status not in BILLED_STATUSES:
            raise Conflict(f"The subscription is {agreement.status}.", code="subscription_not_active")
        if agreement.cancel_at is not None and agreement.cancel_at <= self.at:
            raise Conflict("The subscription ends before.", code="subscription_ends_before")
        if isinstance(self.change, EndWanted):
            return _ended(agreement, self.change, self.at)
        waits = self._waits(agreement.subscription_id)
        # One for a moment ahead is tried on what is agreed today; what waits before it is seen when its moment comes.
        _, applied = apply_due(replace(agreement, pending=(waits,)), self.at)
        if applied[0].failure:
            raise Invalid(applied[0].failure, fields={"change": applied[0].failure})
        kept = tuple(one for one in agreement.pending if one.kind != waits.kind)
        return _due_at(replace(agreement, pending=(*kept, waits)), self.at)

    def _waits(self, subscription_id: uuid.UUID) -> PendingChange:
        """Return it as a change that waits."""
        name = uuid.uuid5(subscription_id, "supposed")
        if isinstance(self.change, PriceChange):
            wanted = self.change
            return PendingChange(
                name,
                ChangeKind.PLAN,
                self.at,
                wanted.plan_id,
                wanted.plan_name,
                wanted.price,
                wanted.quantity,
                proration=wanted.proration,
            )
        assert isinstance(self.change, int)  # noqa: S101 - an end does not wait
        return PendingChange(name, ChangeKind.SEATS, self.at, quantity=self.change)


def _ended(agreement: Agreement, wanted: EndWanted, at: datetime) -> Agreement:
    """Return an agreement whose end is scheduled."""
    ends_at = at
    if wanted.at_period_end:
        period = current_period(agreement, at)
        ends_at = agreement.trial_end_at or at if period is None else period.end
    if agreement.status in {Status.ACTIVE, Status.TRIAL_ACTIVE}:
        agreement, _ = transition_of(agreement, Action.SCHEDULE_CANCEL, at)
    return _due_at(replace(agreement, cancel_at=max(ends_at, at), cancel_refund=wanted.refund), max(ends_at, at))


def _due_at(agreement: Agreement, at: datetime) -> Agreement:
    """Return an agreement that is visited at a moment at the latest."""
    due = agreement.next_due_at
    return replace(agreement, next_due_at=at if due is None else min(due, at))
