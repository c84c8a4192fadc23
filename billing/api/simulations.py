"""Simulations: of one customer at once, of everybody by a worker, with a change that was not made."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from billing import tasks
from billing.api.forecasts import PAYMENTS, ForecastAnswer, PastDueAnswer, forecast_body, simulation_of
from billing.domain.expected_usage import Assumption
from billing.domain.what_if import EndWanted
from billing.models import SimulationRun
from billing.operations import simulation_runs as operations
from billing.operations.lifecycle import RefundType
from billing.operations.simulating import MOST_MONTHS, simulate_customer
from billing.operations.supposing import Supposed, suppose
from billing.queries.simulation_runs import get_simulation
from core.api.fields import IdField, InstantField, MomentField, TextField, WholeNumberField, WordField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_json
from core.domain.schedule import start_of_day
from core.errors import Invalid
from customers import queries as customers_queries
from customers.models import Customer
from subscriptions.api.inputs import plan_reference, price_reference


class ChangeInput(InputSerializer):
    """A change in thought: of one `subscription` or of all on a `plan`, by one of price, seats and end."""

    subscription = IdField(required=False)
    plan = plan_reference(required=False, help_text="All subscriptions of this plan: the customer's, or everybody's.")
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

    customer = IdField(required=False, help_text="Without one everybody on the wall clock is simulated, by a worker.")
    months = WholeNumberField(min_value=1, max_value=MOST_MONTHS, required=False, help_text="12 if not sent.")
    usage = WordField(
        [(one.value, one.value) for one in Assumption],
        required=False,
        help_text="What is used in the time ahead: what the last whole period had (if not sent), or nothing.",
    )
    payments = WordField(
        PAYMENTS,
        required=False,
        help_text="Made when they are expected (if not sent), or every one fails and dunning does what the brand says.",
    )
    change = ChangeInput(required=False)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is missing: a subscription is one customer's."""
        change = values.get("change") or {}
        if "subscription" in change and "customer" not in values:
            return {"customer": "is required with change.subscription"}
        return {}


class MonthAnswer(AnswerSerializer):
    """What everybody is billed in a month, and the cash of it, in one currency; credit notes count as negative."""

    always = frozenset(
        {"month", "currency", "invoices", "credit_notes", "sub_total", "tax_total", "total", "cash", "written_off"}
    )

    month = TextField(help_text="Such as `2026-07`.")
    currency = TextField()
    invoices = WholeNumberField()
    credit_notes = WholeNumberField()
    sub_total = WholeNumberField(min_value=None)
    tax_total = WholeNumberField(min_value=None)
    total = WholeNumberField(min_value=None)
    cash = WholeNumberField(min_value=None, help_text="Money expected in the month; negative when more is paid back.")
    written_off = WholeNumberField(default=0, help_text="What dunning gives up.")


class ToldAnswer(AnswerSerializer):
    """Something to be said of a customer."""

    always = frozenset({"customer", "reason"})

    customer = IdField()
    reason = TextField()


class SimulationAnswer(AnswerSerializer):
    """A simulation of everybody, and what it came to once it is `finished`."""

    always = frozenset({"status"})

    id = IdField()
    status = WordField(SimulationRun.Status.values, help_text="`stopped`: it failed, and why is told.")
    months = WholeNumberField()
    usage = WordField([(one.value, one.value) for one in Assumption])
    payments = WordField(PAYMENTS)
    plan = IdField(source="plan_id", help_text="Whose change was supposed.")
    new_plan = IdField(source="new_plan_id")
    new_price = IdField(source="new_price_id")
    date = InstantField(source="change_at")
    created_at = InstantField()
    started_at = InstantField(help_text="The moment from which it looks ahead.")
    finished_at = InstantField(help_text="It can be read for 30 days from then.")
    customers = WholeNumberField(help_text="How many have anything ahead.")
    failed = WholeNumberField(help_text="How many of them could not be computed.")
    totals = MonthAnswer(source="result.months", many=True, default=None)
    past_due = PastDueAnswer(source="result.past_due", many=True, default=None)
    failures = ToldAnswer(source="result.failures", many=True, default=None, help_text="The first 100 that failed.")
    remarks = ToldAnswer(
        source="result.remarks",
        many=True,
        default=None,
        help_text="The first 100: waiting changes the terms could not take.",
    )
    reason = TextField(help_text="Why it stopped.")


def _zone(customer: Customer | None) -> str:
    """Return the time zone in which a day begins: the customer's, of everybody's the first brand's."""
    if customer is not None:
        return customer.zone
    brand = customers_queries.list_brands().last()
    return brand.time_zone if brand is not None else "UTC"


def _supposed(values: Mapping[str, Any], customer: Customer | None, now: datetime) -> Supposed:
    """Return a validated change as the engine takes it."""
    wanted: date | datetime = values.get("date", now)
    at = wanted if isinstance(wanted, datetime) else start_of_day(wanted, _zone(customer))
    end = None
    if "cancel" in values:
        end = EndWanted(values["cancel"] == "end-of-run", values.get("refund_type", "none"))
    ids = {f"{name}_id": values[name].id for name in ("plan", "new_plan", "new_price") if name in values}
    return Supposed(at, values.get("subscription"), **ids, seats=values.get("seats"), end=end)


class Simulate(ApiView):
    """`/simulate`."""

    # It reads in a transaction of its own, in which PostgreSQL refuses every write.
    calls_provider = True

    @describe(
        "Simulate the months ahead",
        takes=SimulateInput,
        gives=ForecastAnswer,
        gives_later=SimulationAnswer,
        errors=(409,),
        request_example={
            "customer": "01890a5d-ac96-774b-bcce-b302099a8057",
            "months": 6,
            "change": {"subscription": "01890a5d-ac96-774b-bcce-b302099a8058", "seats": 12, "date": "2027-01-01"},
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """As upcoming invoices, and with a change that was not made, as if it were scheduled for its date.

        Without `customer` everybody is simulated by a worker: 202, and GET `/simulate/{id}` tells what it comes to.
        """
        values = self.read(SimulateInput)
        if "customer" not in values:
            return self._ask_for_everybody(values)
        customer = customers_queries.find_customer(values["customer"])
        if customer is None:
            raise Invalid("There is no such customer.", fields={"customer": "There is no such customer."})
        now = customers_queries.now_of(customer, self.now)
        wanted = simulation_of(values, now)
        if "change" in values:
            what_if = suppose(_supposed(values["change"], customer, now), customer_id=customer.id, now=now)
            wanted = replace(wanted, what_if=what_if)
        return answer_json(forecast_body(simulate_customer(customer.id, wanted)))

    def _ask_for_everybody(self, values: Mapping[str, Any]) -> HttpResponse:
        """Ask for a simulation of everybody, and answer where it can be read."""
        wanted = simulation_of(values, self.now)
        supposed = _supposed(values["change"], None, self.now) if "change" in values else None
        run = operations.request_simulation(
            months=wanted.months,
            usage=wanted.usage,
            payments=wanted.payments,
            supposed=supposed,
            now=self.now,
            actor=self.actor,
        )
        tasks.hint_simulate()
        answer = {"id": run.id, "status": run.status}
        return answer_json(answer, 202, location=f"/api/v1/simulate/{run.id}")


class SimulationDetail(ApiView):
    """`/simulate/{id}`."""

    @describe("Read a simulation of everybody", gives=SimulationAnswer)
    def get(self, request: Request, simulation_id: uuid.UUID) -> HttpResponse:
        """Whether it waits, runs or has ended, and month by month what everybody would be billed and pay."""
        return answer_json(SimulationAnswer().to_representation(get_simulation(simulation_id)))
