"""The figures a watchman needs: each from an index or a small table, so that asking every few seconds costs nothing."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from billing.providers.pacing import Pace
from billing.providers.registry import provider_names
from core.queries_instance import find_instance
from core.redis_client import REDIS_AWAY, redis_client
from usage.queries.counts import EventCount, list_event_counts

QUEUE = "celery"
"""Celery's own name for the one queue there is; its oldest message is the last of the list."""
MILLISECONDS = 1000

MOST_COUNTED = 20_000
"""A backlog is counted no further: whether it is larger changes nothing about the alarm, and counting it would cost."""

# Parked customers are counted apart: they are late by design. In the order of their indexes, which so are always used.
FIGURES = f"""
WITH due AS (
    SELECT agenda.due_at FROM customers_agenda agenda
    WHERE agenda.test_clock_id IS NULL AND agenda.due_at <= %(now)s
      AND (agenda.retry_at IS NULL OR agenda.retry_at <= %(now)s)
    ORDER BY agenda.due_at LIMIT {MOST_COUNTED}
), pending AS (
    SELECT id FROM billing_payment WHERE status = 'pending' ORDER BY id LIMIT {MOST_COUNTED}
), open_attempt AS (
    SELECT due_at FROM billing_paymentattempt WHERE status IN ('scheduled', 'calling')
    ORDER BY due_at LIMIT {MOST_COUNTED}
), dunning AS (
    SELECT process.next_at, process.failures FROM billing_dunningprocess process
    JOIN customers_customer customer ON customer.id = process.customer_id AND customer.test_clock_id IS NULL
    WHERE process.next_at IS NOT NULL ORDER BY process.next_at LIMIT {MOST_COUNTED}
)
SELECT (SELECT min(due_at) FROM due), (SELECT count(*) FROM due), (SELECT count(*) FROM billing_parkedcustomer),
       (SELECT id FROM pending LIMIT 1), (SELECT count(*) FROM pending),
       count(*), count(*) FILTER (WHERE due_at <= %(now)s),
       (SELECT count(*) FROM dunning), (SELECT min(next_at) FROM dunning WHERE next_at <= %(now)s),
       (SELECT count(*) FROM dunning WHERE failures > 0) + (SELECT count(*) FROM billing_parkedinvoice)
FROM open_attempt
"""  # noqa: S608 - composed of constants
# By the fact's own id, which tells the wall's time: its moment is that of a test clock perhaps.
TELLING = f"""
WITH waiting AS (
    SELECT event_id FROM core_outboxevent WHERE dispatched_at IS NULL ORDER BY id LIMIT {MOST_COUNTED}
), pending AS (
    SELECT due_at FROM notifications_webhookdelivery WHERE status = 'pending' ORDER BY due_at LIMIT {MOST_COUNTED}
)
SELECT (SELECT event_id FROM waiting LIMIT 1), (SELECT count(*) FROM waiting), (SELECT count(*) FROM pending),
       (SELECT count(*) FROM notifications_webhookendpoint WHERE status = 'enabled' AND failing_since IS NOT NULL),
       (SELECT count(*) FROM notifications_webhookendpoint WHERE status = 'disabled' AND disabled_reason <> 'asked')
"""  # noqa: S608 - composed of constants
# What providers told and nobody has handled; both partial indexes stay small.
TOLD = f"""
SELECT (SELECT min(received_at) FROM billing_providernotice WHERE status = 'received'),
       (SELECT count(*) FROM (
           SELECT FROM billing_providernotice WHERE status = 'failed' LIMIT {MOST_COUNTED}) failed),
       (SELECT count(*) FROM billing_dispute WHERE closed_at IS NULL)
"""  # noqa: S608 - a constant
# The counters of the series hold how many numbers were ever given; counting documents would read them all.
DOCUMENTS = """
SELECT series.kind, sum(counter.last_sequence) FROM invoicing_numbercounter counter
JOIN invoicing_numberseries series ON series.id = counter.series_id GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class InstanceFigures:
    """What the instance's row tells; ages in seconds, None for what never happened."""

    mode: str
    is_held: bool
    worker_seen_age: float | None
    books_checked_age: float | None
    books_breaches: int | None


@dataclass(frozen=True, slots=True)
class TellingFigures:
    """What waits to be told, and who cannot be; ages in seconds."""

    outbox_age: float
    outbox_facts: int
    pending_webhooks: int
    failing_endpoints: int
    disabled_endpoints: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How the engine does at a moment; ages in seconds, 0 when nothing waits."""

    instance: InstanceFigures
    due_age: float
    due_customers: int
    parked_customers: int
    unknown_payment_age: float
    unknown_payments: int
    notice_age: float
    failed_notices: int
    open_disputes: int
    open_attempts: int
    due_attempts: int
    dunning_processes: int
    dunning_age: float
    failed_dunning: int
    documents: dict[str, int]
    telling: TellingFigures


@dataclass(frozen=True, slots=True)
class RedisFigures:
    """What Redis knows: the queue, and what became of events. `queue_age` in seconds."""

    queue_length: int
    queue_age: float
    event_counts: list[EventCount] = field(default_factory=list)
    paused_providers: dict[str, bool] = field(default_factory=dict)


def read_figures(now: datetime) -> Figures:
    """Return what the database tells; `now` is the wall's moment."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, {"now": now})
        due_at, due, parked, oldest_payment, pending, open_attempts, due_attempts, *dunning = cursor.fetchone()
        cursor.execute(DOCUMENTS)
        documents = {kind: int(count) for kind, count in cursor.fetchall()}
        cursor.execute(TELLING)
        oldest_fact, *counts = cursor.fetchone()
        cursor.execute(TOLD)
        oldest_notice, failed_notices, open_disputes = cursor.fetchone()
    return Figures(
        instance=_read_instance(now),
        due_age=_age(due_at, now) or 0.0,
        due_customers=due,
        parked_customers=parked,
        unknown_payment_age=_age(_made_at(oldest_payment), now) or 0.0,
        unknown_payments=pending,
        notice_age=_age(oldest_notice, now) or 0.0,
        failed_notices=failed_notices,
        open_disputes=open_disputes,
        open_attempts=open_attempts,
        due_attempts=due_attempts,
        dunning_processes=dunning[0],
        dunning_age=_age(dunning[1], now) or 0.0,
        failed_dunning=dunning[2],
        documents=documents,
        telling=TellingFigures(_age(_made_at(oldest_fact), now) or 0.0, *counts),
    )


def read_redis_figures(now: datetime) -> RedisFigures | None:
    """Return what Redis tells, None when it is away."""
    try:
        client = redis_client()
        oldest = client.lindex(QUEUE, -1)
        return RedisFigures(
            queue_length=int(client.llen(QUEUE)),
            queue_age=_message_age(oldest, now),
            event_counts=list_event_counts(),
            paused_providers={name: Pace(name).is_paused() for name in provider_names()},
        )
    except REDIS_AWAY:
        return None


def _read_instance(now: datetime) -> InstanceFigures:
    row = find_instance()
    if row is None:
        return InstanceFigures(settings.INSTANCE_MODE, False, None, None, None)
    return InstanceFigures(
        mode=row.mode,
        is_held=row.held_at is not None,
        worker_seen_age=_age(row.worker_seen_at, now),
        books_checked_age=_age(row.books_checked_at, now),
        books_breaches=row.books_breaches,
    )


def _age(moment: datetime | None, now: datetime) -> float | None:
    """Return the seconds since a moment, never below 0; None without one."""
    return None if moment is None else max((now - moment).total_seconds(), 0.0)


def _made_at(row_id: uuid.UUID | None) -> datetime | None:
    """Return when a row was made by the wall's clock, which its id tells (RFC 9562, section 5.7).

    The row's own times are its customer's, who may hang on a test clock.
    """
    return None if row_id is None else datetime.fromtimestamp((row_id.int >> 80) / MILLISECONDS, UTC)


def _message_age(message: str | bytes | None, now: datetime) -> float:
    """Return the seconds since a message was sent; 0 when there is none, or it does not tell."""
    if message is None:
        return 0.0
    sent_at = json.loads(message).get("headers", {}).get("sent_at")
    return _age(datetime.fromisoformat(sent_at), now) or 0.0 if sent_at else 0.0
