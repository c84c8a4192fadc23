"""Rows of telling others: endpoints and what is sent to them."""

from notifications.models.webhook import WebhookBody, WebhookDelivery, WebhookEndpoint

__all__ = ["WebhookBody", "WebhookDelivery", "WebhookEndpoint"]
