"""Cancel, undo, pause, resume, and go on after a trial (Billing rules, section 5)."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from billing.domain.cycle import cancel, transition_of
from billing.operations import changing
from billing.operations.changing import Changed, Decide, Decided
from billing.operations.start import NoUsablePaymentMethod
from core.errors import Conflict, Invalid
from core.operations import SYSTEM, Actor, AuditDraft, record_audit
from invoicing.domain.account import CARD, Account
from subscriptions.domain import change
from subscriptions.domain.change import PriceChange
from subscriptions.domain.lifecycle import Action, Status
from subscriptions.domain.pending import apply_due
from subscriptions.domain.periods import current_period
from subscriptions.domain.terms import TRIAL, Agreement
from subscriptions.models import Subscription
from subscriptions.queries.terms import list_price_terms


class CancelWhen(StrEnum):
    """When a subscription ends."""

    INSTANTLY = "instantly"
    END_OF_RUN = "end_of_run"
    SPECIFIC_DATE = "specific_date"


class RefundType(StrEnum):
    """What an end gives back."""

    NONE = "none"
    FULL = "full"
    PRORATE = "prorate"


@dataclass(frozen=True, slots=True)
class CancelCommand:
    """How a subscription is to end; `at` is the moment of a specific date, `comment` says why, for the audit trail."""

    when: CancelWhen = CancelWhen.END_OF_RUN
    refund: RefundType = RefundType.NONE
    at: datetime | None = None
    comment: str = ""


SCHEDULABLE = frozenset({Status.ACTIVE, Status.TRIAL_ACTIVE, Status.OVERDUE_PAYMENT_OPEN})
"""What can end later; anything else that lives ends at once."""


def cancel_subscription(
    *, subscription_id: uuid.UUID, command: CancelCommand, now: datetime, actor: Actor = SYSTEM
) -> Changed | None:
    """End a subscription now or later; None when it has ended or its end is set already.

    Outstanding usage is always billed. `now` is the customer's own moment. Raises NotFound, Conflict (its first charge
    is open) and Invalid (a date that is missing or past).
    """
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        if not _is_news(subscription, command):
            return None
        changed = changing.store_change_step(
            subscription=subscription, decide=_cancelling(command), now=now, actor=actor
        )
        cancel_at = changed.agreement.cancel_at
        after = {
            "when": str(command.when),
            "refund_type": str(command.refund),
            "cancel_at": cancel_at.isoformat() if cancel_at is not None else None,
        }
        record_audit(
            actor,
            [AuditDraft("subscription.cancelled", "subscription", subscription_id, None, after, command.comment)],
            recorded_at=now,
        )
        return changed


def preview_cancel(*, subscription_id: uuid.UUID, command: CancelCommand, now: datetime) -> Changed | None:
    """Return what cancel_subscription would bill and give back now, None when nothing would happen."""
    subscription = changing.get_subscription(subscription_id)
    if not _is_news(subscription, command):
        return None
    return changing.preview_change(subscription_id=subscription_id, decide=_cancelling(command), now=now)


def undo_cancel(*, subscription_id: uuid.UUID, now: datetime, actor: Actor = SYSTEM) -> Changed:
    """Take a scheduled end back; what of the running period was left out because of it is charged.

    Raises NotFound, Conflict when no end is scheduled.
    """

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        if agreement.cancel_at is None or agreement.status is Status.CANCELLED:
            raise Conflict("No end is scheduled.", code="not_pending_cancel")
        period = current_period(agreement, at)
        dirty_from = agreement.dirty_from if period is None else period.start
        going_on = replace(agreement, cancel_at=None, cancel_refund="", dirty_from=dirty_from)
        if agreement.status is not Status.PENDING_CANCEL:
            return Decided(going_on)
        in_trial = change.in_force(agreement, at).phase == TRIAL and agreement.billed_to_at is None
        action = Action.UNDO_CANCEL_IN_TRIAL if in_trial else Action.UNDO_CANCEL
        moved, transition = transition_of(going_on, action, at)
        return Decided(moved, (transition,), is_charged=not in_trial)

    facts: dict[str, object] = {"cancel_at": None}
    return changing.store_change(subscription_id=subscription_id, decide=decide, now=now, actor=actor, facts=facts)


def pause_subscription(*, subscription_id: uuid.UUID, now: datetime, actor: Actor = SYSTEM) -> Changed:
    """Pause a subscription: no charges and no entitlements until it resumes. Raises NotFound, Conflict."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        moved, transition = transition_of(change.pause(agreement, at), Action.PAUSE, at)
        return Decided(moved, (transition,), is_charged=False)

    return changing.store_change(subscription_id=subscription_id, decide=decide, now=now, actor=actor)


def resume_subscription(
    *, subscription_id: uuid.UUID, policy: str = "", now: datetime, actor: Actor = SYSTEM
) -> Changed:
    """Let a paused subscription go on, by the policy `shift` (default) or `keep`.

    Changes that wait for the next cycle wait for the end of the period as it is then; what came due in the pause is
    made now. Raises NotFound, Conflict, Invalid on `policy`.
    """
    return changing.store_change(subscription_id=subscription_id, decide=_resuming(policy), now=now, actor=actor)


def extend_trial(*, subscription_id: uuid.UUID, price_id: uuid.UUID, now: datetime, actor: Actor = SYSTEM) -> Changed:
    """Let a subscription in trial, or whose trial has ended, go on paid with a price of its plan.

    Raises NotFound, Conflict, Invalid on `price`, NoUsablePaymentMethod for a card customer without a card.
    """
    subscription = changing.get_subscription(subscription_id)
    plan = subscription.plan
    price = list_price_terms([price_id]).get(price_id)
    if price is None or not plan.prices.filter(id=price_id).exists():
        raise Invalid("The price is not one of the plan's.", fields={"price": "It does not belong to this plan."})

    def decide(account: Account, agreement: Agreement, at: datetime) -> Decided:
        moved, transition = transition_of(agreement, Action.EXTEND, at)
        has_card = agreement.payment_method_id or account.payment_method_id
        if account.billing_type == CARD and not has_card:
            raise NoUsablePaymentMethod("The customer has no card to charge.")
        wanted = PriceChange(plan.id, plan.name, price)
        extended = replace(change.extend_trial(moved, wanted, at), currency=price.currency)
        begins_now = extended.current.from_at <= at
        return Decided(extended, (transition,), is_charged=begins_now)

    facts: dict[str, object] = {"price": str(price_id)}
    return changing.store_change(subscription_id=subscription_id, decide=decide, now=now, actor=actor, facts=facts)


def _is_news(subscription: Subscription, command: CancelCommand) -> bool:
    """Tell whether a cancellation would change anything. Raises Conflict while the first charge is open."""
    if subscription.status == Status.INCOMPLETE:
        raise Conflict("The first charge is not settled yet.", code="subscription_incomplete")
    if subscription.status == Status.CANCELLED:
        return False
    return subscription.cancel_at is None or command.when is CancelWhen.INSTANTLY


def _cancelling(command: CancelCommand) -> Decide:
    """Return the decision of a cancellation."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        ends_at = _end_of(agreement, command, at)
        ending = replace(agreement, cancel_refund=str(command.refund), cancel_at=ends_at)
        if ends_at > at:
            if agreement.status is Status.OVERDUE_PAYMENT_OPEN:
                # A scheduled end survives overdue: it is no status of its own there.
                return Decided(ending, is_charged=False)
            moved, transition = transition_of(ending, Action.SCHEDULE_CANCEL, at)
            return Decided(moved, (transition,), is_charged=False)
        ended, transition = cancel(ending, at)
        is_served = agreement.status not in {Status.OVERDUE_PAYMENT_DISABLED, Status.BLOCKED}
        return Decided(ended, (transition,), is_charged=is_served)

    return decide


def _end_of(agreement: Agreement, command: CancelCommand, now: datetime) -> datetime:
    """Return the moment at which a subscription ends. Raises Invalid on `date`."""
    if command.when is CancelWhen.SPECIFIC_DATE:
        if command.at is None:
            raise Invalid("No date is given.", fields={"date": "is required when it ends on a date"})
        if command.at <= now:
            raise Invalid("The date is past.", fields={"date": "must lie ahead"})
    if command.when is CancelWhen.INSTANTLY or agreement.status not in SCHEDULABLE:
        return now
    if command.when is CancelWhen.SPECIFIC_DATE and command.at is not None:
        return command.at
    if agreement.status is Status.TRIAL_ACTIVE:
        return agreement.trial_end_at or now
    period = current_period(agreement, now)
    if period is None:
        ahead = [one.from_at for one in agreement.calendar if one.from_at > now]
        return ahead[0] if ahead else now
    return period.end


def _resuming(policy: str) -> Decide:
    """Return the decision of a resumption."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        resumed = change.resume(agreement, at, policy) if agreement.status is Status.PAUSED else agreement
        moved, transition = transition_of(resumed, Action.RESUME, at)
        period = current_period(moved, at)
        pending = tuple(
            replace(one, due_at=period.end if one.at_boundary and period is not None else max(one.due_at, at))
            for one in moved.pending
        )
        moved, applied = apply_due(replace(moved, pending=pending), at)
        return Decided(moved, (transition,), applied=applied)

    return decide
