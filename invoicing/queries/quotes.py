"""Reads of quotes with what their answers show."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, Case, DateTimeField, F, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from core.errors import NotFound
from invoicing.models import Quote, RequestedLine


@dataclass(frozen=True, slots=True)
class QuoteFilter:
    """What a list of quotes is narrowed to; what is empty narrows nothing."""

    status: str = ""
    customer_id: uuid.UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def list_quotes(now: datetime, wanted: QuoteFilter | None = None) -> QuerySet[Quote]:
    """Return quotes with their customer and lines, newest first; `is_expired` is judged at `now` or by a test clock."""
    wanted = wanted or QuoteFilter()
    moment = Coalesce("customer__test_clock__now_at", Value(now), output_field=DateTimeField())
    expired = Case(
        When(Q(status=Quote.Status.OPEN) & Q(expires_at__lte=F("moment")), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    rows = RequestedLine.objects.select_related("plan", "price", "tax_type").order_by("position")
    quotes = (
        Quote.objects.select_related("customer__brand", "invoice")
        .prefetch_related(Prefetch("requested_lines", queryset=rows))
        .alias(moment=moment)
        .annotate(is_expired=expired)
    )
    if wanted.status == "expired":
        # The second condition says nothing new, but an index knows it.
        quotes = quotes.filter(is_expired=True, status=Quote.Status.OPEN)
    elif wanted.status:
        quotes = quotes.filter(status=wanted.status, is_expired=False)
    if wanted.customer_id is not None:
        quotes = quotes.filter(customer_id=wanted.customer_id)
    if wanted.created_from is not None:
        quotes = quotes.filter(created_at__gte=wanted.created_from)
    if wanted.created_to is not None:
        quotes = quotes.filter(created_at__lt=wanted.created_to)
    return quotes.order_by("-id")


def get_quote(quote_id: uuid.UUID, *, now: datetime | None = None) -> Quote:
    """Return a quote with its customer and lines. Raises NotFound."""
    quotes = Quote.objects.select_related("customer") if now is None else list_quotes(now)
    quote = quotes.filter(id=quote_id).first()
    if quote is None:
        raise NotFound(f"No quote has the id {quote_id}.")
    return quote
