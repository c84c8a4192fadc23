"""Periods that are remembered are those that would be found anew, whatever was asked before."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.domain.schedule import Interval
from subscriptions.domain.periods import Segment, ServicePeriod, _walked, paid_segments, service_periods
from subscriptions.domain.terms import ANNIVERSARY, PAID, CalendarVersion

ZONES = ("UTC", "Europe/Berlin", "America/Halifax", "Pacific/Apia", "Australia/Lord_Howe")
INTERVALS = (Interval("day", 9), Interval("week", 2), Interval("month"), Interval("month", 5), Interval("year"))
BEGIN = datetime(2009, 12, 1, tzinfo=UTC)
MOMENTS = st.integers(-200, 1_500).map(lambda days: BEGIN + timedelta(days=days, hours=days % 24))


@st.composite
def single_segments(draw: st.DrawFn) -> tuple[Segment, ...]:
    """Draw one paid stretch, with or without an end, that may begin inside its interval."""
    start = draw(MOMENTS)
    anchor_wall = (start - timedelta(days=draw(st.integers(0, 400)))).replace(tzinfo=None)
    zone, interval = draw(st.sampled_from(ZONES)), draw(st.sampled_from(INTERVALS))
    version = CalendarVersion(1, start, PAID, uuid.UUID(int=1), "Team", anchor_wall, interval, zone, ANNIVERSARY)
    end = draw(st.none() | st.integers(1, 900).map(lambda days: start + timedelta(days=days)))
    return paid_segments((version,), end)


@given(
    single_segments(),
    st.sampled_from(INTERVALS),
    st.lists(st.tuples(st.none() | MOMENTS, MOMENTS), min_size=1, max_size=6),
)
def test_what_was_asked_before_changes_no_answer(
    segments: tuple[Segment, ...], interval: Interval, questions: list[tuple[datetime | None, datetime]]
) -> None:
    def anew(after: datetime | None, until: datetime) -> list[ServicePeriod]:
        return list(_walked(segments, interval, after, until))

    assert [list(service_periods(segments, interval, *question)) for question in questions] == [
        anew(*question) for question in questions
    ]


def test_to_look_ahead_never_asks_for_what_no_calendar_holds() -> None:
    start = datetime(9995, 6, 1, tzinfo=UTC)
    version = CalendarVersion(
        1, start, PAID, uuid.UUID(int=1), "Team", start.replace(tzinfo=None), Interval("year"), "UTC", ANNIVERSARY
    )
    segments = paid_segments((version,))
    (period,) = service_periods(segments, Interval("year"), start, start)
    assert (period.start.year, period.end.year) == (9995, 9996)
    assert [one.end.year for one in service_periods(segments, Interval("year"), None, start.replace(year=9996))] == [
        9996,
        9997,
    ]
