"""The share of a period that a stretch of it makes (Billing rules, section 5, Proration policy)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.domain.period import Period
from core.domain.schedule import local_date
from subscriptions.domain.terms import (
    PRORATE_DAY,
    PRORATE_FULL,
    PRORATE_NONE,
    PRORATE_SECOND,
    PRORATE_THIRTY_360,
)

DAY, SECOND, THIRTY_360 = PRORATE_DAY, PRORATE_SECOND, PRORATE_THIRTY_360
NONE, FULL = PRORATE_NONE, PRORATE_FULL

_LONGEST_DAY = 30


@dataclass(frozen=True, slots=True)
class Fraction:
    """A share kept as two whole numbers: the units that count, of the units of the full period."""

    numerator: int
    denominator: int

    @property
    def is_whole(self) -> bool:
        """Tell whether the share is everything."""
        return self.numerator == self.denominator


WHOLE = Fraction(1, 1)


def prorate(policy: str, start: datetime, end: datetime, full: Period, zone: str) -> Fraction:
    """Return the share of `full` that lies in [start, end), counted as the policy says.

    `day` counts local dates, `second` whole seconds since the start of `full`, `thirty_360` months of thirty days, so
    that the shares of stretches that touch always add up; `none` and `full` say what happens at a change, not how a
    stretch is counted, and count as `day`.

    >>> from datetime import UTC
    >>> june = Period(datetime(2026, 6, 1, 10, 17, tzinfo=UTC), datetime(2026, 7, 1, 10, 17, tzinfo=UTC))
    >>> prorate("day", datetime(2026, 6, 16, 23, 0, tzinfo=UTC), june.end, june, "UTC")
    Fraction(numerator=15, denominator=30)
    """
    if policy == SECOND:
        return Fraction(_seconds(full.start, end) - _seconds(full.start, start), _seconds(full.start, full.end))
    first, last = local_date(start, zone), local_date(end, zone)
    full_first, full_last = local_date(full.start, zone), local_date(full.end, zone)
    if policy == THIRTY_360:
        return Fraction(_days_360(first, last), _days_360(full_first, full_last))
    return Fraction((last - first).days, (full_last - full_first).days)


def _seconds(since: datetime, until: datetime) -> int:
    """Count the whole seconds that have passed."""
    return (until - since) // timedelta(seconds=1)


def _days_360(first: date, last: date) -> int:
    """Count the days between two dates with every month at thirty: 360 dy + 30 dm + min(d2, 30) - min(d1, 30)."""
    return (
        360 * (last.year - first.year)
        + 30 * (last.month - first.month)
        + min(last.day, _LONGEST_DAY)
        - min(first.day, _LONGEST_DAY)
    )
