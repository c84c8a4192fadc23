"""What a customer may use now, by a constant number of statements."""

import uuid
from dataclasses import dataclass

from customers import queries as customers_queries
from customers.models import Customer
from subscriptions.domain.entitlements import PlanGrants, entitled
from subscriptions.domain.lifecycle import ACTIVE_STATUSES
from subscriptions.models import Feature, Plan, Subscription


@dataclass(frozen=True, slots=True)
class LimitOfFeature:
    """How much of a feature all plans allow together."""

    feature: Feature
    limit: int


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What a customer may use: limits and features in the order in which the features were made, and users."""

    limits: tuple[LimitOfFeature, ...]
    features: tuple[Feature, ...]
    user_count: int


def get_entitlements(customer_id: uuid.UUID) -> Entitlements:
    """Return what a customer's active subscriptions grant together; nothing to a disabled one. Raises NotFound."""
    customer = customers_queries.get_customer(customer_id)
    if customer.status == Customer.Status.DISABLED:
        return Entitlements((), (), 0)
    active = Subscription.objects.filter(customer_id=customer_id, status__in=ACTIVE_STATUSES)
    plan_ids = list(active.values_list("plan_id", flat=True))
    plans = Plan.objects.filter(id__in=plan_ids).prefetch_related("limits__feature", "features").in_bulk()
    granted = entitled(_grants(plans[plan_id]) for plan_id in plan_ids)
    features = {feature.id: feature for plan in plans.values() for feature in plan.features.all()}
    limited = {limit.feature_id: limit.feature for plan in plans.values() for limit in plan.limits.all()}
    return Entitlements(
        limits=tuple(LimitOfFeature(limited[one], granted.limits[one]) for one in sorted(granted.limits)),
        features=tuple(features[one] for one in sorted(granted.feature_ids)),
        user_count=granted.user_count,
    )


def _grants(plan: Plan) -> PlanGrants:
    """Return what a plan grants to each of its subscriptions."""
    limits = {limit.feature_id: limit.limit for limit in plan.limits.all()}
    return PlanGrants(limits, frozenset(feature.id for feature in plan.features.all()), plan.user_count)
