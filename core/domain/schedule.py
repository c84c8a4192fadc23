"""When billing periods begin: boundaries in local wall time, read as instants.

Billing rules, section 2. The n-th boundary is anchor + n intervals in the customer's local wall time, never the last
end + 1 interval: 31 January -> 28 February -> 31 March. A wall time in a daylight-saving hole is the first instant
after it, a doubled one is the first. An anchor is therefore a naive datetime: a wall time, valid in whatever zone the
customer has at that moment.
"""

from calendar import isleap
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from core.domain.period import Period

IntervalUnit = Literal["day", "week", "month", "year"]
_UNITS = frozenset(get_args(IntervalUnit))
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SHORTEST_MONTH, _LONGEST_MONTH = min(_DAYS_IN_MONTH), max(_DAYS_IN_MONTH)
_FEBRUARY_INDEX = 1
_MONTHS_IN_FOUR_YEARS = 48

_SECOND = timedelta(seconds=1)


class Interval(Struct, frozen=True):
    """A calendar length: so many days, weeks, months or years (a quarter is three months).

    Billing rules, section 2. Raises ValueError for another unit or a count below 1.
    """

    unit: IntervalUnit
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse an unknown unit or a count that is no whole number above 0."""
        if self.unit not in _UNITS:
            raise ValueError(f"an interval is counted in day, week, month or year, not {self.unit!r}")
        if type(self.count) is not int or self.count < 1:
            raise ValueError(f"an interval has a whole count of at least 1, not {self.count!r}")

    @property
    def months(self) -> int:
        """Return the length in months, 0 for days and weeks."""
        return self.count * _MONTHS.get(self.unit, 0)

    @property
    def days(self) -> int:
        """Return the length in days, 0 for months and years."""
        return self.count * _DAYS.get(self.unit, 0)

    def divides(self, other: "Interval") -> bool:
        """Tell whether a whole number of this interval makes the other, so that boundaries of the other are its own.

        Billing rules, section 3 (usage intervals).

        >>> Interval("month", 3).divides(Interval("year")), Interval("week").divides(Interval("month"))
        (True, False)
        """
        if self.months:
            return other.months > 0 and other.months % self.months == 0
        return other.days > 0 and other.days % self.days == 0


@lru_cache(maxsize=2048)
def _zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raise ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone") from None


def local_wall(instant: datetime, zone: str) -> datetime:
    """Return the naive wall time that clocks of the zone show at an aware instant.

    Raises ValueError for a naive instant, an unknown zone, or a wall time outside the years 1 to 9999.

    >>> local_wall(datetime(2025, 6, 1, 22, 30, tzinfo=UTC), "Europe/Berlin").isoformat()
    '2025-06-02T00:30:00'
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} is not an aware datetime")
    try:
        return instant.astimezone(UTC if zone == "UTC" else _zone(zone)).replace(tzinfo=None, fold=0)
    except OverflowError:
        raise _out_of_range(instant, zone) from None


def instant_of(wall: datetime, zone: str) -> datetime:
    """Return the first instant, in UTC, at which clocks of the zone show the wall time or later.

    So a wall time in a daylight-saving hole is the first instant after it, and a doubled one is the first (Billing
    rules, section 2). Raises ValueError for an aware wall time, an unknown zone, or outside the years 1 to 9999.

    >>> instant_of(datetime(2025, 3, 30, 2, 30), "Europe/Berlin").isoformat()  # the clocks jump from 2 to 3
    '2025-03-30T01:00:00+00:00'
    >>> instant_of(datetime(2025, 10, 26, 2, 30), "Europe/Berlin").isoformat()  # 2:30 comes twice
    '2025-10-26T00:30:00+00:00'
    """
    if wall.tzinfo is not None:
        raise ValueError(f"{wall} is not a wall time: it has a zone")
    if zone == "UTC":
        return wall.replace(tzinfo=UTC, fold=0)
    try:
        local = wall.replace(tzinfo=_zone(zone), fold=0)
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    except OverflowError:
        raise _out_of_range(wall, zone) from None
    # The fold picks the offset before or after a change of clocks. In a doubled hour the one before comes first; in a
    # hole it comes last, for then neither reading is right and the change lies between the two.
    return first if first <= second else _after_hole(wall, zone, second, first)


def _after_hole(wall: datetime, zone: str, before: datetime, after: datetime) -> datetime:
    """Return the end of the hole the wall time is in, found by halving; clocks change on whole seconds."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if local_wall(middle, zone) >= wall:
            after = middle
        else:
            before = middle
    return after


def _out_of_range(moment: datetime, zone: str) -> ValueError:
    """Return the error of a moment that no calendar here can hold."""
    return ValueError(f"{moment} in {zone} is outside the years 1 to 9999")


def _month_length(year: int, month_index: int) -> int:
    """Return the number of days of a month; January has index 0."""
    return _DAYS_IN_MONTH[month_index] + (month_index == _FEBRUARY_INDEX and isleap(year))


def _boundary_wall(anchor_wall: datetime, interval: Interval, n: int) -> datetime:
    """Return anchor + n intervals in wall time, the day clamped to its month."""
    if interval.unit in _DAYS:
        try:
            return anchor_wall + timedelta(days=n * interval.days)
        except OverflowError:
            raise _beyond(anchor_wall, interval, n) from None
    year, month_index = divmod(anchor_wall.year * 12 + anchor_wall.month - 1 + n * interval.months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise _beyond(anchor_wall, interval, n)
    day = anchor_wall.day
    if day > _SHORTEST_MONTH:
        day = min(day, _month_length(year, month_index))
    return anchor_wall.replace(year=year, month=month_index + 1, day=day)


def _beyond(anchor_wall: datetime, interval: Interval, n: int) -> ValueError:
    """Return the error of a boundary that no calendar here can hold."""
    return ValueError(f"{anchor_wall} + {n} x {interval.count} {interval.unit} is outside the years 1 to 9999")


@lru_cache(maxsize=8192)
def boundary(anchor_wall: datetime, interval: Interval, n: int, zone: str) -> datetime:
    """Return the n-th boundary, anchor + n intervals in local wall time, as an instant in UTC; n may be negative.

    Billing rules, section 2. Raises ValueError for an aware anchor, an unknown zone, or outside the years 1 to 9999.

    >>> [boundary(datetime(2023, 1, 31), Interval("month"), n, "UTC").date().isoformat() for n in range(4)]
    ['2023-01-31', '2023-02-28', '2023-03-31', '2023-04-30']
    """
    return instant_of(_boundary_wall(anchor_wall, interval, n), zone)


@lru_cache(maxsize=8192)
def boundary_index(anchor_wall: datetime, interval: Interval, zone: str, instant: datetime) -> int:
    """Return the number of the last boundary at or before the instant: the largest n with boundary(n) <= instant.

    Where two boundaries fall on one instant (a day the zone skipped), it is the later one's. Raises ValueError as
    boundary does.

    >>> boundary_index(datetime(2023, 1, 31), Interval("month"), "UTC", datetime(2023, 2, 28, tzinfo=UTC))
    1
    """
    wall = local_wall(instant, zone)
    if interval.unit in _DAYS:
        n = (wall - anchor_wall) // timedelta(days=interval.days)
    else:
        months = (wall.year - anchor_wall.year) * 12 + wall.month - anchor_wall.month
        n = months // interval.months
        if _boundary_wall(anchor_wall, interval, n) > wall:
            n -= 1
    # The wall time may have passed the next boundary's and been set back since; then that boundary is behind already.
    while True:
        if boundary(anchor_wall, interval, n + 1, zone) > instant:
            return n
        n += 1


def period_at(anchor_wall: datetime, interval: Interval, zone: str, instant: datetime) -> tuple[int, Period]:
    """Return the number and the period, boundary(n) to boundary(n + 1), that holds the instant.

    Billing rules, section 2. Raises ValueError as boundary does.
    """
    n = boundary_index(anchor_wall, interval, zone, instant)
    return n, Period(boundary(anchor_wall, interval, n, zone), boundary(anchor_wall, interval, n + 1, zone))


def boundaries_between(
    anchor_wall: datetime, interval: Interval, zone: str, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the boundaries with after < boundary <= until, in order and strictly rising.

    Two boundaries on one instant (a day the zone skipped) are yielded once, so that no period is empty. Raises
    ValueError as boundary does.
    """
    n = boundary_index(anchor_wall, interval, zone, after) + 1
    last = after
    while (following := boundary(anchor_wall, interval, n, zone)) <= until:
        if following > last:
            yield following
            last = following
        n += 1


def calendar_anchor(start: datetime, interval: Interval, billing_day: int, zone: str) -> datetime:
    """Return the wall time, local 00:00, of the aligned anchor at or before the start.

    Months align to the billing day, years to 1 January, weeks to Monday, days to the day itself (Billing rules,
    section 2). A billing day the month lacks is clamped there and kept elsewhere: the anchor then lies whole intervals
    further back, in a month that has the day. Raises ValueError unless the billing day is 1 to 31.

    >>> calendar_anchor(datetime(2025, 1, 15, 10, tzinfo=UTC), Interval("month"), 1, "UTC").isoformat()
    '2025-01-01T00:00:00'
    """
    if not 1 <= billing_day <= _LONGEST_MONTH:
        raise ValueError(f"the billing day must be 1 to {_LONGEST_MONTH}, not {billing_day}")
    day = local_date(start, zone)
    if interval.unit == "year":
        day = day.replace(month=1, day=1)
    elif interval.unit == "week":
        day -= timedelta(days=day.weekday())
    elif interval.unit == "month":
        day = _aligned_month_day(day, interval.months, billing_day)
    return datetime.combine(day, time.min)


def _aligned_month_day(day: date, months: int, billing_day: int) -> date:
    """Return the latest billing day at or before the day, moved back by whole intervals to a month that has it.

    Where no month of four years has it (30 February, a yearly count of months), the longest month stands in.
    """
    latest = day.year * 12 + day.month - 1
    if day.day < min(billing_day, _month_length(day.year, day.month - 1)):
        latest -= 1
    best_month, best_length = latest, 0
    for month in range(latest, latest - _MONTHS_IN_FOUR_YEARS * months, -months):
        year, month_index = divmod(month, 12)
        if year < MINYEAR:
            break
        length = _month_length(year, month_index)
        if length > best_length:
            best_month, best_length = month, length
        if length >= billing_day:
            break
    year, month_index = divmod(best_month, 12)
    if year < MINYEAR:
        raise ValueError(f"the billing day before {day} is outside the years 1 to 9999")
    return date(year, month_index + 1, min(billing_day, best_length))


def start_of_day(day: date, zone: str) -> datetime:
    """Return the instant, in UTC, at which a local day begins: local 00:00, or the first instant after a hole there.

    Billing rules, section 2. Raises ValueError for an unknown zone or outside the years 1 to 9999.
    """
    return instant_of(datetime.combine(day, time.min), zone)


@lru_cache(maxsize=8192)
def local_date(instant: datetime, zone: str) -> date:
    """Return the local day of an aware instant. Raises ValueError as local_wall does."""
    return local_wall(instant, zone).date()
