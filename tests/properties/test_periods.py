"""Periods tile whatever moves them, and those remembered are those found anew (Billing rules, section 2)."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.schedule import Interval
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange, in_force
from subscriptions.domain.periods import (
    Segment,
    ServicePeriod,
    _walked,
    agreement_segments,
    paid_segments,
    service_periods,
)
from subscriptions.domain.terms import (
    ANNIVERSARY,
    CALENDAR,
    KEEP,
    PAID,
    PAUSED,
    SHIFT,
    Agreement,
    CalendarVersion,
    PriceTerms,
)
from tests.bills import per_seat
from tests.histories import start

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


def deeds_of(prices: tuple[PriceTerms, ...]) -> st.SearchStrategy[Callable[[Agreement, datetime], Agreement]]:
    """Draw what moves the periods: another price or interval, pauses and what ends them, another zone."""

    def resumed(agreement: Agreement, at: datetime, policy: str) -> Agreement:
        is_paused = in_force(agreement, at).phase == PAUSED
        return change.resume(agreement, at, policy) if is_paused else change.pause(agreement, at)

    ways: list[st.SearchStrategy[Callable[[Agreement, datetime], Agreement]]] = [
        st.tuples(st.sampled_from(prices), st.sampled_from(["", "day", "full"])).map(
            lambda drawn: (
                lambda agreement, at: change.change_price(
                    agreement, PriceChange(uuid.UUID(int=4), "Team", drawn[0], None, drawn[1]), at
                )
            )
        ),
        st.sampled_from(["", SHIFT, KEEP]).map(lambda policy: lambda agreement, at: resumed(agreement, at, policy)),
        st.sampled_from(ZONES).map(lambda zone: lambda agreement, at: change.move_to_zone(agreement, zone, at)),
    ]
    return st.one_of(ways)


@st.composite
def moved_agreements(draw: st.DrawFn) -> Agreement:
    """Draw an agreement of any calendar, with what moved its periods: also several things at one instant."""
    prices = tuple(per_seat(interval=interval) for interval in INTERVALS)
    begin = draw(MOMENTS)
    alignment = draw(st.sampled_from([ANNIVERSARY, ANNIVERSARY, CALENDAR]))
    if alignment == CALENDAR:
        prices = tuple(per_seat(interval=Interval(unit)) for unit in ("week", "month", "year"))
    agreement = start(
        [(draw(st.sampled_from(prices)), 1)], begin, zone=draw(st.sampled_from(ZONES)), alignment=alignment
    )
    gaps = st.sampled_from([0, 0, 1, 60, 24 * 60]) | st.integers(0, 100 * 24 * 60)
    at = begin
    for minutes, deed in draw(st.lists(st.tuples(gaps, deeds_of(prices)), max_size=6)):
        at += timedelta(minutes=minutes)
        try:
            agreement = deed(replace(agreement, billed_to_at=at), at)
        except InvalidAgreement:
            continue
    cancel_at = draw(st.none() | st.integers(0, 500).map(lambda days: at + timedelta(days=days)))
    return replace(agreement, cancel_at=cancel_at)


@given(moved_agreements())
def test_periods_tile(agreement: Agreement) -> None:
    """None overlaps another, and every paid moment lies in one, whatever moved them; each is found from inside it."""
    segments = agreement_segments(agreement)
    until = agreement.calendar[-1].from_at + timedelta(days=800)
    for interval in {version.interval for version in agreement.calendar if version.interval}:
        periods = tuple(service_periods(segments, interval, None, until))
        assert all(period.start < period.end <= period.planned_end for period in periods)
        assert all(one.end <= other.start for one, other in pairwise(periods))
        for segment in segments:
            reached = segment.start
            for period in periods:
                if period.start <= reached < period.end:
                    reached = period.end
            assert reached >= min(segment.end or until, until)
        unpaid = [(one.end, other.start) for one, other in pairwise(segments) if one.end and one.end < other.start]
        for one, other in pairwise(periods):
            if one.end < other.start:
                assert any(end <= one.end and other.start <= begin for end, begin in unpaid)
        for period in periods:
            inside = period.start + (period.end - period.start) / 2
            assert next(service_periods(segments, interval, inside, inside)) == period
