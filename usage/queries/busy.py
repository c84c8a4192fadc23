"""Subscriptions with so many events that adding them up for every question takes too long."""

import uuid
from collections.abc import Set

from django.db import connection

from usage.models import BusySubscription, HourTotal

# About what is added up in 10 ms.
BUSY_EVENTS = 50_000

# The database's own statistics count for us: of each partition they name the subscriptions with the most events.
_BUSY = """
    SELECT common.subscription_id
    FROM pg_inherits
    JOIN pg_class partition ON partition.oid = pg_inherits.inhrelid
    JOIN pg_stats stats ON stats.tablename = partition.relname AND stats.attname = 'subscription_id'
        AND stats.schemaname = partition.relnamespace::regnamespace::text
    CROSS JOIN LATERAL unnest(stats.most_common_vals::text::uuid[], stats.most_common_freqs)
        AS common(subscription_id, share)
    WHERE pg_inherits.inhparent = 'usage_event'::regclass AND common.share * partition.reltuples >= %s
    ORDER BY common.share * partition.reltuples DESC
"""
_NOTED = "SELECT subscription_id FROM usage_busysubscription WHERE subscription_id = ANY(%s::uuid[])"
# Mostly there are few, and to read them all is faster than to name a thousand that may be among them.
_FEW = 100
_ANY_NOTED = f"SELECT subscription_id FROM usage_busysubscription LIMIT {_FEW}"  # noqa: S608 - a number
_TOTALLED = f"SELECT subscription_id FROM usage_busysubscription WHERE totalled_at IS NOT NULL LIMIT {_FEW}"  # noqa: S608 - a number
_TOTALLED_AMONG = f"{_NOTED} AND totalled_at IS NOT NULL"
# Whoever stores or deletes events holds this lock on the table from before its first look until its end.
_WRITERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'usage_event'::regclass AND mode = 'RowExclusiveLock' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def list_busy() -> list[uuid.UUID]:
    """Return the subscriptions with 50 000 events or more, as far as the last ANALYZE knew; the busiest first."""
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, [BUSY_EVENTS])
        return [subscription_id for (subscription_id,) in cursor.fetchall()]


def list_noted(subscription_ids: Set[int]) -> set[int]:
    """Return those of the subscriptions of which totals are kept, or will be; named by the integers of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_ANY_NOTED)
        noted = {subscription_id.int for (subscription_id,) in cursor.fetchall()}
        if len(noted) < _FEW:
            return noted & subscription_ids
        # One text, because a thousand parameters take longer than the statement.
        cursor.execute(_NOTED, [f"{{{','.join([f'{one:032x}' for one in subscription_ids])}}}"])
        return {subscription_id.int for (subscription_id,) in cursor.fetchall()}


def list_totalled(subscription_ids: Set[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the subscriptions whose events have been added up."""
    if not subscription_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_TOTALLED)
        totalled = {subscription_id for (subscription_id,) in cursor.fetchall()}
        if len(totalled) == _FEW:
            cursor.execute(_TOTALLED_AMONG, [f"{{{','.join([one.hex for one in subscription_ids])}}}"])
            totalled = {subscription_id for (subscription_id,) in cursor.fetchall()}
        return totalled & subscription_ids


def list_writers() -> set[str]:
    """Return the transactions that are storing or deleting events at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {transaction for (transaction,) in cursor.fetchall()}


def list_untotalled() -> list[uuid.UUID]:
    """Return the noted subscriptions whose events have not been added up, or not since some were taken away."""
    return list(
        BusySubscription.objects.filter(totalled_at=None).order_by("noted_at").values_list("subscription_id", flat=True)
    )


def list_scattered() -> list[uuid.UUID]:
    """Return the subscriptions that have an hour of which there is more than one total."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT subscription_id FROM {HourTotal._meta.db_table} "  # noqa: S608 - a table's name
            "GROUP BY subscription_id, metric_id, hour HAVING count(*) > 1"
        )
        return [subscription_id for (subscription_id,) in cursor.fetchall()]
