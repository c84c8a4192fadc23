"""What a customer may use by its subscriptions (Billing rules, section 5, Entitlements)."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanGrants:
    """What one subscription's plan grants: a limit for each limited feature, features, users."""

    limits: Mapping[uuid.UUID, int]
    feature_ids: frozenset[uuid.UUID]
    user_count: int


def entitled(plans: Iterable[PlanGrants]) -> PlanGrants:
    """Return what all plans of a customer grant together, the plan of each active subscription once.

    Limits add up for each feature, features are a union, users add up: 10 + 15 -> 25.

    >>> calls, sso = uuid.UUID(int=1), uuid.UUID(int=2)
    >>> both = entitled([PlanGrants({calls: 10}, frozenset(), 3), PlanGrants({calls: 15}, frozenset({sso}), 2)])
    >>> both.limits[calls], both.feature_ids == {sso}, both.user_count
    (25, True, 5)
    """
    limits: dict[uuid.UUID, int] = {}
    feature_ids: set[uuid.UUID] = set()
    user_count = 0
    for plan in plans:
        for feature_id, limit in plan.limits.items():
            limits[feature_id] = limits.get(feature_id, 0) + limit
        feature_ids |= plan.feature_ids
        user_count += plan.user_count
    return PlanGrants(limits, frozenset(feature_ids), user_count)
