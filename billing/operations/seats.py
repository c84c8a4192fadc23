"""Add and remove seats: every change is a version of the item's terms, billed at the next boundary.

Billing rules, section 5, Seats.
"""

import uuid
from datetime import datetime

from django.db import transaction

from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid, NotFound
from core.operations import SYSTEM, Actor, emit
from customers import queries as customer_queries
from subscriptions.domain.lifecycle import ACTIVE_STATUSES, Status
from subscriptions.models import ItemTerms, Subscription

MAXIMUM_SEATS = 1_000_000


def add_seats(*, subscription_id: uuid.UUID, seats: int, now: datetime, actor: Actor = SYSTEM) -> Subscription:
    """Add seats from `now` on and return the subscription: add 1 to 3 -> 4.

    Raises NotFound, Invalid (not per seat, fewer than 1) and Conflict (the subscription is not running).
    """
    return _change(subscription_id, seats, 1, now, actor)


def remove_seats(*, subscription_id: uuid.UUID, seats: int, now: datetime, actor: Actor = SYSTEM) -> Subscription:
    """Remove seats from `now` on and return the subscription; at least one stays: 24 of 3 is refused and 3 stay.

    Raises what add_seats does.
    """
    return _change(subscription_id, seats, -1, now, actor)


def _change(subscription_id: uuid.UUID, seats: int, sign: int, now: datetime, actor: Actor) -> Subscription:
    """Add a version of terms with more or fewer seats."""
    if seats < 1:
        raise Invalid("At least one seat.", fields={"seats": "At least 1."})
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        subscription = _lock(subscription_id)
        if not subscription.plan.per_seat:
            raise Invalid("The plan is not per seat.", fields={"seats": "This subscription's plan is not per seat."})
        if Status(subscription.status) not in ACTIVE_STATUSES:
            raise Conflict(f"The subscription is {subscription.status}.", code="subscription_not_active")
        latest = (
            ItemTerms.objects.filter(item__subscription=subscription, item__position=0).order_by("-version").first()
        )
        if latest is None:
            raise NotFound(f"Subscription {subscription_id} has no plan item.")
        after = latest.quantity + sign * seats
        if not 1 <= after <= MAXIMUM_SEATS:
            message = f"{latest.quantity} seats would become {after}; it stays between 1 and {MAXIMUM_SEATS}."
            raise Invalid(message, fields={"seats": message})
        ItemTerms.objects.create(
            item_id=latest.item_id,
            version=latest.version + 1,
            # Not before what a run has billed since `now` was read, waiting for the lock: that quantity is charged.
            from_at=max(now, latest.from_at, subscription.billed_to_at or now),
            price_id=latest.price_id,
            quantity=after,
            delta=sign * seats,
            change=ItemTerms.Change.SEATS_ADDED if sign > 0 else ItemTerms.Change.SEATS_REMOVED,
            actor=actor.name,
            recorded_at=now,
        )
        subscription.updated_at = now
        subscription.save(update_fields=["updated_at"])
        facts = {"seats": after, "previous": {"seats": latest.quantity}}
        emit(OutboxDraft("subscription.seats_changed", "subscription", subscription.id, now, facts))
    return subscription


def _lock(subscription_id: uuid.UUID) -> Subscription:
    """Lock a subscription under its customer's lock. Raises NotFound."""
    customer_id = Subscription.objects.filter(id=subscription_id).values_list("customer_id", flat=True).first()
    if customer_id is None:
        raise NotFound(f"No subscription has the id {subscription_id}.")
    customer_queries.lock_customer(customer_id)
    locked = Subscription.objects.select_for_update(no_key=True, of=("self",)).select_related("plan", "customer")
    return locked.get(id=subscription_id)
