"""When revenue charged in advance is earned: evenly, day by day, over the period it is for.

Billing rules, section 9: recognised = round(amount x days passed / days) - recognised before; where service ended and
nothing was given back for it, the rest at once. Days are local dates of the customer, half-open: a day is earned once
it is over. Amounts are minor units and keep their sign: what is given back is earned negatively.
"""

from datetime import date, datetime, timedelta

from msgspec import Struct

from core.domain.rounding import divide_half_away
from core.domain.schedule import local_date
from invoicing.domain.charge import Charge


class Schedule(Struct, frozen=True):
    """How one line's deferred part is earned: evenly from `start_date` until `end_date`, which is no longer served.

    `cut_date` is the first day without service where that came sooner: then everything is earned.

    >>> june = Schedule(3000, date(2026, 6, 1), date(2026, 7, 1))
    >>> june.days_passed(date(2026, 6, 16)), june.days, june.earned(date(2026, 6, 16))
    (15, 30, 1500)
    """

    deferred_minor: int
    start_date: date
    end_date: date
    cut_date: date | None = None

    @property
    def days(self) -> int:
        """Return the length in days; a stretch within one day counts as that day."""
        return max((self.end_date - self.start_date).days, 1)

    def days_passed(self, until: date) -> int:
        """Return how many of the days are over when `until` begins; all of them from the cut on."""
        if self.cut_date is not None and self.cut_date < until and self.start_date < until:
            return self.days
        return min(max((until - self.start_date).days, 0), self.days)

    def earned(self, until: date) -> int:
        """Return what is earned when `until` begins, in minor units: round(amount x days passed / days).

        >>> quarter = Schedule(10000, date(2026, 1, 15), date(2026, 4, 15))
        >>> [quarter.earned(date(2026, month, 1)) for month in (1, 2, 3, 4, 5)]
        [0, 1889, 5000, 8444, 10000]
        """
        return divide_half_away(self.deferred_minor * self.days_passed(until), self.days)


def schedule_of(
    deferred_minor: int,
    period: tuple[datetime, datetime],
    *,
    zone: str,
    issue_date: date,
    ended_at: datetime | None = None,
) -> Schedule:
    """Return the schedule of a stored line from its period in the customer's zone and the date of its document.

    A charge is earned over its whole period, however late it was billed. What gives back was split when it was issued:
    its deferred part lies after that day. `ended_at` is when its subscription ended, if it did.
    """
    start_date, end_date = (local_date(moment, zone) for moment in period)
    if deferred_minor < 0:
        start_date = min(max(start_date, issue_date), max(end_date, start_date))
    cut_date = local_date(ended_at, zone) if ended_at is not None and ended_at < period[1] else None
    return Schedule(deferred_minor, start_date, end_date, cut_date)


def deferred_part(charge: Charge, net_minor: int, *, zone: str, issue_date: date) -> int:
    """Return how much of a line's net goes to deferred revenue; the rest is revenue at once. Minor units, signed.

    A charge in advance is deferred whole. What gives back unused time takes from deferred what lies ahead of the day of
    issue, then from revenue: -3000 for June issued on 16 June -> -1500 deferred, -1500 revenue.
    """
    if charge.in_arrears or charge.period_end <= charge.period_start:
        return 0
    if net_minor >= 0:
        return net_minor
    return taken_from_deferred(net_minor, (charge.period_start, charge.period_end), zone=zone, issue_date=issue_date)


def taken_from_deferred(net_minor: int, period: tuple[datetime, datetime], *, zone: str, issue_date: date) -> int:
    """Return what giving back a net of a period that was deferred takes from deferred revenue: what lies ahead.

    Both are negative minor units; the rest of the net is taken from revenue.
    """
    start_date, end_date = (local_date(moment, zone) for moment in period)
    return net_minor - Schedule(net_minor, start_date, end_date).earned(issue_date)


def first_of_month(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after the one that begins on `month`.

    >>> next_month(date(2026, 12, 1))
    datetime.date(2027, 1, 1)
    """
    return first_of_month(month + timedelta(days=31))
