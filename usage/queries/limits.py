"""Reads of usage limits."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from core.errors import NotFound
from customers import queries as customers_queries
from usage.models import UsageLimit


def list_limits(customer_id: uuid.UUID) -> QuerySet[UsageLimit]:
    """Return a customer's limits, newest first. Raises NotFound for an unknown customer."""
    customers_queries.require_customer(customer_id)
    return UsageLimit.objects.filter(customer_id=customer_id).order_by("-id")


def lock_limit(customer_id: uuid.UUID, limit_id: uuid.UUID) -> UsageLimit:
    """Lock and return a customer's limit. Raises NotFound, also for another customer's."""
    limit = UsageLimit.objects.select_for_update().filter(id=limit_id, customer_id=customer_id).first()
    if limit is None:
        raise NotFound(f"The customer has no usage limit {limit_id}.")
    return limit


def lock_limits(customer_ids: Iterable[uuid.UUID]) -> list[UsageLimit]:
    """Lock the limits of customers, in the one order in which everybody does, and return them."""
    found = UsageLimit.objects.filter(customer_id__in=list(customer_ids)).order_by("id")
    return list(found.select_for_update(no_key=True))
