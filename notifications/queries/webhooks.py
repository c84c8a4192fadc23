"""Reads of webhook endpoints and deliveries."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from core.errors import NotFound
from core.models import OutboxEvent
from notifications.models import WebhookDelivery, WebhookEndpoint

# The oldest fact of an object that is not settled goes first, and alone: whoever else waits for the same object and
# endpoint waits. Endpoints that are disabled, or asked to be left alone, are passed over; so are those named as busy.
CLAIM = """
SELECT delivery.id FROM notifications_webhookdelivery delivery
JOIN notifications_webhookendpoint endpoint ON endpoint.id = delivery.endpoint_id
WHERE delivery.status = 'pending' AND delivery.due_at <= %(now)s
  AND (delivery.lease_until IS NULL OR delivery.lease_until <= %(now)s)
  AND endpoint.status = 'enabled' AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= %(now)s)
  AND delivery.endpoint_id <> ALL(%(busy)s)
  AND NOT EXISTS (
      SELECT FROM notifications_webhookdelivery older
      WHERE older.endpoint_id = delivery.endpoint_id AND older.object_id = delivery.object_id
        AND older.fact_id < delivery.fact_id AND older.status = 'pending'
  )
ORDER BY delivery.due_at, delivery.fact_id
LIMIT %(limit)s
FOR UPDATE OF delivery SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What a list of deliveries is narrowed by."""

    status: str = ""
    type: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


def list_endpoints() -> QuerySet[WebhookEndpoint]:
    """Return endpoints, newest first."""
    return WebhookEndpoint.objects.order_by("-id")


def get_endpoint(endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Return an endpoint. Raises NotFound."""
    endpoint = WebhookEndpoint.objects.filter(id=endpoint_id).first()
    if endpoint is None:
        raise NotFound(f"No webhook endpoint has the id {endpoint_id}.")
    return endpoint


def list_deliveries(endpoint_id: uuid.UUID, wanted: DeliveryFilter | None = None) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's deliveries, newest first."""
    wanted = wanted or DeliveryFilter()
    deliveries = WebhookDelivery.objects.filter(endpoint_id=endpoint_id)
    if wanted.status:
        deliveries = deliveries.filter(status=wanted.status)
    if wanted.type:
        deliveries = deliveries.filter(type=wanted.type)
    if wanted.created_from is not None:
        deliveries = deliveries.filter(created_at__gte=wanted.created_from)
    if wanted.created_to is not None:
        deliveries = deliveries.filter(created_at__lt=wanted.created_to)
    return deliveries.order_by("-id")


def lock_claimable(now: datetime, *, limit: int, busy: Collection[uuid.UUID] = ()) -> list[uuid.UUID]:
    """Return deliveries that may be sent now, locked, at most one an object and endpoint; others' are passed over."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "busy": list(busy), "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def list_undispatched(limit: int) -> Sequence[OutboxEvent]:
    """Return the oldest facts that were not handed on, whenever their numbers were drawn."""
    return list(OutboxEvent.objects.filter(dispatched_at__isnull=True).order_by("id")[:limit])
