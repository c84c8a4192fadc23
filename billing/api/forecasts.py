"""The months ahead of one customer, and what would follow from a change."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing.domain.expected_usage import Assumption
from billing.domain.forecast import Forecast, FutureDocument, FutureRefund, cash_by_month, in_order
from billing.domain.standing import ChargedLine
from billing.domain.what_if import EndWanted
from billing.operations.lifecycle import RefundType
from billing.operations.simulating import MOST_MONTHS, Simulation, simulate_customer
from billing.operations.supposing import Supposed, suppose
from core.api.fields import (
    DayField,
    IdField,
    InstantField,
    MomentField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer, Parameters
from core.api.views import ApiView, answer_json
from core.domain.schedule import start_of_day
from core.errors import Invalid
from customers import queries as customers_queries
from customers.models import Customer
from invoicing.domain.assembly import ProposedLine
from invoicing.domain.giving_back import GivenBack
from subscriptions.api.inputs import plan_reference, price_reference

KINDS = ("invoice", "credit_note")


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


class PastDueAnswer(AnswerSerializer):
    """What is open and past due, or whose charge was declined: expected in no month."""

    currency = TextField()
    amount = WholeNumberField()


class ForecastAnswer(AnswerSerializer):
    """What a customer will be billed, oldest first, and the cash of it."""

    customer = IdField()
    documents = FutureDocumentAnswer(many=True)
    cash = CashAnswer(many=True)
    past_due = PastDueAnswer(many=True)
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
            "refused": " ".join(told.refused),
        }
    )


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


class ChangeInput(InputSerializer):
    """A change in thought: of one `subscription` or of all on a `plan`, by one of price, seats and end."""

    subscription = IdField(required=False)
    plan = plan_reference(required=False, help_text="All of the customer's subscriptions of this plan.")
    new_plan = plan_reference(required=False)
    new_price = price_reference(required=False)
    seats = WholeNumberField(min_value=1, max_value=1_000_000, required=False)
    cancel = WordField(
        ["end-of-run", "specific-date"],
        required=False,
        spellings={"end_of_run": "end-of-run"},
    )
    refund_type = WordField([str(one) for one in RefundType], required=False)
    date = MomentField(required=False, help_text="When it happens; now if not sent.")

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is missing, and what cannot be sent together."""
        sent = self.sent_names
        faults: dict[str, str] = {}
        if len(sent & {"subscription", "plan"}) != 1:
            faults["subscription"] = "either subscription or plan is required"
        asked = [one for one in ("new_price", "seats", "cancel") if one in sent]
        if len(asked) != 1:
            faults["new_price"] = "one of new_price, seats and cancel is required"
        if "plan" in sent and asked and asked != ["new_price"]:
            faults[asked[0]] = "is for one subscription"
        if "new_plan" in sent and "new_price" not in sent:
            faults["new_price"] = "is required with new_plan"
        if "cancel" not in sent and "refund_type" in sent:
            faults["refund_type"] = "is for cancel"
        if values.get("cancel") == "specific-date" and "date" not in sent:
            faults["date"] = "is required when it ends on a date"
        return faults


class SimulateInput(InputSerializer):
    """Whose future, how far, and what is supposed."""

    customer = IdField()
    months = WholeNumberField(min_value=1, max_value=MOST_MONTHS, required=False, help_text="12 if not sent.")
    usage = WordField(
        [(one.value, one.value) for one in Assumption],
        required=False,
        help_text="What is used in the time ahead: what the last whole period had (if not sent), or nothing.",
    )
    change = ChangeInput(required=False)


def _simulation(values: Mapping[str, Any], now: datetime) -> Simulation:
    """Return what is simulated, without a change."""
    usage = Assumption(values.get("usage", Assumption.LAST_PERIOD))
    return Simulation(now, values.get("months", 12), usage)


def _supposed(values: Mapping[str, Any], customer: Customer, now: datetime) -> Supposed:
    """Return a validated change as the engine takes it; a day begins at its start in the customer's zone."""
    date = values.get("date", now)
    at = date if isinstance(date, datetime) else start_of_day(date, customer.zone)
    end = None
    if "cancel" in values:
        end = EndWanted(values["cancel"] == "end-of-run", values.get("refund_type", "none"))
    ids = {f"{name}_id": values[name].id for name in ("plan", "new_plan", "new_price") if name in values}
    return Supposed(at, values.get("subscription"), **ids, seats=values.get("seats"), end=end)


class CustomerUpcoming(ApiView):
    """`/customer/{id}/invoices/upcoming`."""

    parameters = {"GET": UpcomingParameters}

    @describe("Tell a customer's upcoming invoices", gives=ForecastAnswer)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """By the code of the billing run, from what is agreed and used now; nothing is written."""
        customer = customers_queries.get_customer(customer_id)
        now = customers_queries.now_of(customer, self.now)
        return answer_json(forecast_body(simulate_customer(customer.id, _simulation(self.query, now))))


class Simulate(ApiView):
    """`/simulate`."""

    # It reads in a transaction of its own, in which PostgreSQL refuses every write.
    calls_provider = True

    @describe(
        "Simulate the months ahead",
        takes=SimulateInput,
        gives=ForecastAnswer,
        errors=(409,),
        request_example={
            "customer": "01890a5d-ac96-774b-bcce-b302099a8057",
            "months": 6,
            "change": {"subscription": "01890a5d-ac96-774b-bcce-b302099a8058", "seats": 12, "date": "2027-01-01"},
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """As upcoming invoices, and with a change that was not made, as if it were scheduled for its date."""
        values = self.read(SimulateInput)
        customer = customers_queries.find_customer(values["customer"])
        if customer is None:
            raise Invalid("There is no such customer.", fields={"customer": "There is no such customer."})
        now = customers_queries.now_of(customer, self.now)
        wanted = _simulation(values, now)
        if "change" in values:
            what_if = suppose(_supposed(values["change"], customer, now), customer_id=customer.id, now=now)
            wanted = Simulation(now, wanted.months, wanted.usage, what_if)
        return answer_json(forecast_body(simulate_customer(customer.id, wanted)))
