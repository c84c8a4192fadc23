"""Queue messages for facts: one for each fact and kind, logged even when it is not sent."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from billing.models import Payment, PaymentAttempt, Refund
from core.models import OutboxEvent, StaffUser
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice, Quote
from notifications.domain.messages import LATEST, MessageKind, Suppressed, kind_of
from notifications.models import BrandMessaging, Message, WebhookEndpoint
from notifications.models.message import ENDPOINT_DISABLED
from subscriptions.models import Subscription

GONE = "what it was about is gone"
_OWNERS = {
    "invoice": Invoice,
    "payment": Payment,
    "payment_attempt": PaymentAttempt,
    "payment_method": PaymentMethod,
    "subscription": Subscription,
    "refund": Refund,
    "quote": Quote,
}


def queue_messages(facts: Sequence[OutboxEvent], now: datetime) -> int:
    """Write a message for each fact that customers are told, in the caller's transaction; return how many wait.

    A fact already told is not told again: the key of a message is its fact and its kind.
    """
    kinds = {fact.id: kind for fact in facts if (kind := kind_of(fact.type, fact.payload)) is not None}
    told = [fact for fact in facts if fact.id in kinds]
    if not told:
        return 0
    owners = _customers_of(told)
    customers = Customer.objects.select_related("brand__messaging").in_bulk(list(set(owners.values())))
    messages = []
    for fact in told:
        customer = customers.get(owners.get(fact.id))
        if customer is None or customer.erased_at is not None:
            continue
        why_not = _why_not(kinds[fact.id], customer, fact, now)
        messages.append(
            Message(
                kind=kinds[fact.id],
                fact=fact,
                customer=customer,
                recipient=customer.email,
                status=Message.Status.SUPPRESSED if why_not else Message.Status.QUEUED,
                reason=why_not or "",
                moment_at=fact.created_at,
                due_at=now,
                settled_at=now if why_not else None,
                created_at=now,
            )
        )
    Message.objects.bulk_create(messages, ignore_conflicts=True)
    return sum(message.status == Message.Status.QUEUED for message in messages)


def _customers_of(facts: Sequence[OutboxEvent]) -> dict[int, object]:
    """Return the id of each fact's customer, by the fact."""
    found: dict[int, object] = {fact.id: fact.object_id for fact in facts if fact.object_kind == "customer"}
    for kind, model in _OWNERS.items():
        of_kind = {fact.id: fact.object_id for fact in facts if fact.object_kind == kind}
        if of_kind:
            owners = dict(model._default_manager.filter(id__in=of_kind.values()).values_list("id", "customer_id"))
            found |= {fact_id: owners[object_id] for fact_id, object_id in of_kind.items() if object_id in owners}
    return found


def _why_not(kind: MessageKind, customer: Customer, fact: OutboxEvent, now: datetime) -> Suppressed | None:
    """Return why a message is not sent, None if it is."""
    messaging = getattr(customer.brand, "messaging", None) or BrandMessaging()
    if kind in messaging.off_kinds:
        return Suppressed.SWITCHED_OFF
    if customer.test_clock_id is not None and not messaging.sends_for_test_clocks:
        return Suppressed.TEST_CLOCK
    if not customer.email:
        return Suppressed.NO_RECIPIENT
    if customer.test_clock_id is None and now - fact.created_at > LATEST:
        return Suppressed.TOO_OLD
    return None


def tell_staff_of_endpoint(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Queue a mail to the superusers that an endpoint was disabled, in the transaction that did it."""
    reasons = {
        WebhookEndpoint.DisabledReason.GONE: "It answered 410 (gone).",
        WebhookEndpoint.DisabledReason.FAILING: "It took nothing for three days.",
    }
    text = (
        f"The webhook endpoint {endpoint.url} was disabled. "
        f"{reasons[WebhookEndpoint.DisabledReason(endpoint.disabled_reason)]}\n\n"
        "It is told nothing until somebody enables it; a replay then sends what it missed:\n"
        f"{settings.PUBLIC_URL}/admin/notifications/webhookendpoint/{endpoint.id}/change/\n"
    )
    staff = StaffUser.objects.filter(~Q(email=""), is_active=True, is_superuser=True).values_list("email", flat=True)
    Message.objects.bulk_create(
        Message(
            kind=ENDPOINT_DISABLED,
            recipient=email,
            subject="A webhook endpoint was disabled",
            text=text,
            language="en",
            moment_at=now,
            due_at=now,
            created_at=now,
        )
        for email in staff
    )


def forget_messages(customer_id: uuid.UUID, now: datetime) -> None:
    """Blank the messages of a customer who was erased; what waits is not sent any more."""
    messages = Message.objects.filter(customer_id=customer_id)
    messages.filter(status=Message.Status.QUEUED).update(
        status=Message.Status.FAILED, settled_at=now, lease_until=None, reason=GONE
    )
    messages.update(recipient="", subject="", text="", html="")
