"""Steps that move subscriptions between active and overdue as their invoices fail and are paid."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from billing.operations import dunning_rows
from billing.queries import payments as payment_queries
from core.domain.outbox import OutboxDraft
from core.operations import require_transaction
from core.updating import update_rows
from subscriptions.domain.lifecycle import Action, Status, next_status
from subscriptions.models import Subscription, SubscriptionEvent

OVERDUE_STATUSES = frozenset({Status.OVERDUE_PAYMENT_OPEN, Status.OVERDUE_PAYMENT_DISABLED})
ACTOR = "billing"


def mark_unpaid(invoice_ids: Iterable[uuid.UUID], now: datetime) -> list[OutboxDraft]:
    """Make the active subscriptions on these invoices overdue and return the facts to emit.

    The caller holds their customers' locks. Only an active subscription becomes overdue (Billing rules, section 5);
    one that waits for its end keeps its status. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    subscription_ids = payment_queries.subscriptions_of_invoices(invoice_ids, {Status.ACTIVE})
    return _move(subscription_ids, (Action.FAIL_PAYMENT,), now)


def mark_paid(invoice_ids: Iterable[uuid.UUID], now: datetime) -> list[OutboxDraft]:
    """Make the overdue subscriptions on these paid invoices active again and return the facts to emit.

    Their dunning is closed. One that is on another open invoice whose charge failed, or that is overdue, stays overdue;
    one whose cancel date was set meanwhile waits for it. The caller holds their customers' locks. Raises RuntimeError
    outside a transaction.
    """
    require_transaction()
    ids = list(invoice_ids)
    dunning_rows.close_settled(ids, now)
    subscription_ids = payment_queries.subscriptions_of_invoices(ids, OVERDUE_STATUSES)
    if not subscription_ids:
        return []
    failing = payment_queries.subscriptions_with_failed_invoices(subscription_ids)
    freed = payment_queries.subscriptions_of_enabled(failing)
    return [
        *_move(subscription_ids - failing, (Action.SETTLE_PAYMENT,), now),
        *_move(freed, (Action.SETTLE_PAYMENT, Action.FAIL_PAYMENT), now),
    ]


def mark_given_up(invoice_ids: Iterable[uuid.UUID], now: datetime) -> list[OutboxDraft]:
    """Let subscriptions go on whose debt was given up, and return the facts to emit.

    Nothing open is behind them any more; who was disabled over it stays so. The caller holds their customers' locks.
    """
    require_transaction()
    ids = list(invoice_ids)
    dunning_rows.close_settled(ids, now)
    subscription_ids = payment_queries.subscriptions_of_invoices(ids, {Status.OVERDUE_PAYMENT_OPEN})
    subscription_ids -= payment_queries.subscriptions_with_failed_invoices(subscription_ids)
    return _move(subscription_ids, (Action.SETTLE_PAYMENT,), now)


def mark_disabled(customer_id: uuid.UUID, now: datetime) -> list[OutboxDraft]:
    """Take an overdue customer's overdue subscriptions out of service and return the facts to emit."""
    require_transaction()
    overdue = Subscription.objects.filter(customer_id=customer_id, status=Status.OVERDUE_PAYMENT_OPEN)
    return _move(overdue.values_list("id", flat=True), (Action.DISABLE,), now)


def mark_enabled(customer_id: uuid.UUID, now: datetime) -> list[OutboxDraft]:
    """Give the subscriptions of a customer whom a person enabled back, and return the facts to emit."""
    require_transaction()
    disabled = Subscription.objects.filter(customer_id=customer_id, status=Status.OVERDUE_PAYMENT_DISABLED)
    return _move(disabled.values_list("id", flat=True), (Action.SETTLE_PAYMENT,), now)


def _move(subscription_ids: Iterable[uuid.UUID], actions: tuple[Action, ...], now: datetime) -> list[OutboxDraft]:
    """Apply the actions to each subscription, with an event row for each."""
    wanted = list(subscription_ids)
    if not wanted:
        return []
    locked = Subscription.objects.filter(id__in=wanted).order_by("id").select_for_update(no_key=True, of=("self",))
    events, facts, subscriptions = [], [], list(locked)
    for subscription in subscriptions:
        before = Status(subscription.status)
        steps = actions
        if actions[-1] is Action.SETTLE_PAYMENT and subscription.cancel_at is not None:
            # A scheduled cancel date survives overdue.
            steps = (*actions, Action.SCHEDULE_CANCEL)
        status = before
        for action in steps:
            following = next_status(status, action)
            events.append(_event(subscription, status, following, action, now))
            status = following
        subscription.status = status
        subscription.updated_at = now
        facts.append(
            OutboxDraft(
                type="subscription.updated",
                object_kind="subscription",
                object_id=subscription.id,
                created_at=now,
                payload={"status": str(status), "previous": {"status": str(before)}},
            )
        )
    update_rows(subscriptions, ["status", "updated_at"])
    SubscriptionEvent.objects.bulk_create(events)
    return facts


def _event(
    subscription: Subscription, before: Status, after: Status, action: Action, now: datetime
) -> SubscriptionEvent:
    return SubscriptionEvent(
        subscription=subscription,
        from_status=before,
        to_status=after,
        action=action,
        actor=ACTOR,
        happened_at=now,
    )
