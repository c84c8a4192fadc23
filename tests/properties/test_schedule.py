"""Boundaries rise and tile, whatever the anchor, the zone and its clock changes. Billing rules, section 2."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.schedule import (
    Interval,
    boundaries_between,
    boundary,
    boundary_index,
    calendar_anchor,
    instant_of,
    local_date,
    local_wall,
    period_at,
    start_of_day,
)

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "Europe/London",
        "America/New_York",
        "America/Sao_Paulo",  # changed at midnight
        "Australia/Lord_Howe",  # by half an hour
        "Pacific/Apia",  # skipped a day
        "Africa/Casablanca",  # four changes a year
        "Asia/Kathmandu",
    ]
)
INTERVALS = st.builds(Interval, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 14))
WALLS = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2090-01-01"))
# Days on which clocks changed, so that holes and doubled hours are met often.
CHANGES = st.sampled_from(
    [
        datetime.fromisoformat("2025-03-30"),
        datetime.fromisoformat("2025-10-26"),
        datetime.fromisoformat("2025-03-09"),
        datetime.fromisoformat("2025-11-02"),
        datetime.fromisoformat("2018-11-04"),
        datetime.fromisoformat("2018-02-17"),
        datetime.fromisoformat("2025-10-05"),
        datetime.fromisoformat("2025-04-06"),
        datetime.fromisoformat("2011-12-30"),
        datetime.fromisoformat("2025-02-23"),
    ]
)
NEAR_CHANGES = st.builds(lambda day, minutes: day + timedelta(minutes=minutes), CHANGES, st.integers(-1500, 1500))
ANCHORS = WALLS | NEAR_CHANGES
INSTANTS = ANCHORS.map(lambda wall: wall.replace(tzinfo=UTC))
NUMBERS = st.integers(-60, 400)
MICROSECOND = timedelta(microseconds=1)


@given(ANCHORS, ZONES)
def test_a_wall_time_is_the_first_instant_at_or_after_it(wall: datetime, zone: str) -> None:
    instant = instant_of(wall, zone)
    assert local_wall(instant, zone) >= wall
    assert local_wall(instant - MICROSECOND, zone) < wall
    # Not once in the two days before did the clock show it: no earlier instant would do.
    for minutes in range(1, 2881, 15):
        assert local_wall(instant - timedelta(minutes=minutes), zone) < wall


@given(INSTANTS, ZONES)
def test_an_instant_is_at_or_after_its_own_wall_time(instant: datetime, zone: str) -> None:
    again = instant_of(local_wall(instant, zone), zone)
    assert instant - timedelta(hours=1) <= again <= instant


@given(ANCHORS, INTERVALS, NUMBERS, ZONES)
def test_boundaries_rise(anchor: datetime, interval: Interval, n: int, zone: str) -> None:
    first, second, third = (boundary(anchor, interval, n + step, zone) for step in range(3))
    assert first <= second <= third
    assert first < third


@given(ANCHORS, INTERVALS, NUMBERS, ZONES)
def test_a_boundary_keeps_its_wall_time_and_its_day(anchor: datetime, interval: Interval, n: int, zone: str) -> None:
    wall = local_wall(boundary(anchor, interval, n, "UTC"), "UTC")
    assert wall.time() == anchor.time()
    if interval.months:
        assert (wall.year - anchor.year) * 12 + wall.month - anchor.month == n * interval.months
        assert wall.day == anchor.day or (wall.day < anchor.day and (wall + timedelta(days=1)).day == 1)
    else:
        assert wall - anchor == timedelta(days=n * interval.days)
    assert boundary(anchor, interval, n, zone) == instant_of(wall, zone)


@given(ANCHORS, INTERVALS, INSTANTS, ZONES)
def test_the_index_is_the_last_boundary_reached(
    anchor: datetime, interval: Interval, instant: datetime, zone: str
) -> None:
    n = boundary_index(anchor, interval, zone, instant)
    assert boundary(anchor, interval, n, zone) <= instant < boundary(anchor, interval, n + 1, zone)


@given(ANCHORS, INTERVALS, NUMBERS, ZONES)
def test_the_index_undoes_the_boundary(anchor: datetime, interval: Interval, n: int, zone: str) -> None:
    instant = boundary(anchor, interval, n, zone)
    found = boundary_index(anchor, interval, zone, instant)
    assert boundary(anchor, interval, found, zone) == instant
    assert found == n or (found == n + 1 and boundary(anchor, interval, n + 1, zone) == instant)
    assert boundary_index(anchor, interval, zone, instant - MICROSECOND) < n + (found == n)


@given(NEAR_CHANGES, st.sampled_from(["day", "week", "month"]), st.integers(-120, 120), ZONES)
def test_the_index_near_clock_changes(anchor: datetime, unit: str, minutes: int, zone: str) -> None:
    interval = Interval(unit)  # type: ignore[arg-type]
    instant = boundary(anchor, interval, 1, zone) + timedelta(minutes=minutes)
    n = boundary_index(anchor, interval, zone, instant)
    assert boundary(anchor, interval, n, zone) <= instant < boundary(anchor, interval, n + 1, zone)


@given(ANCHORS, INTERVALS, INSTANTS, ZONES)
def test_periods_tile(anchor: datetime, interval: Interval, instant: datetime, zone: str) -> None:
    number, period = period_at(anchor, interval, zone, instant)
    assert period.contains(instant)
    following, next_period = period_at(anchor, interval, zone, period.end)
    assert next_period.start == period.end
    assert following > number


@given(ANCHORS, INTERVALS, INSTANTS, ZONES, st.integers(0, 400))
def test_boundaries_between_are_all_there_are(
    anchor: datetime, interval: Interval, after: datetime, zone: str, days: int
) -> None:
    until = after + timedelta(days=days)
    found = list(boundaries_between(anchor, interval, zone, after, until))
    assert all(first < second for first, second in pairwise(found))
    first = boundary_index(anchor, interval, zone, after) + 1
    last = boundary_index(anchor, interval, zone, until)
    assert found == sorted({boundary(anchor, interval, n, zone) for n in range(first, last + 1)})
    assert all(after < instant <= until for instant in found)


@given(INSTANTS, INTERVALS, st.integers(1, 31), ZONES)
def test_a_calendar_anchor_lies_at_or_before_the_start_and_is_aligned(
    start: datetime, interval: Interval, billing_day: int, zone: str
) -> None:
    anchor = calendar_anchor(start, interval, billing_day, zone)
    assert instant_of(anchor, zone) <= start
    assert anchor.time() == datetime.min.time()
    start_date, (_, period) = local_date(start, zone), period_at(anchor, interval, zone, start)
    if interval.unit == "month":
        last = local_date(period.start, zone)
        assert (start_date.year - last.year) * 12 + start_date.month - last.month <= 1
        assert anchor.day <= billing_day
    elif interval.unit == "year":
        assert (anchor.year, anchor.month, anchor.day) == (start_date.year, 1, 1)
    elif interval.unit == "week":
        assert anchor.weekday() == 0
        assert (start_date - anchor.date()).days < 7
    else:
        assert anchor.date() == start_date


@given(INSTANTS, ZONES)
def test_a_day_begins_at_or_before_its_instants(instant: datetime, zone: str) -> None:
    day = local_date(instant, zone)
    assert start_of_day(day, zone) <= instant
    assert local_date(start_of_day(day, zone), zone) == day
