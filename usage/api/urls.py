"""Paths of usage, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from usage.api import limits, views

# The second is a name that clients use as well, the third a slip of the contract that generated clients keep.
LIMIT_NAMES = ("usage-limit", "usage-limits", "uasge-limit")

urlpatterns = [
    path("events", views.EventList.as_view()),
    path("events/batch", views.EventBatch.as_view()),
    path("subscription/<id:subscription_id>/usage", views.SubscriptionUsage.as_view()),
    path("customer/<id:customer_id>/costs", limits.CustomerCosts.as_view()),
    *(path(f"customer/<id:customer_id>/{name}", limits.CustomerUsageLimitList.as_view()) for name in LIMIT_NAMES),
    *(
        path(f"customer/<id:customer_id>/{name}/<id:limit_id>", limits.CustomerUsageLimitDetail.as_view())
        for name in LIMIT_NAMES
    ),
]
