"""Pages of stored events, newest first."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection

from subscriptions.models import Subscription

# One look-up in the index for each subscription and metric, so a page costs the same however many events there are.
_PAGE = """
    SELECT found.*, metric.code FROM unnest(%(subscriptions)s::uuid[]) AS asked(subscription_id)
    CROSS JOIN subscriptions_metric metric
    CROSS JOIN LATERAL (
        SELECT event.subscription_id, event.event_id, event.value, event.properties, event."timestamp",
            event.received_at
        FROM usage_event event
        WHERE event.subscription_id = asked.subscription_id AND event.metric_id = metric.id
            AND event."timestamp" >= %(start)s::timestamptz AND event."timestamp" < %(end)s::timestamptz
            AND event."timestamp" <= %(last_timestamp)s::timestamptz
            AND (event."timestamp", event.event_id COLLATE "C", event.subscription_id)
                < (%(last_timestamp)s::timestamptz, %(last_event_id)s, %(last_subscription)s::uuid)
        ORDER BY event."timestamp" DESC, event.event_id COLLATE "C" DESC LIMIT %(limit)s
    ) found
    WHERE %(code)s::text IS NULL OR metric.code = %(code)s
    ORDER BY found."timestamp" DESC, found.event_id COLLATE "C" DESC, found.subscription_id DESC LIMIT %(limit)s"""
_LOWEST_ID = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class EventKey:
    """The place of an event in the order of pages."""

    timestamp: datetime
    event_id: str
    subscription_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored; `properties` is JSON that need not be decoded."""

    subscription_id: uuid.UUID
    event_id: str
    value: Decimal
    properties: msgspec.Raw | None
    timestamp: datetime
    received_at: datetime
    code: str

    @property
    def key(self) -> EventKey:
        """Return its place in the order of pages."""
        return EventKey(self.timestamp, self.event_id, self.subscription_id)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a list of events is narrowed to; None narrows nothing."""

    code: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def list_subscriptions(*, subscription_id: uuid.UUID | None, customer_id: uuid.UUID | None) -> list[Subscription]:
    """Return the subscription, or the customer's, or the one if it is the other's, each with its customer and brand."""
    named = {"id": subscription_id, "customer_id": customer_id}
    conditions = {name: value for name, value in named.items() if value is not None}
    return list(Subscription.objects.select_related("customer__brand").filter(**conditions).order_by("id"))


def list_events(
    subscription_ids: Collection[uuid.UUID], wanted: EventFilter, *, after: EventKey | None, limit: int
) -> list[StoredEvent]:
    """Return the newest events of subscriptions, at most `limit`, by timestamp, then event id; those after a key."""
    if not subscription_ids:
        return []
    values = {
        "subscriptions": list(subscription_ids),
        "start": "-infinity" if wanted.start is None else wanted.start,
        "end": "infinity" if wanted.end is None else wanted.end,
        "last_timestamp": "infinity" if after is None else after.timestamp,
        "last_event_id": "" if after is None else after.event_id,
        "last_subscription": _LOWEST_ID if after is None else after.subscription_id,
        "code": wanted.code,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, values)
        return [_stored(*row) for row in cursor.fetchall()]


def _stored(
    subscription_id: uuid.UUID, event_id: str, value: Decimal, properties: str | None, *rest: Any
) -> StoredEvent:
    """Return the event of a row."""
    raw = None if properties is None else msgspec.Raw(properties.encode())
    return StoredEvent(subscription_id, event_id, value, raw, *rest)
