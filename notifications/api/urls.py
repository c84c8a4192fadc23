"""Paths of webhooks, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from notifications.api import webhooks

_endpoint = "webhook-endpoint/<id:webhook_endpoint_id>"

urlpatterns = [
    path("webhook-endpoint", webhooks.WebhookEndpointList.as_view()),
    path(_endpoint, webhooks.WebhookEndpointDetail.as_view()),
    path(f"{_endpoint}/rotate-secret", webhooks.WebhookEndpointRotate.as_view()),
    path(f"{_endpoint}/disable", webhooks.WebhookEndpointDisable.as_view()),
    path(f"{_endpoint}/enable", webhooks.WebhookEndpointEnable.as_view()),
    path(f"{_endpoint}/test", webhooks.WebhookEndpointTest.as_view()),
    path(f"{_endpoint}/replay", webhooks.WebhookEndpointReplay.as_view()),
    path(f"{_endpoint}/delivery", webhooks.WebhookDeliveryList.as_view()),
]
