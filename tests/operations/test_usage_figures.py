"""Figures read by the database equal the reference in pure code. Billing rules, section 4."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core.domain.period import Period
from usage.domain.aggregation import Aggregation, Filter, FilterType, Meter, MeteredEvent, aggregate
from usage.domain.window import UsageWindow
from usage.models import BusySubscription, UsageEvent
from usage.operations.totals import add_up, note_busy
from usage.queries import list_usage_figures

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
END = datetime(2025, 3, 11, tzinfo=UTC)
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
SUBSCRIPTIONS = tuple(uuid.UUID(int=number) for number in (1, 2))
METRICS = tuple(uuid.UUID(int=number) for number in (11, 12))

# Few values of everything, so that events share moments, ids sort closely, and filters meet what they look for.
numbers = st.sampled_from(
    [
        Decimal(text)
        for text in ("0", "1", "2.5", "-3", "0.000000000001", "9999999999999999.999999999999", "-9999999999999999")
    ]
)
texts = st.sampled_from(
    ["", "EU", "1", "1.0", "12", "9", "-0", "+5", "true", "1000", "ü", "1e3", " 1", "0.0000000000006"]
)
json_numbers = st.sampled_from([1, 12, 9, True, 0, Decimal("1.0"), Decimal("1E+3"), Decimal("-0.0"), Decimal("2.5")])
json_values = (
    texts
    | json_numbers
    | st.none()
    | st.just(["EU"])
    | st.just([1])
    | st.just({"EU": "EU"})
    | st.just({})
    | st.booleans()
)
moments = st.builds(
    lambda days, minutes, odd: BEGIN + timedelta(days=days, minutes=minutes, microseconds=odd),
    st.integers(0, 4),
    # Within an hour, at its ends, and in the next ones.
    st.sampled_from([0, 0, 30, 59, 60, 130]),
    st.integers(-1, 1),
)
stored_events = st.lists(
    st.tuples(
        st.sampled_from((SUBSCRIPTIONS[0], *SUBSCRIPTIONS)),
        st.sampled_from((METRICS[0], METRICS[0], METRICS[0], METRICS[1])),
        st.text("aAbBüZ0😀_", min_size=1, max_size=2),
        numbers,
        st.dictionaries(st.sampled_from(["region", "size"]), json_values),
        moments,
    ),
    min_size=3,
    max_size=40,
    unique_by=lambda event: (event[0], event[2]),
)
filters = st.lists(
    st.builds(Filter, st.sampled_from(["region", "size"]), texts, st.sampled_from(FilterType)), max_size=2
).map(tuple)
meters = st.builds(
    Meter, st.sampled_from(Aggregation), st.none() | st.sampled_from(["region", "size", "size", "absent"]), filters
)


@st.composite
def windows(draw: st.DrawFn, key: int) -> UsageWindow:
    meter = draw(meters)
    start, end = sorted((draw(moments), draw(moments)))
    end = max(end, start + timedelta(microseconds=1))
    begins_with_the_first = meter.aggregation is not Aggregation.WEIGHTED_SUM and draw(st.booleans())
    return UsageWindow(
        key=key,
        subscription_id=draw(st.sampled_from((SUBSCRIPTIONS[0], *SUBSCRIPTIONS))),
        metric_id=METRICS[0],
        meter=meter,
        start=None if begins_with_the_first else start,
        end=end,
        free_events=draw(st.sampled_from([0, 0, 1, 3, 100])),
    )


many_windows = st.integers(5, 20).flatmap(lambda count: st.tuples(*(windows(key) for key in range(count))))


# Each example stores events and asks the database; tests/properties holds the reference itself to more of them.
FEWER = settings(max_examples=settings().max_examples // 2)


class FiguresEqualTheReference(TestCase):
    @FEWER
    @given(stored_events, many_windows)
    def test_whatever_is_stored_and_asked(self, stored: list[tuple[Any, ...]], asked: tuple[UsageWindow, ...]) -> None:
        store(stored)
        figures = list_usage_figures(asked)
        assert figures == {window.key: expected(window, stored) for window in asked}

    @FEWER
    @given(stored_events, many_windows)
    def test_also_of_busy_subscriptions(self, stored: list[tuple[Any, ...]], asked: tuple[UsageWindow, ...]) -> None:
        store(stored)
        note_busy(SUBSCRIPTIONS, now=END)
        for subscription_id in SUBSCRIPTIONS:
            add_up(subscription_id, now=END)
        assert BusySubscription.objects.filter(totalled_at=END).count() == len(SUBSCRIPTIONS)
        figures = list_usage_figures(asked)
        assert figures == {window.key: expected(window, stored) for window in asked}


def store(events: list[tuple[Any, ...]]) -> None:
    UsageEvent.objects.bulk_create(
        UsageEvent(
            subscription_id=subscription_id,
            metric_id=metric_id,
            event_id=event_id,
            value=value,
            properties=_as_floats(properties),
            timestamp=timestamp,
            received_at=timestamp,
        )
        for subscription_id, metric_id, event_id, value, properties, timestamp in events
    )


def _as_floats(value: Any) -> Any:
    """Return what json.dumps understands."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _as_floats(member) for name, member in value.items()}
    return [_as_floats(member) for member in value] if isinstance(value, list) else value


def expected(window: UsageWindow, stored: list[tuple[Any, ...]]) -> Any:
    events = [
        MeteredEvent(event_id, value, properties, timestamp)
        for subscription_id, metric_id, event_id, value, properties, timestamp in stored
        if (subscription_id, metric_id) == (window.subscription_id, window.metric_id)
    ]
    opening = None
    if window.meter.aggregation is Aggregation.WEIGHTED_SUM and window.start is not None and window.start > BEFORE_ALL:
        plain = Meter(Aggregation.SUM, None, window.meter.filters)
        opening = aggregate(plain, events, Period(BEFORE_ALL, window.start)).quantity
    period = Period(window.start or BEFORE_ALL, window.end)
    return aggregate(window.meter, events, period, free_events=window.free_events, opening=opening)


def ask(meter: Meter, start: datetime | None = BEGIN, end: datetime = END, free_events: int = 0) -> UsageWindow:
    return UsageWindow("asked", SUBSCRIPTIONS[0], METRICS[0], meter, start, end, free_events)


def event(event_id: str, value: str, at: datetime, **properties: Any) -> tuple[Any, ...]:
    return SUBSCRIPTIONS[0], METRICS[0], event_id, Decimal(value), properties, at


@pytest.mark.django_db
def test_only_events_of_the_window_count() -> None:
    before = [event(f"before {number}", "2", BEGIN - timedelta(days=1)) for number in range(15)]
    within = [event(f"within {number}", "2", BEGIN + timedelta(hours=number)) for number in range(15)]
    at_its_end = [event("at its end", "2", END)]
    store(before + within + at_its_end)
    assert list_usage_figures([ask(Meter(Aggregation.SUM))])["asked"].quantity == 30


@pytest.mark.django_db
def test_a_change_of_level_is_weighted_by_the_seconds_it_lasts() -> None:
    store([event("change", "2500", datetime(2025, 3, 5, tzinfo=UTC))])
    march = ask(Meter(Aggregation.WEIGHTED_SUM), BEGIN, datetime(2025, 4, 1, tzinfo=UTC))
    assert list_usage_figures([march])["asked"].quantity == Decimal("2177.419354838710")
    april = ask(Meter(Aggregation.WEIGHTED_SUM), datetime(2025, 4, 1, tzinfo=UTC), datetime(2025, 5, 1, tzinfo=UTC))
    assert list_usage_figures([april])["asked"].quantity == 2500


@pytest.mark.django_db
def test_the_first_events_by_time_are_free_whatever_their_order() -> None:
    store([event(name, value, BEGIN) for name, value in (("d", "4000"), ("b", "2000"), ("a", "1000"), ("c", "3000"))])
    figure = list_usage_figures([ask(Meter(Aggregation.SUM), free_events=3)])["asked"]
    assert (figure.quantity, figure.charged_sum) == (Decimal(10_000), Decimal(4000))
    assert figure.charged_count == 1


@pytest.mark.django_db
def test_numbers_compare_as_numbers_and_carry_over_without_a_start() -> None:
    store([event("a", "1", BEGIN, size="12"), event("b", "1", BEGIN + timedelta(hours=1), size=9)])
    assert list_usage_figures([ask(Meter(Aggregation.MAX, "size"))])["asked"].quantity == 12
    assert list_usage_figures([ask(Meter(Aggregation.LATEST, "size"))])["asked"].quantity == 9
    later = ask(Meter(Aggregation.LATEST, "size"), None, END + timedelta(days=30))
    assert list_usage_figures([later])["asked"].quantity == 9


@pytest.mark.django_db
def test_values_of_properties_are_told_apart_by_their_canonical_text() -> None:
    sent = [1, Decimal("1.0"), "1", True, "true", None, ["1"], {}]
    store([event(str(number), "1", BEGIN, size=value) for number, value in enumerate(sent)])
    # 1, 1.0 and "1" are one, true and "true" another; null and what is nested are nothing.
    assert list_usage_figures([ask(Meter(Aggregation.UNIQUE_COUNT, "size"))])["asked"].quantity == 2
    for value, kept in (("1", 3), ("1.0", 0), ("true", 2), ("", 0)):
        only = Meter(Aggregation.COUNT, None, (Filter("size", value, FilterType.INCLUSIVE),))
        without = Meter(Aggregation.COUNT, None, (Filter("size", value, FilterType.EXCLUSIVE),))
        assert list_usage_figures([ask(only)])["asked"].quantity == kept
        assert list_usage_figures([ask(without)])["asked"].quantity == len(sent) - kept


@pytest.mark.django_db
def test_the_latest_of_one_moment_is_that_of_the_greatest_id() -> None:
    store([event(name, value, BEGIN) for name, value in (("B", "1"), ("a", "2"), ("Z", "3"))])
    assert list_usage_figures([ask(Meter(Aggregation.LATEST))])["asked"].quantity == 2


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 400])
def test_the_number_of_statements_does_not_grow_with_the_windows(count: int) -> None:
    questions = [
        Meter(Aggregation.COUNT),
        Meter(Aggregation.SUM),
        Meter(Aggregation.MAX),
        Meter(Aggregation.LATEST, "size"),
        Meter(Aggregation.UNIQUE_COUNT, "size"),
        Meter(Aggregation.WEIGHTED_SUM),
        Meter(Aggregation.SUM, None, (Filter("region", "EU", FilterType.INCLUSIVE),)),
    ]
    asked = [
        UsageWindow((number, place), uuid.uuid4(), METRICS[0], meter, BEGIN, END, 0)
        for number in range(count)
        for place, meter in enumerate(questions)
    ]
    with CaptureQueriesContext(connection) as queries:
        figures = list_usage_figures(asked)
    assert len(figures) == count * len(questions)
    # Who is busy; a count and a sum come from one scan.
    assert len(queries) == 1 + len(questions) - 1


def test_two_windows_must_not_share_a_key() -> None:
    with pytest.raises(ValueError, match="share a key"):
        list_usage_figures([ask(Meter(Aggregation.SUM)), ask(Meter(Aggregation.COUNT))])


def test_nothing_asked_is_nothing_answered() -> None:
    assert list_usage_figures([]) == {}
