"""Acceptance: whether an event's moment can still be billed, and belongs to its subscription at all.

Billing rules, section 4. Most events fall into the open stretch of their subscription, where nothing needs to be known
but its last change; the others are judged by its whole history.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.domain.schedule import Interval
from subscriptions.domain.terms import ENDED, PAID, PAUSED, TRIAL, CalendarVersion, paid_segments, service_periods
from usage.domain.event import Reason

AHEAD_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SubscriptionLife:
    """What the intake knows of a subscription: its span, how far it is invoiced, and its newest calendar version.

    `now` is the present moment by the clock of its customer.
    """

    subscription_id: uuid.UUID
    started_at: datetime
    ended_at: datetime | None
    billed_to_at: datetime | None
    newest_from_at: datetime | None
    newest_phase: str
    now: datetime

    def holds(self, instant: datetime) -> bool:
        """Tell whether an instant lies between the subscription's start and its end."""
        return self.started_at <= instant and (self.ended_at is None or instant < self.ended_at)

    @property
    def open_from(self) -> datetime:
        """Return the start of the open stretch: from here to `open_until`, both included, every event is accepted."""
        starts = (self.started_at, self.newest_from_at, self.billed_to_at)
        return max(moment for moment in starts if moment is not None)

    @property
    def open_until(self) -> datetime:
        """Return the end of the open stretch; it lies before its start when there is none."""
        if self.newest_phase not in (PAID, TRIAL):
            return self.open_from - timedelta(microseconds=1)
        latest = self.now + AHEAD_TOLERANCE
        return latest if self.ended_at is None else min(latest, self.ended_at - timedelta(microseconds=1))


@dataclass(frozen=True, slots=True)
class MeteredItem:
    """One version of an item: the metric its price measures (None: none, or the item has ended), and how often."""

    item_id: uuid.UUID
    from_at: datetime
    metric_id: uuid.UUID | None
    interval: Interval | None


def metered_interval(items: Sequence[MeteredItem], metric_id: uuid.UUID, instant: datetime) -> Interval | None:
    """Return the interval of the price that measured a metric at an instant, None when none did.

    `items` are versions of items, oldest first. A usage price may be billed more often than its subscription (Billing
    rules, section 3).
    """
    in_force: dict[uuid.UUID, MeteredItem] = {}
    for item in items:
        if item.from_at <= instant:
            in_force[item.item_id] = item
    return next((item.interval for item in in_force.values() if item.metric_id == metric_id), None)


def late_until(period_end: datetime, late_days: int) -> datetime:
    """Return the last moment at which an event of an invoiced period is accepted.

    >>> from datetime import UTC
    >>> late_until(datetime(2025, 4, 1, tzinfo=UTC), 35).isoformat()
    '2025-05-06T00:00:00+00:00'
    """
    return period_end + timedelta(days=late_days)


def judge(
    timestamp: datetime,
    life: SubscriptionLife,
    calendar: Sequence[CalendarVersion],
    *,
    interval: Interval | None,
    late_days: int,
) -> Reason | None:
    """Say why an event's moment is refused, None when it is accepted.

    `calendar` is the subscription's, oldest version first; `interval` is that of the price which measures the event's
    metric, None when no price does: then the calendar's own counts. Billing rules, section 4, "Late events".
    """
    if timestamp > life.now + AHEAD_TOLERANCE:
        return Reason.TIMESTAMP_AHEAD
    position = _position_at(calendar, timestamp)
    if position is None or not life.holds(timestamp) or calendar[position].phase == ENDED:
        return Reason.OUTSIDE_SUBSCRIPTION
    if calendar[position].phase == PAUSED:
        return Reason.SUBSCRIPTION_PAUSED
    if life.billed_to_at is None or timestamp >= life.billed_to_at:
        return None
    end = _period_end(timestamp, calendar, position, interval)
    is_open = end is None or end > life.billed_to_at or life.now <= late_until(end, late_days)
    return None if is_open else Reason.TOO_LATE


def _position_at(calendar: Sequence[CalendarVersion], instant: datetime) -> int | None:
    """Return the position of the version in force at an instant, None before the first."""
    found = None
    for position, version in enumerate(calendar):
        if version.from_at <= instant:
            found = position
    return found


def _period_end(
    timestamp: datetime, calendar: Sequence[CalendarVersion], position: int, interval: Interval | None
) -> datetime | None:
    """Return the end of the period that holds a served moment, None when it has none: then it is never invoiced."""
    version = calendar[position]
    if version.phase == TRIAL:
        return calendar[position + 1].from_at if position + 1 < len(calendar) else None
    interval = interval or version.interval
    if interval is None:
        return None
    for period in service_periods(paid_segments(tuple(calendar)), interval, timestamp, timestamp):
        if period.start <= timestamp < period.end:
            return period.end
    return None
