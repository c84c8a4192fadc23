"""What the intake must know before it stores events, and what it finds stored already."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from usage.domain.acceptance import SubscriptionLife

# PostgreSQL's seed of hash partitioning by a uuid, and the summand of hash_combine64 that is left of it modulo 32.
_PARTITION = "((uuid_hash_extended(s.id, 8816678312871386365) & 31) + 3) & 31"
_OPEN_FROM = (
    "CASE WHEN newest.phase IN ('paid', 'trial') THEN greatest(s.started_at, newest.from_at, s.billed_to_at) END"
)
# Nobody hangs on a clock where there is none: then no customer needs to be read.
_CLOCK = """CASE WHEN EXISTS (SELECT FROM core_testclock) THEN (
        SELECT clock.now_at FROM customers_customer customer
        JOIN core_testclock clock ON clock.id = customer.test_clock_id WHERE customer.id = s.customer_id
    ) END"""
# Likewise: where nobody has a limit, no customer is looked up.
_WATCHED = """CASE WHEN EXISTS (SELECT FROM usage_usagelimit) THEN (
        SELECT s.customer_id WHERE EXISTS (SELECT FROM usage_usagelimit l WHERE l.customer_id = s.customer_id)
    ) END"""
# Moments travel as texts: what Django makes of a timestamp by itself takes four times as long.
_KNOWN = f"""
    SELECT asked.position, s.id IS NOT NULL, ({_OPEN_FROM})::text,
        coalesce(s.ended_at, s.cancel_at)::text, ({_CLOCK})::text, {_WATCHED},
        CASE asked.position WHEN 1 THEN (
            SELECT json_object_agg(metric.code, metric.id) FROM subscriptions_metric metric WHERE metric.code = ANY(%s)
        ) END
    FROM unnest(%s::uuid[]) WITH ORDINALITY asked(id, position)
    LEFT JOIN subscriptions_subscription s ON s.id = asked.id
    LEFT JOIN LATERAL (
        SELECT terms.from_at, terms.phase FROM subscriptions_subscriptionterms terms
        WHERE terms.subscription_id = s.id ORDER BY terms.version DESC LIMIT 1
    ) newest ON true
    ORDER BY {_PARTITION}, s.id"""  # noqa: S608 - composed of constants
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


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the subscriptions and metrics that a batch names: those that exist.

    The subscriptions stand in the order of their partitions of events, then by id. Their lives are found by the integer
    of the id, because a UUID is hashed slowly. `watched` names those whose customer's usage is weighed against limits,
    with the customer.
    """

    lives: dict[int, SubscriptionLife]
    metric_ids: dict[str, uuid.UUID]
    watched: dict[uuid.UUID, uuid.UUID]


def find_known(subscription_ids: Collection[uuid.UUID], codes: Collection[str], *, now: datetime) -> Known:
    """Return what is known of subscriptions, each named once, and of metrics, by code; in one statement."""
    ids = list(subscription_ids)
    lives: dict[int, SubscriptionLife] = {}
    metric_ids: dict[str, uuid.UUID] = {}
    watched: dict[uuid.UUID, uuid.UUID] = {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [list(codes), f"{{{','.join([f'{one.int:032x}' for one in ids])}}}"])
        for position, exists, open_from, ended_at, clock_at, customer_id, metrics in cursor.fetchall():
            if exists:
                now_at = _moment(clock_at) or now
                lives[ids[position - 1].int] = SubscriptionLife(_moment(open_from), _moment(ended_at), now_at)
                if customer_id is not None:
                    watched[ids[position - 1]] = customer_id
            if metrics is not None:
                metric_ids = {code: uuid.UUID(metric_id) for code, metric_id in metrics.items()}
    return Known(lives, metric_ids, watched)


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


def _moment(text: str | None) -> datetime | None:
    """Return the moment of a text of the database's."""
    return None if text is None else datetime.fromisoformat(text)
