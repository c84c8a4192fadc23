"""Change a customer, with what follows for its running subscriptions."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.operations import changing, standing
from billing.operations.changing import Decided
from core.operations import Actor, emit
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.account import Account
from subscriptions.domain.lifecycle import BILLED_STATUSES
from subscriptions.domain.terms import Agreement
from subscriptions.models import Subscription


def update_customer(customer_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Customer:
    """Change facts of a customer, as `customers.operations.update_customer` does; `now` is the wall's moment.

    Another time zone counts from the next boundary of every running subscription: that one stays, later ones keep
    their wall time in the new zone (Billing rules, section 2). Those that are paused follow when they resume.
    """
    with transaction.atomic():
        zone_before = customer_queries.lock_customer(customer_id).zone
        customer = customer_operations.update_customer(customer_id, changes, actor=actor, now=now)
        if customer.zone != zone_before:
            _move_subscriptions(customer, zone_before, actor, customer_queries.now_of(customer, now))
        return customer


def enable_customer(customer_id: uuid.UUID, *, actor: Actor, now: datetime) -> bool:
    """Enable a customer by hand, and let subscriptions go on that dunning took out; tell whether it was.

    What is overdue stays owed, and does not disable it again. `now` is the wall's moment. Raises NotFound.
    """
    with transaction.atomic():
        customer = customer_queries.lock_customer(customer_id)
        was_disabled = customer_operations.enable_customer(customer_id, actor=actor, now=now)
        emit(*standing.mark_enabled(customer_id, customer_queries.now_of(customer, now)))
        return was_disabled


def _move_subscriptions(customer: Customer, zone_before: str, actor: Actor, now: datetime) -> None:
    """Set down the customer's zone in the calendars of what runs; what is due already is billed by the old one."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        # The step itself moves what it decides upon to the customer's zone.
        return Decided(agreement, is_charged=False)

    running = Subscription.objects.filter(customer=customer, status__in=BILLED_STATUSES).order_by("id")
    for subscription_id in running.values_list("id", flat=True):
        subscription = changing.lock_subscription(subscription_id)
        changing.store_change_step(
            subscription=subscription, decide=decide, now=now, actor=actor, zone_before=zone_before
        )
