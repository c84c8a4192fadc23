"""One change of plan or price for many subscriptions."""

import uuid
from datetime import date, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from billing.models import MassChange
from billing.operations import mass_changes as operations
from billing.queries import mass_changes as queries
from billing.queries.mass_changes import MassWanted
from core.api.fields import (
    CountryField,
    IdField,
    InstantField,
    MomentField,
    ReferenceField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer
from core.api.views import ApiView, answer_created, answer_json
from core.domain.schedule import start_of_day
from core.queries_test_clocks import get_test_clock
from customers import queries as customers_queries
from subscriptions.api.inputs import plan_reference, price_reference

FAILURES_SHOWN = 100


class MassChangeInput(InputSerializer):
    """Whom it is about (at least one of `plan`, `price`, `brand`, `country`), and what they get."""

    plan = plan_reference(required=False, help_text="Subscriptions of this plan.")
    price = price_reference(required=False, help_text="Subscriptions at this price.")
    brand = ReferenceField(
        noun="brand",
        find=customers_queries.find_brand_by_id,
        find_by_word=customers_queries.find_brand,
        names=("id", "code"),
        required=False,
    )
    country = CountryField(required=False, help_text="Customers in this country.")
    new_plan = plan_reference(required=False, help_text="Without it the plan stays.")
    new_price = price_reference(
        required=False,
        help_text="Without it the new plan's only public price of the same currency and interval.",
    )
    test_clock = IdField(required=False, help_text="Its customers, by its time; else everybody on the wall clock.")


class ScheduleInput(MassChangeInput):
    """A mass change and its moment."""

    answered = frozenset(
        {
            "id", "status", "waiting", "done", "skipped", "failed", "failures", "created_at", "started_at",
            "completed_at", "cancelled_at",
        }
    )  # fmt: skip

    date = MomentField(help_text="It must lie ahead. A day begins at its start in the brand's time zone.")


class MonthlyChangeAnswer(AnswerSerializer):
    """What is moved a month in one currency: minor units before discounts and tax, seats included."""

    always = frozenset({"currency", "monthly_before", "monthly_after", "monthly_change"})

    currency = TextField()
    monthly_before = WholeNumberField()
    monthly_after = WholeNumberField()
    monthly_change = WholeNumberField()


class ImpossibleAnswer(AnswerSerializer):
    """Subscriptions that could not take it."""

    always = frozenset({"reason", "subscriptions"})

    reason = TextField()
    subscriptions = WholeNumberField()


class EstimateAnswer(AnswerSerializer):
    """What a mass change would move if it were made now."""

    always = frozenset({"subscriptions", "changes", "impossible"})

    subscriptions = WholeNumberField(help_text="How many it is about.")
    changes = MonthlyChangeAnswer(many=True)
    impossible = ImpossibleAnswer(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Name the reasons."""
        reasons = [{"reason": reason, "subscriptions": count} for reason, count in instance.impossible]
        shown = {"subscriptions": instance.subscriptions, "changes": instance.changes, "impossible": reasons}
        return super().to_representation(shown)


class FailureAnswer(AnswerSerializer):
    """A subscription that was not changed, and why."""

    always = frozenset({"subscription", "reason"})

    subscription = IdField(source="subscription_id")
    reason = TextField()


class MassChangeAnswer(AnswerSerializer):
    """A mass change, and how far it has come."""

    always = frozenset({"status", "waiting", "done", "failed", "skipped"})

    id = IdField()
    status = WordField(MassChange.STATUSES)
    plan = IdField(source="plan_id")
    price = IdField(source="price_id")
    brand = TextField(source="brand.code", default=None)
    country = TextField()
    new_plan = IdField(source="new_plan_id")
    new_price = IdField(source="new_price_id")
    date = InstantField(source="due_at")
    test_clock = IdField(source="test_clock_id")
    waiting = WholeNumberField(help_text="Subscriptions still to be changed; none before it begins.")
    done = WholeNumberField()
    failed = WholeNumberField()
    skipped = WholeNumberField(help_text="They had ended.")
    failures = serializers.SerializerMethodField(help_text="The first 100 that failed; on reading one mass change.")
    created_at = InstantField()
    started_at = InstantField()
    completed_at = InstantField()
    cancelled_at = InstantField()

    def get_failures(self, mass_change: MassChange) -> list[dict[str, Any]] | None:
        """Return the subscriptions that were not changed, where they are asked for."""
        if not self.context.get("failures"):
            return None
        one = FailureAnswer()
        return [one.to_representation(part) for part in queries.list_failed(mass_change.id, FAILURES_SHOWN)]


class MassChangeListParameters(ListParameters):
    """What mass changes are narrowed by."""

    status = WordField(MassChange.STATUSES, required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


def _wanted(values: dict[str, Any]) -> MassWanted:
    """Return a validated request as the engine takes it. Raises NotFound for an unknown clock."""
    ids = {
        f"{name}_id": values[name].id for name in ("plan", "price", "brand", "new_plan", "new_price") if name in values
    }
    clock_id = values.get("test_clock")
    return MassWanted(**ids, country=values.get("country", ""), test_clock_id=clock_id)


class _MassChangeView(ApiView):
    """Knows what time it is for a mass change."""

    def now_for(self, wanted: MassWanted) -> datetime:
        """Return the moment it is by its clock. Raises NotFound."""
        return self.now if wanted.test_clock_id is None else get_test_clock(wanted.test_clock_id).now_at


class MassChangeList(_MassChangeView):
    """`/mass-change`."""

    parameters = {"GET": MassChangeListParameters}

    @describe("List mass changes", gives=MassChangeAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        columns = {"status": "status", "created_from": "created_at__gte", "created_to": "created_at__lt"}
        narrowed = {column: self.query[name] for name, column in columns.items() if name in self.query}
        return self.list_of(queries.list_mass_changes().filter(**narrowed), MassChangeAnswer)

    @describe(
        "Schedule a mass change",
        takes=ScheduleInput,
        gives=MassChangeAnswer,
        status=201,
        request_example={"plan": "team", "new_plan": "team-2027", "date": "2027-01-01"},
    )
    def post(self, request: Request) -> HttpResponse:
        """At its moment each subscription is changed at once, as `/subscription/{id}/plan` does it.

        Whom it is about is settled then. One that cannot be changed is told with its reason and stops no other.
        """
        values = self.read(ScheduleInput)
        wanted = _wanted(values)
        made = operations.schedule_mass_change(
            wanted=wanted, due_at=_moment(values), now=self.now_for(wanted), actor=self.actor
        )
        return answer_created(MassChangeAnswer, made, "mass-change")


def _moment(values: dict[str, Any]) -> datetime:
    """Return the moment asked for: a day begins in the time zone of the brand it names, else of the first brand."""
    wanted: date | datetime = values["date"]
    if isinstance(wanted, datetime):
        return wanted
    brand = values.get("brand") or customers_queries.list_brands().last()
    return start_of_day(wanted, brand.time_zone if brand is not None else "UTC")


class MassChangeEstimate(_MassChangeView):
    """`/mass-change/estimate`."""

    @describe(
        "Estimate a mass change",
        takes=MassChangeInput,
        gives=EstimateAnswer,
        request_example={"plan": "team", "new_plan": "team-2027"},
        answer_example={
            "subscriptions": 3,
            "changes": [{"currency": "EUR", "monthly_before": 7500, "monthly_after": 9000, "monthly_change": 1500}],
            "impossible": [],
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """What it would move a month if it were made now; trials count once they pay. Nothing is written."""
        wanted = _wanted(self.read(MassChangeInput))
        operations.require_possible(wanted)
        return answer_json(EstimateAnswer().to_representation(queries.estimate(wanted, self.now_for(wanted))))


class MassChangeDetail(ApiView):
    """`/mass-change/{id}`."""

    @describe("Read a mass change", gives=MassChangeAnswer)
    def get(self, request: Request, mass_change_id: uuid.UUID) -> HttpResponse:
        """How far it has come, and what could not be changed."""
        return answer_json(_shown(queries.get_mass_change(mass_change_id)))


class MassChangeCancel(_MassChangeView):
    """`/mass-change/{id}/cancel`."""

    @describe("Call a mass change off", gives=MassChangeAnswer, errors=(409,))
    def post(self, request: Request, mass_change_id: uuid.UUID) -> HttpResponse:
        """Before it begins; 409 afterwards."""
        now = self.now_for(queries.wanted_by(queries.get_mass_change(mass_change_id)))
        cancelled = operations.cancel_mass_change(mass_change_id=mass_change_id, now=now, actor=self.actor)
        return answer_json(_shown(cancelled))


def _shown(mass_change: MassChange) -> dict[str, Any]:
    return MassChangeAnswer(context={"failures": True}).to_representation(mass_change)
