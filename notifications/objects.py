"""The objects that webhooks tell about, as the API answers them.

They are read when a fact is dispatched, right after its commit (docs/decisions/0031-webhook-bodies.md).
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from billing.api.credit_notes import CreditNoteAnswer
from billing.api.disputes import DisputeAnswer
from billing.api.mass_changes import MassChangeAnswer
from billing.api.quotes import QuoteAnswer
from billing.api.refunds import RefundAnswer
from billing.api.serializers import PaymentAnswer, PaymentAttemptAnswer
from billing.queries import disputes as dispute_queries
from billing.queries import mass_changes as mass_change_queries
from billing.queries import payments as payment_queries
from billing.queries import refunds as refund_queries
from core.api.serializers import AnswerSerializer
from customers import queries as customer_queries
from customers.api.serializers import CustomerAnswer, PaymentDetailsAnswer
from customers.models import PaymentMethod
from customers.queries import CustomerFilter
from invoicing.api.serializers import InvoiceAnswer
from invoicing.api.tax import TaxCountryAnswer, TaxStateAnswer
from invoicing.models import TaxCountry, TaxState
from invoicing.queries import credit_notes as credit_note_queries
from invoicing.queries import invoices as invoice_queries
from invoicing.queries import quotes as quote_queries
from subscriptions.api.serializers import PriceAnswer, SubscriptionAnswer, SubscriptionPlanAnswer
from subscriptions.queries import catalogue as catalogue_queries
from subscriptions.queries import subscriptions as subscription_queries


@dataclass(frozen=True, slots=True)
class Drawing:
    """How the objects of a kind are read and answered."""

    rows: Callable[[datetime], QuerySet[Any]]
    answer: type[AnswerSerializer]


DRAWINGS: Mapping[str, Drawing] = {
    "customer": Drawing(lambda now: customer_queries.list_customers(CustomerFilter()), CustomerAnswer),
    "subscription": Drawing(lambda now: subscription_queries.list_subscriptions(), SubscriptionAnswer),
    "plan": Drawing(lambda now: catalogue_queries.list_plans(), SubscriptionPlanAnswer),
    "price": Drawing(lambda now: catalogue_queries.list_prices(), PriceAnswer),
    "invoice": Drawing(lambda now: invoice_queries.list_invoices(), InvoiceAnswer),
    "credit_note": Drawing(lambda now: credit_note_queries.list_credit_notes(), CreditNoteAnswer),
    "payment": Drawing(lambda now: payment_queries.list_payments(), PaymentAnswer),
    "payment_attempt": Drawing(lambda now: payment_queries.list_attempts(), PaymentAttemptAnswer),
    "dispute": Drawing(lambda now: dispute_queries.list_disputes(), DisputeAnswer),
    "refund": Drawing(lambda now: refund_queries.list_refunds(), RefundAnswer),
    "payment_method": Drawing(lambda now: PaymentMethod.objects.order_by("-id"), PaymentDetailsAnswer),
    "quote": Drawing(quote_queries.list_quotes, QuoteAnswer),
    "mass_change": Drawing(lambda now: mass_change_queries.list_mass_changes(), MassChangeAnswer),
    "tax_country": Drawing(lambda now: TaxCountry.objects.order_by("-id"), TaxCountryAnswer),
    "tax_state": Drawing(lambda now: TaxState.objects.order_by("-id"), TaxStateAnswer),
}


def draw_objects(kind: str, object_ids: Iterable[uuid.UUID], *, now: datetime) -> dict[uuid.UUID, dict[str, Any]]:
    """Return objects of a kind by id as the API answers them, by a constant number of statements.

    One that is gone, and one of a kind that the API does not answer, is told by its id alone.
    """
    wanted = set(object_ids)
    found: dict[uuid.UUID, dict[str, Any]] = {one: {"id": str(one)} for one in wanted}
    drawing = DRAWINGS.get(kind)
    if drawing is not None:
        answer = drawing.answer()
        for row in drawing.rows(now).filter(id__in=wanted):
            found[row.pk] = answer.to_representation(row)
    return found


def customer_in(kind: str, drawn: Mapping[str, Any], payload: Mapping[str, Any]) -> uuid.UUID | None:
    """Return the customer whom an object tells of, None when it tells of none."""
    if kind == "customer":
        found: Any = drawn.get("id")
    else:
        inner = drawn.get("customer")
        found = inner.get("id") if isinstance(inner, Mapping) else inner
        found = found or drawn.get("customer_id") or payload.get("customer")
    return uuid.UUID(str(found)) if found else None
