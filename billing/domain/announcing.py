"""When something is announced before it happens: a card that expires, a trial that ends, a renewal.

Billing rules, sections 5 (Trials) and 11. Moments are the customer's: the same wall time so many local days before.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from core.domain.schedule import Interval, boundary, local_wall, start_of_day

DAY = Interval("day")


class AnnouncementKind(StrEnum):
    """What is announced: that the month in which a card expires has begun, that it is charged tomorrow, the rest."""

    CARD_MONTH = "card_month"
    CARD_CHARGE = "card_charge"
    TRIAL_ENDING = "trial_ending"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a sweep announces for: everything up to `until` that was not announced up to `since`.

    On the wall both are now. A test clock jumps: it announces each thing at its own moment in between.
    """

    since: datetime
    until: datetime

    def told_at(self, moment: datetime, about: datetime) -> datetime | None:
        """Return when something is announced whose moment is `moment`; None: not yet, or what it is about is over.

        What was missed is announced late, as long as it lies ahead.

        >>> june = [datetime.fromisoformat(f"2026-06-{day:02}T00:00:00+00:00") for day in range(1, 30)]
        >>> window = Window(june[10], june[20])
        >>> window.told_at(june[15], june[22]) == june[15], window.told_at(june[5], june[12]) == june[10]
        (True, True)
        >>> window.told_at(june[21], june[28]), window.told_at(june[5], june[10])
        (None, None)
        """
        return max(moment, self.since) if moment <= self.until and about > self.since else None


def days_before(moment: datetime, days: int, zone: str) -> datetime:
    """Return the same wall time of a zone so many days earlier.

    >>> days_before(datetime.fromisoformat("2026-03-30T08:00:00+00:00"), 7, "Europe/Berlin").isoformat()
    '2026-03-23T09:00:00+00:00'
    """
    return boundary(local_wall(moment, zone), DAY, -days, zone)


def trial_moment(started_at: datetime, ends_at: datetime, days: int, zone: str) -> datetime:
    """Return when the end of a trial is announced: so many days ahead; of a shorter one at its start."""
    return max(days_before(ends_at, days, zone), started_at)


def renewal_moment(period_start: datetime, renews_at: datetime, days: int, zone: str) -> datetime | None:
    """Return when a renewal is announced; None where the period that ends is not longer than the days ahead.

    >>> start, end = (datetime.fromisoformat(f"{year}-12-20T00:00:00+00:00") for year in (2025, 2026))
    >>> renewal_moment(start, end, 30, "UTC").isoformat()
    '2026-11-20T00:00:00+00:00'
    >>> renewal_moment(end - timedelta(days=12), end, 30, "UTC") is None
    True
    """
    moment = days_before(renews_at, days, zone)
    return moment if moment > period_start else None


def card_month(expiry_year: int, expiry_month: int, zone: str) -> tuple[datetime, datetime]:
    """Return when the month begins in which a card expires, and when it is over: the card serves until its last day.

    >>> [moment.isoformat() for moment in card_month(2026, 12, "Europe/Berlin")]
    ['2026-11-30T23:00:00+00:00', '2026-12-31T23:00:00+00:00']
    """
    first = date(expiry_year, expiry_month, 1)
    following = (first + timedelta(days=31)).replace(day=1)
    return start_of_day(first, zone), start_of_day(following, zone)


def charge_moment(month_start: datetime, charge_at: datetime, zone: str) -> datetime | None:
    """Return when the charge of a card that expires is announced: the day before.

    None where that is not after the first of the month, at which the card itself is: 1 March -> 1 March alone.

    >>> march = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    >>> charge_moment(march, march + timedelta(days=14), "UTC").day, charge_moment(march, march, "UTC")
    (14, None)
    """
    moment = days_before(charge_at, 1, zone)
    return moment if moment > month_start else None
