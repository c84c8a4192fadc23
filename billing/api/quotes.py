"""Quotes: written, changed, accepted."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from billing.api.papers import PaperInput, paper_wanted
from billing.operations import quotes as operations
from billing.operations.quotes import QuoteWanted
from core.api.fields import (
    FlagField,
    IdField,
    InstantField,
    MomentField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from core.domain.schedule import start_of_day
from core.errors import Invalid
from customers import queries as customer_queries
from customers.api.serializers import CustomerAnswer
from customers.models import Customer
from invoicing.models import Invoice, Quote, RequestedLine
from invoicing.queries import quotes as queries
from invoicing.queries.quotes import QuoteFilter

STATUSES = ("open", "accepted", "expired")


class QuoteLineAnswer(AnswerSerializer):
    """A line as the invoice would have it; amounts in minor units."""

    description = TextField()
    quantity = NumberField()
    currency = TextField()
    sub_total = WholeNumberField()
    tax_total = WholeNumberField()
    total = WholeNumberField()
    tax_rate = NumberField(help_text="Percent.")


class QuotePlanAnswer(AnswerSerializer):
    """A plan's price that accepting starts."""

    plan = IdField(source="plan_id")
    price = IdField(source="price_id")
    seat_number = WholeNumberField(source="seats")
    subscription = IdField(source="subscription_id", help_text="What was started.")


class QuoteItemAnswer(AnswerSerializer):
    """An item with an amount of its own; minor units."""

    description = TextField()
    amount = WholeNumberField(source="amount_minor")
    currency = TextField()
    include_tax = FlagField(source="including_tax")
    tax_type = IdField(source="tax_type_id")


class QuoteAnswer(AnswerSerializer):
    """An offer to a customer; amounts in minor units."""

    id = IdField()
    name = TextField()
    status = serializers.SerializerMethodField()
    customer = CustomerAnswer()
    currency = TextField()
    sub_total = WholeNumberField(source="sub_total_minor")
    tax_total = WholeNumberField(source="tax_total_minor")
    total = WholeNumberField(source="total_minor")
    lines = serializers.SerializerMethodField()
    subscriptions = serializers.SerializerMethodField()
    items = serializers.SerializerMethodField()
    expires_at = InstantField()
    created_at = InstantField()
    accepted_at = InstantField()
    invoice = IdField(source="invoice_id", help_text="A draft until its charge succeeds.")
    paid = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "enum": list(STATUSES)})
    def get_status(self, quote: Quote) -> str:
        """Return open, accepted or expired."""
        return "expired" if getattr(quote, "is_expired", False) else quote.status

    @extend_schema_field(QuoteLineAnswer(many=True))
    def get_lines(self, quote: Quote) -> list[dict[str, Any]]:
        """Return the lines as they were priced."""
        one = QuoteLineAnswer()
        exact = ("quantity", "tax_rate")
        return [
            one.to_representation({**line, **{name: Decimal(line[name]) for name in exact}}) for line in quote.lines
        ]

    @extend_schema_field(QuotePlanAnswer(many=True))
    def get_subscriptions(self, quote: Quote) -> list[dict[str, Any]]:
        """Return the plans' prices."""
        one = QuotePlanAnswer()
        return [one.to_representation(row) for row in _rows(quote) if row.plan_id is not None]

    @extend_schema_field(QuoteItemAnswer(many=True))
    def get_items(self, quote: Quote) -> list[dict[str, Any]]:
        """Return the items."""
        one = QuoteItemAnswer()
        return [one.to_representation(row) for row in _rows(quote) if row.plan_id is None]

    def get_paid(self, quote: Quote) -> bool:
        """Tell whether its invoice is paid."""
        return quote.invoice is not None and quote.invoice.status == Invoice.Status.PAID


def _rows(quote: Quote) -> list[RequestedLine]:
    """Return what was asked for, in order."""
    return list(quote.requested_lines.all())


class QuoteInput(PaperInput):
    """What a quote shall offer."""

    answered = frozenset(QuoteAnswer().fields)

    customer = IdField()
    name = TextField(required=False, allow_blank=True, max_length=200)
    expires_at = MomentField(required=False, allow_null=True)


class QuoteChange(PaperInput):
    """What a quote shall offer from now on; lines that are sent take the place of all it has."""

    answered = frozenset(QuoteAnswer().fields)

    name = TextField(required=False, allow_blank=True, max_length=200)
    expires_at = MomentField(required=False, allow_null=True)


class QuoteParameters(ListParameters):
    """What a list of quotes is narrowed by."""

    status = WordField(STATUSES, required=False)
    customer = IdField(required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


def _wanted(values: Mapping[str, Any], zone: str) -> QuoteWanted:
    """Return validated input as operations take it; a day begins at its start in the customer's zone."""
    expires_at: date | datetime | None = values.get("expires_at")
    if expires_at is not None and not isinstance(expires_at, datetime):
        expires_at = start_of_day(expires_at, zone)
    return QuoteWanted(
        paper=paper_wanted(values) if {"subscriptions", "items"} & values.keys() else None,
        name=values.get("name"),
        expires_at=expires_at,
        never_expires="expires_at" in values and expires_at is None,
    )


class QuoteList(ApiView):
    """`/quote`."""

    parameters = {"GET": QuoteParameters}

    @describe("List quotes", gives=QuoteAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        wanted = QuoteFilter(
            status=self.query.get("status", ""),
            customer_id=self.query.get("customer"),
            created_from=self.query.get("created_from"),
            created_to=self.query.get("created_to"),
        )
        return self.list_of(queries.list_quotes(self.now, wanted), QuoteAnswer)

    @describe(
        "Write a quote",
        takes=QuoteInput,
        gives=QuoteAnswer,
        status=201,
        errors=(409,),
        request_example={
            "customer": "01890a5d-ac96-774b-bcce-b302099a8057",
            "items": [{"description": "Training", "amount": 5000, "currency": "EUR"}],
            "expires_at": "2027-01-31",
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Priced as the invoice that accepting it now would make."""
        values = self.read(QuoteInput)
        customer = customer_queries.find_customer(values["customer"])
        if customer is None:
            raise Invalid("There is no such customer.", fields={"customer": "There is no such customer."})
        quote = operations.create_quote(
            customer_id=customer.id,
            wanted=_wanted(values, customer.zone),
            now=customer_queries.now_of(customer, self.now),
            actor=self.actor,
        )
        return answer_created(QuoteAnswer, quote, "quote")


def _customer_of(quote_id: uuid.UUID) -> Customer:
    """Return the customer of a quote. Raises NotFound."""
    return customer_queries.get_customer(queries.get_quote(quote_id).customer_id)


class QuoteDetail(ApiView):
    """`/quote/{id}`."""

    @describe("Read a quote", gives=QuoteAnswer)
    def get(self, request: Request, quote_id: uuid.UUID) -> HttpResponse:
        """One quote with its lines."""
        return answer_json(QuoteAnswer().to_representation(queries.get_quote(quote_id, now=self.now)))

    @describe("Change a quote", takes=QuoteChange, changes=True, gives=QuoteAnswer, errors=(409,))
    def put(self, request: Request, quote_id: uuid.UUID) -> HttpResponse:
        """Priced afresh; what is left out stays. 409 once it is accepted."""
        customer = _customer_of(quote_id)
        sent = self.read(QuoteChange, partial=True)
        now = customer_queries.now_of(customer, self.now)
        quote = operations.update_quote(quote_id, _wanted(sent, customer.zone), now=now, actor=self.actor)
        return answer_json(QuoteAnswer().to_representation(quote))

    @describe("Delete a quote", status=204, errors=(409,))
    def delete(self, request: Request, quote_id: uuid.UUID) -> HttpResponse:
        """409 once it is accepted."""
        customer = _customer_of(quote_id)
        now = customer_queries.now_of(customer, self.now)
        operations.delete_quote(quote_id, now=now, actor=self.actor)
        return answer_nothing()


class QuoteAccept(ApiView):
    """`/quote/{id}/accept`."""

    calls_provider = True

    @describe("Accept a quote", gives=QuoteAnswer, errors=(402, 406, 409, 503))
    def post(self, request: Request, quote_id: uuid.UUID) -> HttpResponse:
        """Starts its subscriptions and issues its invoice, once. 402 when the card is declined: it stays open then.

        406 when it has expired, or without a card to charge.
        """
        customer = _customer_of(quote_id)
        now = customer_queries.now_of(customer, self.now)
        quote = operations.accept_quote(quote_id, now=now, actor=self.actor)
        return answer_json(QuoteAnswer().to_representation(quote))
