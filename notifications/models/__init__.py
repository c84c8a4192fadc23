"""Rows of telling others: endpoints and what is sent to them, messages and their words."""

from notifications.models.message import BrandMessaging, Message, MessageTemplate
from notifications.models.webhook import WebhookBody, WebhookDelivery, WebhookEndpoint

__all__ = ["BrandMessaging", "Message", "MessageTemplate", "WebhookBody", "WebhookDelivery", "WebhookEndpoint"]
