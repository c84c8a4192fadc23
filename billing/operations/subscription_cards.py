"""Choose the card that pays one subscription."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.operations import changing
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid
from core.operations import SYSTEM, Actor, AuditDraft, emit, record_audit
from customers.models import PaymentMethod
from subscriptions.domain.lifecycle import Status


def choose_card(
    *, subscription_id: uuid.UUID, payment_method_id: uuid.UUID, now: datetime, actor: Actor = SYSTEM
) -> None:
    """Let a card of the subscription's customer pay it from its next document on; charges on their way keep theirs.

    Raises NotFound, Conflict for a subscription that has ended, Invalid for a card of somebody else or a removed one.
    """
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        if subscription.status == Status.CANCELLED:
            raise Conflict("The subscription has ended.", code="subscription_not_active")
        cards = PaymentMethod.objects.filter(customer=subscription.customer_id, removed_at__isnull=True)
        if not cards.filter(id=payment_method_id).exists():
            message = "The customer has no such card."
            raise Invalid(message, fields={"payment_details": message})
        if subscription.payment_method_id == payment_method_id:
            return
        before = {"payment_method": str(subscription.payment_method_id) if subscription.payment_method_id else None}
        subscription.payment_method_id, subscription.updated_at = payment_method_id, now
        subscription.save(update_fields=["payment_method", "updated_at"])
        after = {"payment_method": str(payment_method_id)}
        emit(OutboxDraft("subscription.updated", "subscription", subscription_id, now, {**after, "previous": before}))
        draft = AuditDraft("subscription.card_chosen", "subscription", subscription_id, before, after)
        record_audit(actor, [draft], recorded_at=now)
