"""Take away what is kept long enough (docs/retention.md)."""

from datetime import datetime, timedelta

from django.conf import settings

from notifications.models import Message, WebhookBody, WebhookDelivery


def purge_webhooks(*, now: datetime) -> int:
    """Delete settled deliveries that are older than the log is kept, and bodies nobody needs; return how many rows."""
    before = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    deliveries, _ = WebhookDelivery.objects.filter(settled_at__lt=before).delete()
    still_needed = WebhookDelivery.objects.values("fact_id")
    bodies, _ = WebhookBody.objects.filter(drawn_at__lt=before).exclude(fact_id__in=still_needed).delete()
    return deliveries + bodies


def purge_messages(*, now: datetime) -> int:
    """Blank the words of messages that were settled long ago; who was told what, and when, stays. Return how many."""
    before = now - timedelta(days=settings.MESSAGE_TEXT_DAYS)
    old = Message.objects.filter(settled_at__lt=before).exclude(text="", html="")
    return old.update(text="", html="")
