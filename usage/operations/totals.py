"""Totals by the hour of busy subscriptions: exact at every moment, however many store events meanwhile.

Billing rules, section 4: a figure is that of the events stored by now. Adding up a million events takes 190 ms, and
several times that while events come in, so of subscriptions with many the totals of each hour are kept. Whoever stores
an event of theirs stores its total in the same transaction, as a row of its own that nobody waits for; a question reads
totals and events in one statement, so it sees both or neither. How a subscription becomes one of these:

1. It is noted. Whoever begins to store events after this commit sees it and stores totals.
2. Whoever was storing events at that moment may not have seen it. They are waited for.
3. Its events are added up, and the totals that had come meanwhile are dropped, in one statement: what that statement
   sees as events it counts as events, and the totals of what it does not see it does not see either.

Events that are deleted or changed withdraw the belief in the totals of their subscription (a trigger); step 3 follows.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from usage.models import BusySubscription
from usage.queries import busy

LONGEST_WAIT_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.02

TOTAL_COLUMNS = "(subscription_id, metric_id, hour, event_count, total, greatest, first_at, last_at)"
# Of `event`; followed by FROM.
EVENT_TOTALS = """
    SELECT event.subscription_id, event.metric_id, date_trunc('hour', event."timestamp", 'UTC'),
        count(*), sum(event.value), max(event.value), min(event."timestamp"), max(event."timestamp")"""
_ADD_UP = f"""
    WITH dropped AS (DELETE FROM usage_hourtotal WHERE subscription_id = %(id)s)
    INSERT INTO usage_hourtotal {TOTAL_COLUMNS}
    {EVENT_TOTALS} FROM usage_event event WHERE event.subscription_id = %(id)s GROUP BY 1, 2, 3"""  # noqa: S608 - composed of constants
_MERGE = f"""
    WITH merged AS (
        DELETE FROM usage_hourtotal WHERE subscription_id = %(id)s AND (metric_id, hour) IN (
            SELECT metric_id, hour FROM usage_hourtotal WHERE subscription_id = %(id)s
            GROUP BY metric_id, hour HAVING count(*) > 1
        ) RETURNING *
    )
    INSERT INTO usage_hourtotal {TOTAL_COLUMNS}
    SELECT subscription_id, metric_id, hour, sum(event_count), sum(total), max(greatest), min(first_at), max(last_at)
    FROM merged GROUP BY 1, 2, 3"""  # noqa: S608 - composed of constants


def keep_totals(*, now: datetime) -> None:
    """Note the subscriptions that have become busy, add up what is not added up, merge what has come since.

    May be run at any time, by several at once, and be killed anywhere.
    """
    note_busy(busy.list_busy(), now=now)
    untotalled = busy.list_untotalled()
    if untotalled and wait_for_writers(LONGEST_WAIT_SECONDS):
        for subscription_id in untotalled:
            add_up(subscription_id, now=now)
    for subscription_id in busy.list_scattered():
        merge_totals(subscription_id)


def note_busy(subscription_ids: Sequence[uuid.UUID], *, now: datetime) -> None:
    """Let totals be kept of subscriptions from now on; those that are noted already stay as they are."""
    BusySubscription.objects.bulk_create(
        [BusySubscription(subscription_id=one, noted_at=now) for one in subscription_ids], ignore_conflicts=True
    )


def wait_for_writers(seconds: float) -> bool:
    """Wait until everybody who is storing events at this moment has ended; False when one takes longer.

    To be called outside a transaction, after what they must know is committed.
    """
    if connection.in_atomic_block:
        raise RuntimeError("writers are waited for outside a transaction")
    deadline = time.monotonic() + seconds
    waited_for = busy.list_writers()
    while waited_for:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
        waited_for &= busy.list_writers()
    return True


def add_up(subscription_id: uuid.UUID, *, now: datetime) -> None:
    """Add up the events of a noted subscription by the hour, and let questions read the totals from then on.

    Everybody who may have stored events without seeing it noted must have ended: see `wait_for_writers`.
    """
    with transaction.atomic():
        noted = _lock(subscription_id)
        if noted is None or noted.totalled_at is not None:
            return
        _execute(_ADD_UP, subscription_id)
        noted.totalled_at = now
        noted.save(update_fields=["totalled_at"])


def merge_totals(subscription_id: uuid.UUID) -> None:
    """Replace the totals of each hour that has several by their sum."""
    with transaction.atomic():
        if _lock(subscription_id) is not None:
            _execute(_MERGE, subscription_id)


def _lock(subscription_id: uuid.UUID) -> BusySubscription | None:
    """Return a noted subscription, locked; None when somebody else works on it."""
    rows = BusySubscription.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(subscription_id=subscription_id).first()


def _execute(statement: str, subscription_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": subscription_id})
