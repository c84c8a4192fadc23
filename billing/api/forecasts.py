"""The months ahead of one customer: what will be billed, and the cash of it."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing.domain.dunning import FinishWith, StepKind
from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from billing.domain.future import Forecast, FutureDocument, FutureDunning, FutureRefund, cash_by_month, in_order
from billing.domain.standing import ChargedLine
from billing.operations.simulating import MOST_MONTHS, Simulation, simulate_customer
from core.api.fields import (
    DayField,
    IdField,
    InstantField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, Parameters
from core.api.views import ApiView, answer_json
from core.domain.schedule import local_date
from customers import queries as customers_queries
from invoicing.domain.assembly import ProposedLine
from invoicing.domain.giving_back import GivenBack

KINDS = ("invoice", "credit_note")
DUNNING_WORDS = tuple(str(one) for one in (StepKind.RETRY, StepKind.REMIND, *FinishWith))
PAYMENTS = [(one.value, one.value) for one in Payments]


class FutureLineAnswer(AnswerSerializer):
    """A line of a document that is not made yet; amounts in minor units."""

    description = TextField()
    subscription = IdField()
    kind = TextField()
    period_start = InstantField()
    period_end = InstantField()
    quantity = NumberField()
    sub_total = WholeNumberField()
    tax_total = WholeNumberField()
    total = WholeNumberField()
    tax_rate = NumberField(help_text="Percent.")


class FutureDocumentAnswer(AnswerSerializer):
    """An invoice or credit note that will be made; amounts in minor units.

    A credit note's are what is given back; its lines stand as on the note, what is given back negative.
    """

    type = WordField(KINDS)
    date = DayField(help_text="The day of issue.")
    due_date = DayField()
    currency = TextField()
    sub_total = WholeNumberField()
    tax_total = WholeNumberField()
    total = WholeNumberField()
    balance_applied = WholeNumberField(min_value=None, help_text="Negative: a debit that is taken with it.")
    amount_due = WholeNumberField()
    paid_out = WholeNumberField(help_text="Of a credit note: what goes back to the card.")
    lines = FutureLineAnswer(many=True)


class CashAnswer(AnswerSerializer):
    """Money expected in a month, in minor units; negative when more is paid back."""

    month = TextField(help_text="Such as `2026-07`.")
    currency = TextField()
    amount = WholeNumberField(min_value=None)


class FutureDunningAnswer(AnswerSerializer):
    """What dunning will do about an invoice that is not paid; `amount` is due then, or given up with the end."""

    date = DayField()
    type = WordField(DUNNING_WORDS, help_text="A retry, a reminder, or the end: what the brand's final action says.")
    currency = TextField()
    amount = WholeNumberField()
    written_off = WholeNumberField()


class PastDueAnswer(AnswerSerializer):
    """What is open and expected in no month: past due, declined, or not paid by assumption."""

    currency = TextField()
    amount = WholeNumberField()


class ForecastAnswer(AnswerSerializer):
    """What a customer will be billed, oldest first, and the cash of it."""

    customer = IdField()
    documents = FutureDocumentAnswer(many=True)
    cash = CashAnswer(many=True)
    past_due = PastDueAnswer(many=True)
    dunning = FutureDunningAnswer(many=True)
    refused = TextField(help_text="Waiting changes the terms could not take, in words.")


def forecast_body(told: Forecast) -> dict[str, Any]:
    """Return a customer's future as it is answered, and printed by the command."""
    return ForecastAnswer().to_representation(
        {
            "customer": told.account.customer_id,
            "documents": [_refund(one) if isinstance(one, FutureRefund) else _document(one) for one in in_order(told)],
            "cash": [
                {"month": month, "currency": currency, "amount": minor}
                for month, currency, minor in cash_by_month(told.cash)
            ],
            "past_due": [
                {"currency": currency, "amount": minor} for currency, minor in sorted(told.past_due_minor.items())
            ],
            "dunning": [_dunning(one, told) for one in told.dunning],
            "refused": " ".join(told.refused),
        }
    )


def _dunning(one: FutureDunning, told: Forecast) -> dict[str, Any]:
    """Return the values of what dunning does."""
    return {
        "date": local_date(one.moment, told.account.zone),
        "type": one.word,
        "currency": one.currency,
        "amount": one.amount_minor,
        "written_off": one.written_off_minor,
    }


def _document(one: FutureDocument) -> dict[str, Any]:
    """Return a document's values; what a credit note gives back is positive, its lines stand as on the note."""
    made = one.proposal
    sign = -1 if made.is_credit else 1
    shown = {
        "type": KINDS[made.is_credit],
        "date": made.occasion.issue_date,
        "due_date": None if made.is_credit else made.due_date,
        "currency": made.currency,
        "sub_total": sign * made.sub_total_minor,
        "tax_total": sign * made.tax_total_minor,
        "total": sign * made.total_minor,
        "balance_applied": None if made.is_credit else made.balance_applied_minor,
        "amount_due": None if made.is_credit else made.amount_due_minor,
        "paid_out": one.paid_out_minor if made.is_credit else None,
    }
    return {**shown, "lines": [_line(line) for line in made.lines]}


def _line(line: ProposedLine) -> dict[str, Any]:
    """Return a line's values."""
    charge = line.charge
    return {
        "description": charge.description,
        "subscription": charge.subscription_id,
        "kind": charge.kind,
        "period_start": charge.period_start,
        "period_end": charge.period_end,
        "quantity": charge.quantity,
        "sub_total": line.tax.net_minor,
        "tax_total": line.tax.tax_minor,
        "total": line.tax.net_minor + line.tax.tax_minor,
        "tax_rate": sum(part.rate for part in line.treatment.parts),
    }


def _refund(one: FutureRefund) -> dict[str, Any]:
    """Return the values of a credit note that gives back what a period was charged."""
    made = one.refund
    return {
        "type": KINDS[True],
        "date": one.issue_date,
        "due_date": None,
        "currency": made.currency,
        "sub_total": made.total_minor - made.tax_minor,
        "tax_total": made.tax_minor,
        "total": made.total_minor,
        "balance_applied": None,
        "amount_due": None,
        "paid_out": made.used.refunded_minor,
        "lines": [_refunded_line(line, part) for line, part in made.lines],
    }


def _refunded_line(line: ChargedLine, part: GivenBack) -> dict[str, Any]:
    """Return the values of what is given back of a line."""
    return {
        "description": line.description,
        "subscription": line.subscription_id,
        "kind": line.kind,
        "period_start": line.rest.period_start,
        "period_end": line.rest.period_end,
        "quantity": line.quantity if part.gross_minor == line.gross_minor else 1,
        "sub_total": -part.net_minor,
        "tax_total": -part.tax_minor,
        "total": -part.gross_minor,
        "tax_rate": line.tax_rate,
    }


class QueryMonthsField(WholeNumberField):
    """A number of months in a query string."""

    def to_internal_value(self, data: Any) -> int:
        """Read it. Refuses what is no whole number."""
        if not isinstance(data, str) or not data.isascii() or not data.isdigit():
            raise self.refuse("must be a whole number")
        return super().to_internal_value(int(data[:6]))


class UpcomingParameters(Parameters):
    """How far ahead, and what is assumed."""

    months = QueryMonthsField(min_value=1, max_value=MOST_MONTHS, required=False, help_text="12 if not sent.")
    usage = WordField([(one.value, one.value) for one in Assumption], required=False)
    payments = WordField(PAYMENTS, required=False, help_text="`fail`: nobody pays, and dunning does what it does.")


def simulation_of(values: Mapping[str, Any], now: datetime) -> Simulation:
    """Return what is simulated, without a change."""
    usage = Assumption(values.get("usage", Assumption.LAST_PERIOD))
    return Simulation(now, values.get("months", 12), usage, payments=Payments(values.get("payments", Payments.MADE)))


class CustomerUpcoming(ApiView):
    """`/customer/{id}/invoices/upcoming`."""

    parameters = {"GET": UpcomingParameters}

    @describe("Tell a customer's upcoming invoices", gives=ForecastAnswer)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """By the code of the billing run, from what is agreed and used now; nothing is written."""
        customer = customers_queries.get_customer(customer_id)
        now = customers_queries.now_of(customer, self.now)
        return answer_json(forecast_body(simulate_customer(customer.id, simulation_of(self.query, now))))
