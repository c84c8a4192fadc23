"""Paths of usage, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from usage.api import views

urlpatterns = [
    path("events", views.EventList.as_view()),
    path("events/batch", views.EventBatch.as_view()),
    path("subscription/<id:subscription_id>/usage", views.SubscriptionUsage.as_view()),
]
