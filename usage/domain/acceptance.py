"""Acceptance: whether an event's moment can still be billed, and belongs to its subscription at all.

Billing rules, section 4. Most events fall into the open stretch of their subscription, where nothing needs to be known
but its last change; the others are judged by its whole history.
"""

import uuid
from datetime import datetime, timedelta

import msgspec

from core.domain.schedule import Interval
from subscriptions.domain.periods import paid_segments, service_periods
from subscriptions.domain.terms import ENDED, PAUSED, TRIAL, Agreement, CalendarVersion
from usage.domain.event import Reason

AHEAD_TOLERANCE = timedelta(minutes=5)


class SubscriptionLife(msgspec.Struct, frozen=True):
    """What the intake knows of a subscription at first sight: its open stretch, where every event is accepted.

    It begins at `open_from`, the latest of the subscription's start, its newest calendar version and the moment to
    which it is invoiced; None when the newest version is a pause or the end. `ended_at` is when it ended, or will: what
    happens after a scheduled end is never billed. `now` is its customer's present.

    A batch makes a thousand of these, so they are msgspec structs, like its events.
    """

    open_from: datetime | None
    ended_at: datetime | None
    now: datetime

    @property
    def open_until(self) -> datetime:
        """Return the last moment of the open stretch."""
        latest = self.now + AHEAD_TOLERANCE
        return latest if self.ended_at is None else min(latest, self.ended_at - timedelta(microseconds=1))


def metered_interval(agreement: Agreement, metric_id: uuid.UUID, instant: datetime) -> Interval | None:
    """Return the interval of the price that measured a metric at an instant, None when none did.

    A usage price may be billed more often than its subscription (Billing rules, section 3).
    """
    for item in agreement.items:
        version = item.version_at(instant)
        if version and version.quantity and version.price.meter and version.price.meter.metric_id == metric_id:
            return version.price.interval
    return None


def late_until(period_end: datetime, late_days: int) -> datetime:
    """Return the last moment at which an event of an invoiced period is accepted.

    >>> from datetime import UTC
    >>> late_until(datetime(2025, 4, 1, tzinfo=UTC), 35).isoformat()
    '2025-05-06T00:00:00+00:00'
    """
    return period_end + timedelta(days=late_days)


def judge(
    timestamp: datetime, metric_id: uuid.UUID, life: SubscriptionLife, agreement: Agreement, *, late_days: int
) -> Reason | None:
    """Say why an event's moment is refused, None when it is accepted.

    Billing rules, section 4, "Late events". The period is that of the price which measures the metric; where no price
    does, the subscription's own.
    """
    if timestamp > life.now + AHEAD_TOLERANCE:
        return Reason.TIMESTAMP_AHEAD
    calendar = agreement.calendar
    position = _position_at(calendar, timestamp)
    has_ended = life.ended_at is not None and timestamp >= life.ended_at
    if position is None or timestamp < agreement.started_at or has_ended or calendar[position].phase == ENDED:
        return Reason.OUTSIDE_SUBSCRIPTION
    if calendar[position].phase == PAUSED:
        return Reason.SUBSCRIPTION_PAUSED
    billed_to_at = agreement.billed_to_at
    if billed_to_at is None or timestamp >= billed_to_at:
        return None
    interval = metered_interval(agreement, metric_id, timestamp)
    end = _period_end(timestamp, calendar, position, interval)
    is_open = end is None or end > billed_to_at or life.now <= late_until(end, late_days)
    return None if is_open else Reason.TOO_LATE


def _position_at(calendar: tuple[CalendarVersion, ...], instant: datetime) -> int | None:
    """Return the position of the version in force at an instant, None before the first."""
    found = None
    for position, version in enumerate(calendar):
        if version.from_at <= instant:
            found = position
    return found


def _period_end(
    timestamp: datetime, calendar: tuple[CalendarVersion, ...], position: int, interval: Interval | None
) -> datetime | None:
    """Return the end of the period that holds a served moment, None when it has none: then it is never invoiced."""
    version = calendar[position]
    if version.phase == TRIAL:
        return calendar[position + 1].from_at if position + 1 < len(calendar) else None
    interval = interval or version.interval
    if interval is None:
        return None
    for period in service_periods(paid_segments(calendar), interval, timestamp, timestamp):
        if period.start <= timestamp < period.end:
            return period.end
    return None
