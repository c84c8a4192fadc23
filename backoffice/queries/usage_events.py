"""The newest usage events of one subscription, page by page without an offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from subscriptions.models import Metric, Subscription
from usage.models import UsageEvent

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class EventCursor:
    """The last event of a page: the next page begins after it."""

    timestamp: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event with its metric."""

    row: UsageEvent
    metric: Metric


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events; `next` is None on the last page."""

    events: tuple[ShownEvent, ...]
    next: EventCursor | None


def find_subscription(subscription_id: UUID) -> Subscription | None:
    """Return a subscription with its plan and customer, or None."""
    return Subscription.objects.select_related("plan", "customer").filter(pk=subscription_id).first()


def list_metrics(subscription_id: UUID) -> list[Metric]:
    """Return the metrics a subscription has events of, reading one index entry for each."""
    statement = """
        WITH RECURSIVE used AS (
            (SELECT metric_id FROM usage_event WHERE subscription_id = %(id)s ORDER BY metric_id LIMIT 1)
            UNION ALL
            SELECT (
                SELECT metric_id FROM usage_event
                WHERE subscription_id = %(id)s AND metric_id > used.metric_id ORDER BY metric_id LIMIT 1
            ) FROM used WHERE used.metric_id IS NOT NULL
        )
        SELECT metric_id FROM used WHERE metric_id IS NOT NULL
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": subscription_id})
        identities = [row[0] for row in cursor.fetchall()]
    return list(Metric.objects.filter(pk__in=identities).order_by("name"))


def list_events(subscription_id: UUID, metrics: Sequence[Metric], after: EventCursor | None) -> EventPage:
    """Return the events of some metrics, newest first.

    The index is by metric, then time: the newest of each metric are read apart and merged, so that a subscription with
    millions of events costs no more than one with a page of them.
    """
    newest = [_newest(subscription_id, metric, after) for metric in metrics]
    if not newest:
        return EventPage((), None)
    first, *others = newest
    if others:
        found = list(first.union(*others, all=True).order_by("-timestamp", "-event_id")[: PAGE_SIZE + 1])
    else:
        found = list(first)
    names = {metric.id: metric for metric in metrics}
    last = found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None
    return EventPage(
        tuple(ShownEvent(event, names[event.metric_id]) for event in found[:PAGE_SIZE]),
        EventCursor(last.timestamp, last.event_id) if last else None,
    )


def _newest(subscription_id: UUID, metric: Metric, after: EventCursor | None) -> QuerySet[UsageEvent]:
    """Return a page of one metric's events and one more, which tells whether there is a next page."""
    events = UsageEvent.objects.filter(subscription_id=subscription_id, metric_id=metric.id)
    if after:
        same_moment = Q(timestamp=after.timestamp, event_id__lt=after.event_id)
        events = events.filter(Q(timestamp__lte=after.timestamp) & (Q(timestamp__lt=after.timestamp) | same_moment))
    return events.order_by("-timestamp", "-event_id")[: PAGE_SIZE + 1]
