"""Store agreements as rows: the subscription, its items and the versions of their terms."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.operations import require_transaction
from subscriptions.domain.terms import Agreement
from subscriptions.models import ItemTerms, Subscription, SubscriptionEvent, SubscriptionItem, SubscriptionTerms


@dataclass(frozen=True, slots=True)
class AgreementRecord:
    """What a stored agreement carries beside its terms."""

    status: str
    current_period_start: datetime
    current_period_end: datetime | None
    actor: str
    action: str
    recorded_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict)


def store_agreement(agreement: Agreement, record: AgreementRecord) -> Subscription:
    """Insert a new agreement with its whole history, in the caller's transaction, and return its subscription.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    at = record.recorded_at
    subscription = Subscription.objects.create(
        id=agreement.subscription_id,
        customer_id=agreement.customer_id,
        plan_id=agreement.current.plan_id,
        currency=agreement.currency,
        status=record.status,
        payment_method_id=agreement.payment_method_id,
        started_at=agreement.started_at,
        current_period_start=record.current_period_start,
        current_period_end=record.current_period_end,
        billed_to_at=agreement.billed_to_at,
        next_due_at=agreement.next_due_at,
        trial_end_at=agreement.trial_end_at,
        metadata=record.metadata,
        created_at=at,
        updated_at=at,
    )
    SubscriptionTerms.objects.bulk_create(
        SubscriptionTerms(
            subscription=subscription,
            version=version.version,
            from_at=version.from_at,
            phase=version.phase,
            plan_id=version.plan_id,
            anchor_wall=version.anchor_wall,
            interval=version.interval.unit if version.interval else "one_off",
            interval_count=version.interval.count if version.interval else 1,
            time_zone=version.zone,
            alignment=version.alignment,
            resumes=version.resumes,
            credits_unused=version.credits_unused,
            reason=record.action,
            actor=record.actor,
            recorded_at=at,
        )
        for version in agreement.calendar
    )
    SubscriptionItem.objects.bulk_create(
        SubscriptionItem(id=item.item_id, subscription=subscription, position=item.position, created_at=at)
        for item in agreement.items
    )
    ItemTerms.objects.bulk_create(
        ItemTerms(
            item_id=item.item_id,
            version=version.version,
            from_at=version.from_at,
            price_id=version.price.price_id,
            quantity=version.quantity,
            delta=version.quantity,
            change=version.change,
            proration=version.proration,
            actor=record.actor,
            recorded_at=at,
        )
        for item in agreement.items
        for version in item.versions
    )
    record_status(subscription, "", action=record.action, actor=record.actor, happened_at=at)
    return subscription


def record_status(
    subscription: Subscription, from_status: str, *, action: str, actor: str, happened_at: datetime
) -> None:
    """Add the status a subscription has come to, to its history."""
    SubscriptionEvent.objects.create(
        subscription=subscription,
        from_status=from_status,
        to_status=subscription.status,
        action=action,
        actor=actor,
        happened_at=happened_at,
    )
