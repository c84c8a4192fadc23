"""What runs in processes of their own for the intake: the filling of the table, and the floor."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import msgspec
from django.db import connection, transaction

from benchmarks.databases import tidy, without_indexes
from benchmarks.processes import Gate
from core import copying
from core.clock import wall_now
from usage.api.bodies import read_events
from usage.domain.event import EventDraft
from usage.operations import intake, totals

# Spread over what has passed of the subscription's life, in the order in which they happened.
_EVENTS = """
    INSERT INTO usage_event (subscription_id, event_id, metric_id, value, "timestamp", received_at)
    SELECT subscription.id, 'stored-' || number, (SELECT id FROM subscriptions_metric), 1 + number %% 100,
        moment.at, moment.at
    FROM generate_series(1, %(count)s) AS number
    CROSS JOIN subscriptions_subscription subscription
    CROSS JOIN LATERAL (
        SELECT subscription.started_at + (now() - subscription.started_at) * number / (%(count)s + 1) AS at
    ) moment
    WHERE %(name)s IS NULL OR subscription.id = %(name)s::uuid
"""


def store_events(gate: Gate, count: int, busiest: int = 0) -> str:
    """Store so many events of each subscription; one gets so many more, and its id is returned."""
    gate()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM subscriptions_subscription ORDER BY id LIMIT 1")
        ((name,),) = cursor.fetchall()
        with without_indexes("usage_event"):
            if busiest:
                cursor.execute(_EVENTS.replace("stored-", "more-"), {"count": busiest, "name": name})
            cursor.execute(_EVENTS, {"count": count, "name": None})
    tidy("usage_event")
    return str(name)


def sweep_usage(gate: Gate) -> None:
    """Do what a worker does each minute."""
    gate()
    totals.keep_totals(now=wall_now())


def record_batches(gate: Gate, bodies: Sequence[bytes], path: Path) -> None:
    """Keep the text that the intake would copy for each batch; store nothing."""
    texts: list[str] = []

    def keep(rows: Iterable[intake._Row], now: datetime) -> None:
        texts.append(intake._copy_text(list(rows), now))

    gate()
    with patch.object(intake, "_copy", keep):
        for body in bodies:
            intake.record_events([one for one in read_events(body) if isinstance(one, EventDraft)], now=wall_now())
    path.write_bytes(msgspec.msgpack.encode(texts))


def copy_batches(gate: Gate, path: Path) -> float:
    """Copy what the intake would, a transaction a batch; return the seconds it took."""
    texts = msgspec.msgpack.decode(path.read_bytes(), type=list[str])
    transaction.get_connection().ensure_connection()
    gate()
    began = time.perf_counter()
    for text in texts:
        with transaction.atomic():
            copying.send(intake._COPY, [text])
    return time.perf_counter() - began
