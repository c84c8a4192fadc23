"""Erase a customer: end what runs, forget the cards, and blank what tells who it was."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.operations import cards, lifecycle
from billing.operations.lifecycle import CancelCommand, CancelWhen
from core.errors import Conflict
from core.operations import Actor, blank_audit
from customers import operations as customer_operations
from customers import queries as customer_queries
from customers.models import Customer
from subscriptions.domain.lifecycle import LIVE_STATUSES, Status
from subscriptions.models import Subscription

ERASED_SUBSCRIPTION = {"main_external_reference": "", "child_external_reference": "", "metadata": {}}


def erase_customer(customer_id: uuid.UUID, *, actor: Actor, now: datetime) -> Customer:
    """End a customer's subscriptions at once, remove its cards at the provider, and erase who it was.

    Outstanding usage is billed first, and finalised invoices stay as they were issued. `now` is the wall's moment. A
    failure on the way leaves what was done; asking again goes on. An erased customer is erased twice without
    complaint. Raises NotFound, Conflict while a first charge is open, Unavailable (`provider_unavailable`).
    """
    customer = customer_queries.get_customer(customer_id)
    if customer.erased_at is not None:
        return customer
    detach_customer(customer_id, actor=actor, now=now)
    with transaction.atomic():
        erased = customer_operations.erase_facts(customer_id, actor=actor, now=now)
        subscriptions = Subscription.objects.filter(customer_id=customer_id)
        blank_audit(subscriptions.values_list("id", flat=True))
        subscriptions.update(**ERASED_SUBSCRIPTION)
        return erased


def detach_customer(customer_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """End a customer's subscriptions at once and remove its cards at the provider; the customer stays known.

    `now` is the wall's moment. Raises NotFound, Conflict while a first charge is open, Unavailable.
    """
    customer = customer_queries.get_customer(customer_id)
    moment = customer_queries.now_of(customer, now)
    live = Subscription.objects.filter(customer_id=customer_id, status__in=LIVE_STATUSES).order_by("id")
    running = list(live.values_list("id", "status"))
    if any(status == Status.INCOMPLETE for _, status in running):
        raise Conflict("A first charge is not settled yet.", code="subscription_incomplete")
    for subscription_id, _ in running:
        lifecycle.cancel_subscription(
            subscription_id=subscription_id, command=CancelCommand(CancelWhen.INSTANTLY), now=moment, actor=actor
        )
    for card in customer_queries.list_payment_methods(customer_id):
        cards.remove_card(payment_method_id=card.id, now=moment)
