"""Reads of disputes."""

import uuid
from collections.abc import Collection

from django.db.models import QuerySet

from billing.domain.dispute_state import HOLDING_STATUSES
from billing.models import Dispute, Payment
from core.errors import NotFound


def list_disputes(customer_id: uuid.UUID | None = None) -> QuerySet[Dispute]:
    """Return disputes, newest first, of one customer when it is named."""
    disputes = Dispute.objects.select_related("customer__brand").order_by("-id")
    return disputes if customer_id is None else disputes.filter(customer_id=customer_id)


def get_dispute(dispute_id: uuid.UUID) -> Dispute:
    """Return a dispute. Raises NotFound."""
    dispute = list_disputes().filter(id=dispute_id).first()
    if dispute is None:
        raise NotFound(f"No dispute has the id {dispute_id}.")
    return dispute


def find_dispute(provider: str, reference: str) -> Dispute | None:
    """Return a dispute by its provider's reference, None when it is not recorded."""
    return Dispute.objects.filter(provider=provider, external_reference=reference).first()


def find_payment(provider: str, reference: str) -> Payment | None:
    """Return the payment that a provider's charge became, None when there is none."""
    payments = Payment.objects.filter(provider=provider, external_reference=reference)
    return payments.exclude(external_reference="").first()


def is_held(payment_id: uuid.UUID, *, besides: Collection[uuid.UUID] = ()) -> bool:
    """Tell whether a dispute takes a payment away, for now or for good."""
    holding = Dispute.objects.filter(payment_id=payment_id, status__in=HOLDING_STATUSES)
    return holding.exclude(id__in=besides).exists()
