"""Boundaries in local wall time. Billing rules, section 2."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest

from core.domain.period import Period
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

MONTH, YEAR, WEEK, DAY, QUARTER = (
    Interval("month"),
    Interval("year"),
    Interval("week"),
    Interval("day"),
    Interval("month", 3),
)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dates(anchor: str, interval: Interval, numbers: range, zone: str = "UTC") -> list[str]:
    return [local_date(boundary(wall(anchor), interval, n, zone), zone).isoformat() for n in numbers]


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        ("2023-01-31", MONTH, ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        ("2024-01-31", MONTH, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("2023-01-30", MONTH, ["2023-01-30", "2023-02-28", "2023-03-30"]),
        ("2023-02-28", MONTH, ["2023-02-28", "2023-03-28", "2023-04-28"]),
        ("2020-02-29", YEAR, ["2020-02-29", "2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]),
        ("2023-11-30", QUARTER, ["2023-11-30", "2024-02-29", "2024-05-30"]),
        ("2023-12-31", WEEK, ["2023-12-31", "2024-01-07", "2024-01-14"]),
        ("2024-02-28", DAY, ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("2024-02-27", Interval("day", 10), ["2024-02-27", "2024-03-08"]),
        ("2024-02-29", Interval("year", 4), ["2024-02-29", "2028-02-29"]),
    ],
)
def test_the_nth_boundary_counts_from_the_anchor(anchor: str, interval: Interval, expected: list[str]) -> None:
    assert dates(anchor, interval, range(len(expected))) == expected


def test_boundaries_before_the_anchor() -> None:
    assert dates("2023-03-31", MONTH, range(-4, 1)) == [
        "2022-11-30",
        "2022-12-31",
        "2023-01-31",
        "2023-02-28",
        "2023-03-31",
    ]


@pytest.mark.parametrize("interval", [MONTH, WEEK, DAY, YEAR])
def test_daylight_saving_never_moves_the_wall_time(interval: Interval) -> None:
    instants = [boundary(wall("2024-01-05T10:17:00"), interval, n, "Europe/Berlin") for n in range(400)]
    assert {local_wall(instant, "Europe/Berlin").time().isoformat() for instant in instants} == {"10:17:00"}
    assert {instant.hour for instant in instants} >= {9}


def test_winter_and_summer_are_an_hour_apart_in_utc() -> None:
    assert boundary(wall("2025-01-15T10:17"), MONTH, 0, "Europe/Berlin") == utc("2025-01-15T09:17")
    assert boundary(wall("2025-01-15T10:17"), MONTH, 6, "Europe/Berlin") == utc("2025-07-15T08:17")


@pytest.mark.parametrize(
    ("zone", "wall_time", "instant"),
    [
        # A hole: the first instant after it.
        ("Europe/Berlin", "2025-03-30T02:00", "2025-03-30T01:00"),
        ("Europe/Berlin", "2025-03-30T02:30", "2025-03-30T01:00"),
        ("Europe/Berlin", "2025-03-30T02:59:59.999999", "2025-03-30T01:00"),
        ("Europe/Berlin", "2025-03-30T03:00", "2025-03-30T01:00"),
        ("Europe/Berlin", "2025-03-30T01:59:59.999999", "2025-03-30T00:59:59.999999"),
        ("America/New_York", "2025-03-09T02:15:30", "2025-03-09T07:00"),
        ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04T15:30"),
        # Midnight itself does not exist.
        ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00"),
        # A doubled time: the first.
        ("Europe/Berlin", "2025-10-26T02:00", "2025-10-26T00:00"),
        ("Europe/Berlin", "2025-10-26T02:30", "2025-10-26T00:30"),
        ("Europe/Berlin", "2025-10-26T03:00", "2025-10-26T02:00"),
        ("America/New_York", "2025-11-02T01:30", "2025-11-02T05:30"),
        ("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-05T14:45"),
        # Far ahead, by the zone's rule rather than its table.
        ("Europe/Berlin", "2095-03-27T02:30", "2095-03-27T01:00"),
        ("UTC", "2025-03-30T02:30", "2025-03-30T02:30"),
        ("Asia/Kathmandu", "2025-03-30T00:00", "2025-03-29T18:15"),
    ],
)
def test_a_wall_time_is_its_first_instant(zone: str, wall_time: str, instant: str) -> None:
    found = instant_of(wall(wall_time), zone)
    assert found == utc(instant)
    assert found.tzinfo is UTC
    assert found.fold == 0


def test_a_fold_on_the_wall_time_changes_nothing() -> None:
    doubled = wall("2025-10-26T02:30")
    for zone in ("UTC", "Europe/Berlin"):
        again = instant_of(doubled.replace(fold=1), zone)
        assert (again, again.fold) == (instant_of(doubled, zone), 0)


def test_a_wall_time_has_no_fold_and_no_zone() -> None:
    second = local_wall(utc("2025-10-26T01:30"), "Europe/Berlin")
    assert (second, second.fold, second.tzinfo) == (wall("2025-10-26T02:30"), 0, None)
    assert local_wall(utc("2025-10-26T01:30"), "UTC") == wall("2025-10-26T01:30")


def test_an_instant_of_another_offset_is_understood() -> None:
    assert local_wall(datetime.fromisoformat("2025-06-01T00:30:00+02:00"), "UTC") == wall("2025-05-31T22:30")


def test_what_is_naive_or_aware_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(ValueError, match="not an aware datetime"):
        local_wall(wall("2025-06-01"), "UTC")
    for zone in ("UTC", "Europe/Berlin"):
        with pytest.raises(ValueError, match="not a wall time"):
            instant_of(utc("2025-06-01"), zone)
        with pytest.raises(ValueError, match="not a wall time"):
            boundary(utc("2025-06-01"), MONTH, 1, zone)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 5000])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        local_wall(utc("2025-06-01"), zone)
    with pytest.raises(ValueError, match="not a time zone"):
        instant_of(wall("2025-06-01"), zone)


@pytest.mark.parametrize(
    ("anchor", "interval", "instant", "number"),
    [
        ("2023-01-31", MONTH, "2023-02-27T23:59:59.999999", 0),
        ("2023-01-31", MONTH, "2023-02-28", 1),
        ("2023-01-31", MONTH, "2023-03-30T23:59", 1),
        ("2023-01-31", MONTH, "2023-03-31", 2),
        ("2023-01-31", MONTH, "2023-01-31", 0),
        ("2023-01-31", MONTH, "2023-01-30T23:59", -1),
        ("2023-01-31", MONTH, "2022-12-30", -2),
        ("2020-02-29", YEAR, "2021-02-27", 0),
        ("2020-02-29", YEAR, "2021-02-28", 1),
        ("2020-02-29", YEAR, "2024-02-28T23:59", 3),
        ("2020-02-29", YEAR, "2024-02-29", 4),
        ("2023-11-30", QUARTER, "2024-02-28T23:59", 0),
        ("2023-11-30", QUARTER, "2024-02-29", 1),
        ("2024-01-01T10:17", WEEK, "2024-01-08T10:16:59", 0),
        ("2024-01-01T10:17", WEEK, "2024-01-08T10:17", 1),
        ("2024-01-01T10:17", DAY, "2023-12-31T10:16", -2),
    ],
)
def test_the_index_is_of_the_last_boundary_reached(anchor: str, interval: Interval, instant: str, number: int) -> None:
    assert boundary_index(wall(anchor), interval, "UTC", utc(instant)) == number


def test_the_index_around_a_set_back_clock() -> None:
    # 2:30 comes twice; the boundary is the first, and the second 2:10 lies after it although its wall time is earlier.
    anchor = wall("2025-10-25T02:30")
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-10-26T00:29:59")) == 0
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-10-26T00:30")) == 1
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-10-26T01:10")) == 1
    monthly = wall("2025-09-26T02:30")
    assert boundary_index(monthly, MONTH, "Europe/Berlin", utc("2025-10-26T01:10")) == 1


def test_the_index_around_a_hole() -> None:
    anchor = wall("2025-03-29T02:30")
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-03-30T00:59:59")) == 0
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-03-30T01:00")) == 1
    assert boundary_index(anchor, DAY, "Europe/Berlin", utc("2025-03-31T00:30")) == 2


def test_a_skipped_day_makes_no_empty_period() -> None:
    # Midnight of 30 and of 31 December 2011 are one instant in Samoa.
    anchor, skipped = wall("2011-12-29"), utc("2011-12-30T10:00")
    assert boundary(anchor, DAY, 1, "Pacific/Apia") == boundary(anchor, DAY, 2, "Pacific/Apia") == skipped
    assert boundary_index(anchor, DAY, "Pacific/Apia", skipped) == 2
    assert period_at(anchor, DAY, "Pacific/Apia", skipped) == (2, Period(skipped, utc("2011-12-31T10:00")))
    found = list(boundaries_between(anchor, DAY, "Pacific/Apia", utc("2011-12-29T10:00"), utc("2012-01-01T10:00")))
    assert found == [skipped, utc("2011-12-31T10:00"), utc("2012-01-01T10:00")]


def test_the_period_that_holds_an_instant() -> None:
    expected = (1, Period(utc("2023-02-28"), utc("2023-03-31")))
    assert period_at(wall("2023-01-31"), MONTH, "UTC", utc("2023-02-28")) == expected
    assert period_at(wall("2023-01-31"), MONTH, "UTC", utc("2023-03-30T23:59")) == expected


def test_boundaries_between_leave_out_the_first_instant_and_take_in_the_last() -> None:
    found = list(boundaries_between(wall("2023-01-31"), MONTH, "UTC", utc("2023-02-28"), utc("2023-04-30")))
    assert found == [utc("2023-03-31"), utc("2023-04-30")]
    assert not list(boundaries_between(wall("2023-01-31"), MONTH, "UTC", utc("2023-02-28"), utc("2023-03-30")))
    assert not list(boundaries_between(wall("2023-01-31"), MONTH, "UTC", utc("2023-04-30"), utc("2023-02-28")))


def test_usage_periods_of_a_yearly_subscription_end_with_it() -> None:
    anchor = wall("2023-01-31")
    yearly = list(boundaries_between(anchor, YEAR, "UTC", utc("2023-01-31"), utc("2026-01-31")))
    monthly = list(boundaries_between(anchor, MONTH, "UTC", utc("2023-01-31"), utc("2026-01-31")))
    assert [instant.date().isoformat() for instant in islice(monthly, 3)] == ["2023-02-28", "2023-03-31", "2023-04-30"]
    assert set(yearly) < set(monthly)


def test_a_changed_zone_keeps_the_wall_time() -> None:
    # A changed zone counts from the next boundary: the anchor is a wall time, so it is read in either zone.
    anchor = wall("2025-01-15T10:17")
    assert boundary(anchor, MONTH, 1, "Europe/Berlin") == utc("2025-02-15T09:17")
    assert boundary(anchor, MONTH, 2, "America/New_York") == utc("2025-03-15T14:17")


@pytest.mark.parametrize(
    ("start", "interval", "billing_day", "anchor"),
    [
        ("2025-01-15T10:17", MONTH, 1, "2025-01-01"),
        ("2025-01-01", MONTH, 1, "2025-01-01"),
        ("2025-01-14T23:59", MONTH, 15, "2024-12-15"),
        ("2025-01-15", MONTH, 15, "2025-01-15"),
        ("2025-01-15", QUARTER, 1, "2025-01-01"),
        ("2025-02-01", QUARTER, 1, "2025-02-01"),
        ("2025-07-15", YEAR, 15, "2025-01-01"),
        ("2025-01-01", YEAR, 1, "2025-01-01"),
        ("2025-01-15T10:17", WEEK, 1, "2025-01-13"),
        ("2025-01-13", WEEK, 1, "2025-01-13"),
        ("2025-01-15T10:17", DAY, 1, "2025-01-15"),
        # The 31st is clamped in February, but the anchor keeps it.
        ("2023-02-15", MONTH, 31, "2023-01-31"),
        ("2023-02-28T12:00", MONTH, 31, "2023-01-31"),
        ("2023-04-30", MONTH, 31, "2023-03-31"),
        ("2023-03-01", MONTH, 29, "2023-01-29"),
        ("2023-02-28", QUARTER, 31, "2022-08-31"),
        # A month that has the day is its own anchor, although a longer one came before.
        ("2025-04-30", MONTH, 30, "2025-04-30"),
        # A yearly count of months from February never meets a 31st: 29 February is the latest there is.
        ("2023-02-28", Interval("month", 12), 31, "2020-02-29"),
        ("2103-02-28", Interval("month", 12), 31, "2096-02-29"),
        ("2024-02-29", Interval("month", 12), 29, "2024-02-29"),
        ("0001-01-01", MONTH, 1, "0001-01-01"),
        ("0001-01-05", WEEK, 1, "0001-01-01"),
        ("0001-04-30", MONTH, 31, "0001-03-31"),
        ("0001-02-28", MONTH, 31, "0001-01-31"),
        ("0001-02-28", QUARTER, 31, "0001-02-28"),
    ],
)
def test_a_calendar_anchor_is_aligned(start: str, interval: Interval, billing_day: int, anchor: str) -> None:
    assert calendar_anchor(utc(start), interval, billing_day, "UTC") == wall(anchor)


def test_a_calendar_anchor_is_local() -> None:
    # 23:30 in UTC is already the 1st in Berlin, and still the 31st in New York.
    start = utc("2025-12-31T23:30")
    assert calendar_anchor(start, MONTH, 1, "Europe/Berlin") == wall("2026-01-01")
    assert calendar_anchor(start, YEAR, 1, "Europe/Berlin") == wall("2026-01-01")
    assert calendar_anchor(start, YEAR, 1, "America/New_York") == wall("2025-01-01")


def test_a_calendar_start_on_the_first_is_whole_and_later_leaves_a_stub() -> None:
    first, fifteenth = utc("2025-01-01"), utc("2025-01-15")
    for start, days in ((first, 31), (fifteenth, 17)):
        anchor = calendar_anchor(start, MONTH, 1, "UTC")
        _, period = period_at(anchor, MONTH, "UTC", start)
        assert (period.end.date() - start.date()).days == days
        assert (period.end.date() - period.start.date()).days == 31


def test_a_calendar_of_the_31st_ends_every_month() -> None:
    anchor = calendar_anchor(utc("2023-02-28T12:00"), MONTH, 31, "UTC")
    found = islice(boundaries_between(anchor, MONTH, "UTC", utc("2023-02-01"), utc("2024-01-01")), 3)
    assert [instant.date().isoformat() for instant in found] == ["2023-02-28", "2023-03-31", "2023-04-30"]


@pytest.mark.parametrize("billing_day", [0, 32, -1])
def test_a_billing_day_is_a_day_of_a_month(billing_day: int) -> None:
    with pytest.raises(ValueError, match="billing day must be 1 to 31"):
        calendar_anchor(utc("2025-01-01"), MONTH, billing_day, "UTC")


def test_a_calendar_anchor_before_all_time_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        calendar_anchor(utc("0001-01-05"), MONTH, 15, "UTC")


def test_days() -> None:
    assert start_of_day(date(2025, 7, 1), "Europe/Berlin") == utc("2025-06-30T22:00")
    assert start_of_day(date(2018, 11, 4), "America/Sao_Paulo") == utc("2018-11-04T03:00")
    assert local_date(utc("2025-06-30T22:00"), "Europe/Berlin") == date(2025, 7, 1)
    assert local_date(utc("2025-06-30T21:59:59"), "Europe/Berlin") == date(2025, 6, 30)


@pytest.mark.parametrize(("unit", "count"), [("hour", 1), ("month", 0), ("month", -1), ("day", 1.5), ("day", True)])
def test_what_is_no_interval_is_refused(unit: str, count: int) -> None:
    with pytest.raises(ValueError, match="interval"):
        Interval(unit, count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shorter", "longer", "divides"),
    [
        (MONTH, YEAR, True),
        (QUARTER, YEAR, True),
        (QUARTER, Interval("month", 12), True),
        (YEAR, YEAR, True),
        (Interval("month", 5), YEAR, False),
        (YEAR, MONTH, False),
        (DAY, DAY, True),
        (MONTH, MONTH, True),
        (DAY, WEEK, True),
        (WEEK, Interval("day", 14), True),
        (Interval("day", 3), WEEK, False),
        (DAY, MONTH, False),
        (MONTH, WEEK, False),
    ],
)
def test_which_intervals_divide_which(shorter: Interval, longer: Interval, divides: bool) -> None:
    assert shorter.divides(longer) is divides


@pytest.mark.parametrize(
    ("anchor", "interval", "n"),
    [
        ("2025-01-31", MONTH, 12 * 8000),
        ("2025-01-31", MONTH, -12 * 2025),
        ("2025-01-31", DAY, 10**7),
        ("2025-01-31", DAY, 10**30),
        ("2025-01-31", WEEK, -(10**6)),
        ("2025-01-31", Interval("year", 10**30), 1),
    ],
)
def test_a_boundary_outside_all_years_is_refused(anchor: str, interval: Interval, n: int) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        boundary(wall(anchor), interval, n, "UTC")


FIRST, LAST = "0001-01-01", "9999-12-31T23:59:59.999999"


@pytest.mark.parametrize(
    ("zone", "wall_of", "instant_at"),
    # East of Greenwich the last instants have no wall time and the first wall times no instant; west, the reverse.
    [("Asia/Tokyo", LAST, FIRST), ("America/New_York", FIRST, LAST)],
)
def test_beyond_the_edges_of_time_is_refused_in_words(zone: str, wall_of: str, instant_at: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        local_wall(utc(wall_of), zone)
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        instant_of(wall(instant_at), zone)


@pytest.mark.parametrize("edge", [FIRST, LAST])
def test_the_edges_of_time_themselves_are_right(edge: str) -> None:
    assert local_wall(instant_of(wall(edge), "UTC"), "UTC") == wall(edge)


def test_the_first_and_the_last_year_have_boundaries() -> None:
    assert boundary(wall("0002-06-15"), YEAR, -1, "UTC") == utc("0001-06-15")
    assert boundary(wall("9998-06-15"), YEAR, 1, "UTC") == utc("9999-06-15")


def test_an_index_at_the_end_of_time_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        boundary_index(wall("2025-01-31"), MONTH, "UTC", utc("9999-12-31T12:00"))


def test_periods_tile_over_forty_years() -> None:
    instants = [boundary(wall("2019-12-31T02:30"), MONTH, n, "Europe/Berlin") for n in range(480)]
    for n, (start, end) in enumerate(pairwise(instants)):
        assert timedelta(days=27) < end - start < timedelta(days=32)
        assert boundary_index(wall("2019-12-31T02:30"), MONTH, "Europe/Berlin", start) == n
        assert boundary_index(wall("2019-12-31T02:30"), MONTH, "Europe/Berlin", end - timedelta(microseconds=1)) == n
