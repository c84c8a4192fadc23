"""What the intake must know before it stores events, and what it finds stored already."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from core.domain.schedule import Interval
from subscriptions.domain.terms import CalendarVersion
from subscriptions.models import Metric, Price
from usage.domain.acceptance import MeteredItem, SubscriptionLife

# PostgreSQL's seed of hash partitioning by a uuid, and the summand of hash_combine64 that is left of it modulo 32.
_PARTITION = "((uuid_hash_extended(s.id, 8816678312871386365) & 31) + 3) & 31"
_LIVES = f"""
    SELECT s.id, s.started_at, s.ended_at, s.billed_to_at, newest.from_at, newest.phase, clock.now_at, {_PARTITION}
    FROM subscriptions_subscription s
    JOIN customers_customer customer ON customer.id = s.customer_id
    LEFT JOIN core_testclock clock ON clock.id = customer.test_clock_id
    LEFT JOIN LATERAL (
        SELECT terms.from_at, terms.phase FROM subscriptions_subscriptionterms terms
        WHERE terms.subscription_id = s.id ORDER BY terms.version DESC LIMIT 1
    ) newest ON true
    WHERE s.id = ANY(%s)"""  # noqa: S608 - composed of constants
_CALENDARS = """
    SELECT terms.subscription_id, terms.version, terms.from_at, terms.phase, terms.plan_id, plan.name,
        terms.anchor_wall, terms.interval, terms.interval_count, terms.time_zone, terms.alignment
    FROM subscriptions_subscriptionterms terms JOIN subscriptions_plan plan ON plan.id = terms.plan_id
    WHERE terms.subscription_id = ANY(%s) ORDER BY terms.subscription_id, terms.version"""
_METERED_ITEMS = """
    SELECT item.subscription_id, item.id, terms.from_at, terms.quantity > 0, price.metric_id, price.interval,
        price.interval_count
    FROM subscriptions_itemterms terms
    JOIN subscriptions_subscriptionitem item ON item.id = terms.item_id
    JOIN subscriptions_price price ON price.id = terms.price_id
    WHERE item.subscription_id = ANY(%s) ORDER BY item.id, terms.version"""
_STORED = """
    SELECT sent.position, stored.metric_id = sent.metric_id AND stored.value = sent.value
        AND stored.properties IS NOT DISTINCT FROM sent.properties::jsonb
        AND (sent.happened_at IS NULL OR stored."timestamp" = sent.happened_at)
    FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::uuid[], %s::numeric[], %s::text[], %s::timestamptz[])
        AS sent(position, subscription_id, event_id, metric_id, value, properties, happened_at)
    CROSS JOIN LATERAL (
        SELECT * FROM usage_event event
        WHERE event.subscription_id = sent.subscription_id AND event.event_id = sent.event_id
    ) stored"""


@dataclass(frozen=True, slots=True)
class SentContent:
    """What must be equal for an event to be a repetition; `timestamp` is None when none was sent."""

    position: int
    subscription_id: uuid.UUID
    event_id: str
    metric_id: uuid.UUID
    value: str
    properties: str | None
    timestamp: datetime | None


def find_lives(
    subscription_ids: Collection[uuid.UUID], *, now: datetime
) -> dict[uuid.UUID, tuple[SubscriptionLife, int]]:
    """Return what is known of the subscriptions that exist, each with the number of its partition of events."""
    with connection.cursor() as cursor:
        cursor.execute(_LIVES, [list(subscription_ids)])
        rows = cursor.fetchall()
    return {
        key: (
            SubscriptionLife(key, started_at, ended_at, billed_to_at, newest_from_at, phase or "", clock_now or now),
            partition,
        )
        for key, started_at, ended_at, billed_to_at, newest_from_at, phase, clock_now, partition in rows
    }


def find_metric_ids(codes: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the ids of the metrics that exist, by code."""
    return dict(Metric.objects.filter(code__in=codes).order_by().values_list("code", "id"))


def list_calendars(subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[CalendarVersion]]:
    """Return the whole calendars of subscriptions, oldest version first."""
    calendars: dict[uuid.UUID, list[CalendarVersion]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CALENDARS, [list(subscription_ids)])
        for (
            key,
            version,
            from_at,
            phase,
            plan_id,
            plan_name,
            anchor_wall,
            unit,
            count,
            zone,
            alignment,
        ) in cursor.fetchall():
            interval = _interval(unit, count)
            calendars.setdefault(key, []).append(
                CalendarVersion(version, from_at, phase, plan_id, plan_name, anchor_wall, interval, zone, alignment)
            )
    return calendars


def list_metered_items(subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[MeteredItem]]:
    """Return the versions of the items of subscriptions, oldest first, with what they measure."""
    items: dict[uuid.UUID, list[MeteredItem]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_METERED_ITEMS, [list(subscription_ids)])
        for key, item_id, from_at, is_live, metric_id, unit, count in cursor.fetchall():
            items.setdefault(key, []).append(
                MeteredItem(item_id, from_at, metric_id if is_live else None, _interval(unit, count))
            )
    return items


def compare_stored(sent: Sequence[SentContent]) -> dict[int, bool]:
    """Tell of each event whose id is stored whether it has the same content; those not stored are left out.

    Billing rules, section 4: same code, value, properties and, if it was sent, timestamp.
    """
    columns: list[list[Any]] = [
        [one.position for one in sent],
        [one.subscription_id for one in sent],
        [one.event_id for one in sent],
        [one.metric_id for one in sent],
        [one.value for one in sent],
        [one.properties for one in sent],
        [one.timestamp.isoformat() if one.timestamp else None for one in sent],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORED, columns)
        return dict(cursor.fetchall())


def _interval(unit: str, count: int) -> Interval | None:
    """Return the interval of a row, None for a one-off."""
    return None if unit == Price.Interval.ONE_OFF else Interval(unit, count)
