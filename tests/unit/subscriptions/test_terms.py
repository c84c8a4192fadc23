"""Versions of terms, and the periods and boundaries they make (Billing rules, sections 2, 3 and 5)."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.schedule import Interval
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.periods import (
    Segment,
    current_period,
    next_boundary,
    paid_segments,
    period_at,
    service_periods,
)
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import Agreement, CalendarVersion, Item, ItemVersion
from tests.bills import but
from tests.histories import price

MONTH, YEAR, WEEK = Interval("month"), Interval("year"), Interval("week")
FLAT = Rating(PriceType.FIXED_PRICE, unit_price=Decimal(3000))
PLAN, OTHER_PLAN = uuid.UUID(int=4), uuid.UUID(int=5)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def version(from_at: str, phase: str = "paid", *, anchor: str = "", **values: Any) -> CalendarVersion:
    """A version from a moment on, anchored there unless said otherwise."""
    wall = at(anchor or from_at).replace(tzinfo=None)
    base = CalendarVersion(1, at(from_at), phase, PLAN, "Team", wall, MONTH, "UTC", "anniversary")
    return but(base, **values)


def agreement(*calendar: CalendarVersion, intervals: tuple[Interval | None, ...] = (MONTH,)) -> Agreement:
    """An agreement with one item an interval, None for what is charged once."""
    items = tuple(
        Item(
            uuid.UUID(int=100 + position),
            position,
            (ItemVersion(1, calendar[0].from_at, price(FLAT, interval=interval), 1, "started"),),
        )
        for position, interval in enumerate(intervals)
    )
    return Agreement(
        uuid.UUID(int=3), uuid.UUID(int=2), Status.ACTIVE, "EUR", calendar[0].from_at, calendar=calendar, items=items
    )


def periods(*calendar: CalendarVersion, after: str = "", until: str, interval: Interval = MONTH) -> list[str]:
    """The periods as `start/end`, with the full interval behind where they are no whole one."""
    found = service_periods(paid_segments(calendar), interval, at(after) if after else None, at(until))
    shown = []
    for period in found:
        text = f"{period.start:%m-%d}/{period.end:%m-%d}"
        shown.append(text if period.is_whole else f"{text} of {period.full.start:%m-%d}/{period.full.end:%m-%d}")
    return shown


class TestVersionAt:
    ITEM = Item(
        uuid.UUID(int=1),
        0,
        tuple(
            ItemVersion(number, at(f"2026-01-{day:02}"), price(FLAT), number, "added")
            for number, day in ((1, 5), (2, 10), (3, 10), (4, 20))
        ),
    )

    @pytest.mark.parametrize(
        ("instant", "quantity"),
        [("2026-01-05", 1), ("2026-01-09 23:59", 1), ("2026-01-10", 3), ("2026-01-20", 4), ("2027-01-01", 4)],
    )
    def test_the_latest_version_at_or_before_holds(self, instant: str, quantity: int) -> None:
        found = self.ITEM.version_at(at(instant))
        assert found is not None
        assert found.quantity == quantity

    def test_before_the_first_there_is_none(self) -> None:
        assert self.ITEM.version_at(at("2026-01-04")) is None


class TestPaidSegments:
    def test_trials_pauses_and_ends_are_not_charged(self) -> None:
        segments = paid_segments(
            (
                version("2026-01-01", "trial"),
                version("2026-01-15"),
                version("2026-03-01", "paused"),
                version("2026-04-01", anchor="2026-01-15"),
                version("2026-05-01", "ended"),
            )
        )
        assert [(segment.start, segment.end) for segment in segments] == [
            (at("2026-01-15"), at("2026-03-01")),
            (at("2026-04-01"), at("2026-05-01")),
        ]

    def test_a_change_of_plan_alone_goes_on(self) -> None:
        later = version("2026-02-10", anchor="2026-01-15", version=2, plan_id=OTHER_PLAN, plan_name="Big")
        (segment,) = paid_segments((version("2026-01-15"), later))
        assert (segment.start, segment.end) == (at("2026-01-15"), None)
        assert segment.version_at(at("2026-02-09")).plan_id == PLAN
        assert segment.version_at(at("2026-02-10")).plan_id == OTHER_PLAN

    @pytest.mark.parametrize("changed", [{"anchor": "2026-02-10"}, {"zone": "Asia/Tokyo"}, {"interval": YEAR}])
    def test_another_calendar_begins_a_segment(self, changed: dict[str, Any]) -> None:
        later = version("2026-02-10", **{"anchor": "2026-01-15", **changed})
        assert len(paid_segments((version("2026-01-15"), later))) == 2

    def test_a_version_replaced_at_its_own_moment_is_no_stretch(self) -> None:
        segments = paid_segments((version("2026-01-15"), version("2026-01-15", anchor="2026-01-01")))
        assert [segment.anchor_wall for segment in segments] == [datetime(2026, 1, 1)]

    def test_a_pause_between_equal_calendars_keeps_them_apart(self) -> None:
        calendar = (version("2026-01-01"), version("2026-02-01", "paused"), version("2026-03-01", anchor="2026-01-01"))
        assert len(paid_segments(calendar)) == 2


class TestServicePeriods:
    def test_month_ends_never_drift(self) -> None:
        assert periods(version("2026-01-31"), until="2026-05-31") == [
            "01-31/02-28",
            "02-28/03-31",
            "03-31/04-30",
            "04-30/05-31",
            "05-31/06-30",
        ]

    def test_a_stub_is_a_part_of_its_interval(self) -> None:
        assert periods(version("2026-01-15", anchor="2026-01-01"), until="2026-02-01") == [
            "01-15/02-01 of 01-01/02-01",
            "02-01/03-01",
        ]

    def test_the_end_cuts_the_last_period(self) -> None:
        calendar = (version("2026-01-01"), version("2026-02-20", "ended"))
        assert periods(*calendar, until="2026-12-31") == ["01-01/02-01", "02-01/02-20 of 02-01/03-01"]

    def test_what_ends_at_a_boundary_has_no_period_after_it(self) -> None:
        calendar = (version("2026-01-01"), version("2026-02-01", "ended"))
        assert periods(*calendar, until="2026-12-31") == ["01-01/02-01"]

    @pytest.mark.parametrize(
        ("after", "until", "expected"),
        [
            ("2026-01-31 23:59", "2026-02-01", ["01-01/02-01", "02-01/03-01"]),
            ("2026-02-01", "2026-02-28", ["02-01/03-01"]),
            ("2026-02-01", "2026-01-31", []),
            ("2025-06-01", "2026-01-01", ["01-01/02-01"]),
            ("", "2025-12-31", []),
        ],
    )
    def test_periods_end_after_the_one_moment_and_begin_up_to_the_other(
        self, after: str, until: str, expected: list[str]
    ) -> None:
        assert periods(version("2026-01-01"), after=after, until=until) == expected

    def test_segments_behind_are_passed_over(self) -> None:
        calendar = (
            version("2026-01-01"),
            version("2026-03-10", "paused"),
            version("2026-04-10", anchor="2026-04-10"),
        )
        assert periods(*calendar, after="2026-03-10", until="2026-04-10") == ["04-10/05-10"]
        assert periods(*calendar, after="2026-03-09", until="2026-04-10") == [
            "03-01/03-10 of 03-01/04-01",
            "04-10/05-10",
        ]

    def test_a_shorter_interval_counts_from_the_same_anchor(self) -> None:
        yearly = version("2026-01-31", interval=YEAR)
        assert periods(yearly, until="2026-04-01") == ["01-31/02-28", "02-28/03-31", "03-31/04-30"]
        assert periods(yearly, until="2026-04-01", interval=YEAR) == ["01-31/01-31"]

    def test_each_period_knows_the_plan_it_began_with(self) -> None:
        calendar = (
            version("2026-01-01"),
            version("2026-02-10", anchor="2026-01-01", plan_id=OTHER_PLAN, plan_name="Big", version=2),
        )
        periods = service_periods(paid_segments(calendar), MONTH, None, at("2026-03-01"))
        found = [period.version_at(period.start) for period in periods]
        assert [(one.plan_name, one.version) for one in found] == [("Team", 1), ("Team", 1), ("Big", 2)]

    def test_clocks_that_change_leave_the_wall_time(self) -> None:
        """10:17 in Berlin is 09:17 UTC in winter, 08:17 in summer; no stub in between."""
        berlin = version("2026-02-28 09:17", anchor="2026-02-28 10:17", zone="Europe/Berlin")
        found = list(service_periods(paid_segments((berlin,)), MONTH, None, at("2026-04-28 08:17")))
        assert [period.start for period in found] == [
            at("2026-02-28 09:17"),
            at("2026-03-28 09:17"),
            at("2026-04-28 08:17"),
        ]
        assert all(period.is_whole for period in found)

    def test_a_day_that_the_zone_skipped_is_no_empty_period(self) -> None:
        """Apia had no 30 December 2011: the boundary of that day is the one of the next morning's first moment."""
        apia = version("2011-12-28 20:00", anchor="2011-12-28 10:00", zone="Pacific/Apia", interval=Interval("day"))
        found = list(service_periods(paid_segments((apia,)), Interval("day"), None, at("2012-01-02")))
        assert all(period.start < period.end for period in found)
        assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]


class TestPeriodStart:
    CALENDAR = (
        version("2026-01-15", anchor="2026-01-01"),
        version("2026-03-10", "paused"),
        version("2026-04-10", anchor="2026-04-10"),
    )

    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-02-20", "2026-02-01"),
            ("2026-02-01", "2026-02-01"),
            ("2026-01-20", "2026-01-15"),  # the stub
            ("2025-12-01", "2026-01-15"),  # before the first
            ("2026-03-20", "2026-03-01"),  # in the pause: the last one begun before
            ("2026-04-10", "2026-04-10"),
        ],
    )
    def test_the_running_period_or_the_nearest_to_it(self, instant: str, expected: str) -> None:
        assert start_of(paid_segments(self.CALENDAR), MONTH, instant) == at(expected)

    def test_who_was_never_charged_has_none(self) -> None:
        assert start_of(paid_segments((version("2026-01-01", "trial"),)), MONTH, "2026-02-01") is None

    def test_a_yearly_item_reaches_back_to_its_own_year(self) -> None:
        """What a monthly boundary of usage is billed to lies inside the year of the seats."""
        segments = paid_segments((version("2026-01-31", interval=YEAR),))
        assert start_of(segments, YEAR, "2026-12-31") == at("2026-01-31")
        assert start_of(segments, YEAR, "2027-01-31") == at("2027-01-31")


def start_of(segments: tuple[Segment, ...], interval: Interval, instant: str) -> datetime | None:
    """Where the period at an instant begins."""
    period = period_at(segments, interval, at(instant))
    return None if period is None else period.start


class TestNextBoundary:
    def test_the_next_period_of_any_item(self) -> None:
        both = agreement(version("2026-01-31", interval=YEAR), intervals=(YEAR, MONTH))
        assert next_boundary(both, at("2026-01-31")) == at("2026-02-28")
        assert next_boundary(both, at("2026-12-31")) == at("2027-01-31")

    def test_a_boundary_itself_is_behind(self) -> None:
        one = agreement(version("2026-01-31"))
        assert next_boundary(one, at("2026-02-27 23:59")) == at("2026-02-28")
        assert next_boundary(one, at("2026-02-28")) == at("2026-03-31")

    def test_the_end_of_a_stretch_is_a_boundary_and_then_nothing(self) -> None:
        ended = agreement(version("2026-01-01"), version("2026-02-20", "ended"))
        assert next_boundary(ended, at("2026-02-01")) == at("2026-02-20")
        assert next_boundary(ended, at("2026-02-20")) is None

    def test_a_stretch_ahead_begins_with_a_boundary(self) -> None:
        """Free until the 15th: the stub to the end of January is charged on the 15th, not on 1 February."""
        free = agreement(version("2026-01-01", "trial"), version("2026-01-15", anchor="2026-01-01"))
        assert next_boundary(free, at("2026-01-01")) == at("2026-01-15")
        assert next_boundary(free, at("2026-01-15")) == at("2026-02-01")

    def test_after_a_pause_the_service_begins_again(self) -> None:
        paused = agreement(
            version("2026-01-01"), version("2026-02-10", "paused"), version("2026-03-10", anchor="2026-01-01")
        )
        assert next_boundary(paused, at("2026-02-10")) == at("2026-03-10")

    def test_what_is_charged_once_has_none_after_its_start(self) -> None:
        once = version("2026-01-01", interval=None)
        assert next_boundary(agreement(once, intervals=(None,)), at("2026-01-01")) is None
        free = (version("2026-01-01", "trial", interval=None), version("2026-01-15", interval=None))
        assert next_boundary(agreement(*free, intervals=(None,)), at("2026-01-01")) == at("2026-01-15")

    def test_an_item_that_ended_has_no_boundaries(self) -> None:
        both = agreement(version("2026-01-01"), intervals=(MONTH, WEEK))
        week = both.items[1]
        ended = but(week, versions=(*week.versions, but(week.versions[0], version=2, quantity=0)))
        assert next_boundary(both, at("2026-01-01")) == at("2026-01-08")
        assert next_boundary(but(both, items=(both.items[0], ended)), at("2026-01-01")) == at("2026-02-01")

    def test_a_trial_alone_has_none(self) -> None:
        assert next_boundary(agreement(version("2026-01-01", "trial")), at("2026-01-01")) is None


class TestCurrentPeriod:
    def test_the_running_period_by_the_subscriptions_own_interval(self) -> None:
        both = agreement(version("2026-01-31", interval=YEAR), intervals=(YEAR, MONTH))
        found = current_period(both, at("2026-05-05"))
        assert found is not None
        assert (found.start, found.end) == (at("2026-01-31"), at("2027-01-31"))

    @pytest.mark.parametrize("moment", ["2026-02-20", "2026-02-21"])
    def test_nothing_runs_once_it_has_ended(self, moment: str) -> None:
        ended = agreement(version("2026-01-01"), version("2026-02-20", "ended"))
        assert current_period(ended, at(moment)) is None

    def test_nothing_runs_where_nothing_recurs(self) -> None:
        once = agreement(version("2026-01-01", interval=None), intervals=(None,))
        assert current_period(once, at("2026-01-01")) is None

    def test_the_last_microsecond_belongs_to_the_period(self) -> None:
        one = agreement(version("2026-01-01"))
        found = current_period(one, at("2026-02-01") - timedelta(microseconds=1))
        assert found is not None
        assert found.end == at("2026-02-01")
