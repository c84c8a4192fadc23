"""Plans, features and metrics."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.serializers import emptied
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from core.errors import Invalid
from subscriptions.api.inputs import FeatureInput, MetricInput, PlanInput
from subscriptions.api.serializers import FeatureAnswer, MetricAnswer, SubscriptionPlanAnswer
from subscriptions.models import Plan
from subscriptions.operations import catalogue as operations
from subscriptions.operations import metrics
from subscriptions.operations.catalogue import LimitWanted, PlanChanges, PlanWanted
from subscriptions.operations.metrics import FilterWanted
from subscriptions.queries import catalogue

_APART = frozenset({"product", "prices", "features", "limits", "active"})


def _joined(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows a plan joins, by id, as far as they were sent."""
    found: dict[str, Any] = {}
    if "prices" in values:
        found["price_ids"] = [price.id for price in values["prices"]]
    if "features" in values:
        found["feature_ids"] = [feature.id for feature in values["features"]]
    if "limits" in values:
        found["limits"] = [LimitWanted(limit["feature"].id, limit["limit"]) for limit in values["limits"]]
    return found


class PlanList(ApiView):
    """`/plan`."""

    parameters = {"GET": ListParameters}

    @describe("List plans", gives=SubscriptionPlanAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_plans(), SubscriptionPlanAnswer)

    @describe("Create a plan", takes=PlanInput, gives=SubscriptionPlanAnswer, status=201)
    def post(self, request: Request) -> HttpResponse:
        """Prices must be of the plan's product."""
        values = self.read(PlanInput)
        facts = {name: value for name, value in values.items() if name not in _APART}
        wanted = PlanWanted(
            product_id=values["product"].id,
            name=facts.pop("name"),
            code_name=facts.pop("code_name"),
            facts=facts,
            **_joined(values),
        )
        plan = operations.create_plan(wanted, actor=self.actor, now=self.now)
        if values.get("active") is False:
            plan = operations.update_plan(plan.id, PlanChanges(active=False), actor=self.actor, now=self.now)
        return answer_created(SubscriptionPlanAnswer, plan, "plan")


class SubscriptionPlanList(ApiView):
    """`/subscription/plans`."""

    parameters = {"GET": ListParameters}

    @describe("List subscription plans", gives=SubscriptionPlanAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """The plans, under the contract's path."""
        return self.list_of(catalogue.list_plans(), SubscriptionPlanAnswer)


class PlanDetail(ApiView):
    """`/plan/{id}`."""

    @describe("Read a plan", gives=SubscriptionPlanAnswer)
    def get(self, request: Request, plan_id: uuid.UUID) -> HttpResponse:
        """One plan."""
        return answer_json(SubscriptionPlanAnswer().to_representation(catalogue.get_plan(plan_id)))

    @describe("Change a plan", takes=PlanInput, changes=True, gives=SubscriptionPlanAnswer, errors=(409,))
    def put(self, request: Request, plan_id: uuid.UUID) -> HttpResponse:
        """What is left out stays; a list that is sent takes the place of the one before."""
        plan = catalogue.get_plan(plan_id)
        values = self.read(PlanInput, partial=True)
        _refuse_other_product(plan, values)
        facts = {name: value for name, value in values.items() if name not in _APART}
        changes = PlanChanges(facts=facts, active=values.get("active"), **_joined(values))
        changed = operations.update_plan(plan_id, changes, actor=self.actor, now=self.now)
        return answer_json(SubscriptionPlanAnswer().to_representation(changed))

    @describe("Delete a plan", status=204, errors=(409,))
    def delete(self, request: Request, plan_id: uuid.UUID) -> HttpResponse:
        """409 when a subscription ever had it: retire it with `active` false instead."""
        operations.delete_plan(plan_id, actor=self.actor, now=self.now)
        return answer_nothing()


def _refuse_other_product(plan: Plan, values: Mapping[str, Any]) -> None:
    if "product" in values and values["product"].id != plan.product_id:
        raise Invalid("A plan stays with its product.", fields={"product": "cannot be changed"})


class FeatureList(ApiView):
    """`/feature`."""

    parameters = {"GET": ListParameters}

    @describe("List features", gives=FeatureAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_features(), FeatureAnswer)

    @describe("Create a feature", takes=FeatureInput, gives=FeatureAnswer, status=201, errors=(409,))
    def post(self, request: Request) -> HttpResponse:
        """Without a code it gets one made of its name."""
        feature = operations.create_feature(self.read(FeatureInput), actor=self.actor, now=self.now)
        return answer_created(FeatureAnswer, feature, "feature")


class FeatureDetail(ApiView):
    """`/feature/{id}`."""

    @describe("Read a feature", gives=FeatureAnswer)
    def get(self, request: Request, feature_id: uuid.UUID) -> HttpResponse:
        """One feature."""
        return answer_json(FeatureAnswer().to_representation(catalogue.get_feature(feature_id)))

    @describe("Change a feature", takes=FeatureInput, changes=True, gives=FeatureAnswer, errors=(409,))
    def put(self, request: Request, feature_id: uuid.UUID) -> HttpResponse:
        """What is left out stays."""
        catalogue.get_feature(feature_id)
        changes = emptied(self.read(FeatureInput, partial=True), "description")
        feature = operations.update_feature(feature_id, changes, actor=self.actor, now=self.now)
        return answer_json(FeatureAnswer().to_representation(feature))

    @describe("Delete a feature", status=204, errors=(409,))
    def delete(self, request: Request, feature_id: uuid.UUID) -> HttpResponse:
        """409 when a plan has it."""
        operations.delete_feature(feature_id, actor=self.actor, now=self.now)
        return answer_nothing()


def _filters(values: dict[str, Any]) -> list[FilterWanted] | None:
    """Take the filters out of a request's values."""
    sent = values.pop("filters", None)
    return None if sent is None else [FilterWanted(**wanted) for wanted in sent]


class MetricList(ApiView):
    """`/metric`."""

    parameters = {"GET": ListParameters}

    @describe("List metrics", gives=MetricAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(catalogue.list_metrics(), MetricAnswer)

    @describe("Create a metric", takes=MetricInput, gives=MetricAnswer, status=201, errors=(409,))
    def post(self, request: Request) -> HttpResponse:
        """Events name it by its code."""
        values = self.read(MetricInput)
        filters = _filters(values) or []
        metric = metrics.create_metric(values, filters=filters, actor=self.actor, now=self.now)
        return answer_created(MetricAnswer, metric, "metric")


class MetricDetail(ApiView):
    """`/metric/{id}`."""

    @describe("Read a metric", gives=MetricAnswer)
    def get(self, request: Request, metric_id: uuid.UUID) -> HttpResponse:
        """One metric."""
        return answer_json(MetricAnswer().to_representation(catalogue.get_metric(metric_id)))

    @describe("Change a metric", takes=MetricInput, changes=True, gives=MetricAnswer, errors=(409,))
    def put(self, request: Request, metric_id: uuid.UUID) -> HttpResponse:
        """Once a price measures by it only its name can change."""
        catalogue.get_metric(metric_id)
        values = emptied(self.read(MetricInput, partial=True), "aggregation_property")
        filters = _filters(values)
        metric = metrics.update_metric(metric_id, values, filters=filters, actor=self.actor, now=self.now)
        return answer_json(MetricAnswer().to_representation(metric))

    @describe("Delete a metric", status=204, errors=(409,))
    def delete(self, request: Request, metric_id: uuid.UUID) -> HttpResponse:
        """409 when a price measures by it."""
        metrics.delete_metric(metric_id, actor=self.actor, now=self.now)
        return answer_nothing()
