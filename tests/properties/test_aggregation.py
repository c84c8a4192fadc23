"""Splitting a period or shuffling its events never changes what is read. Billing rules, section 4."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.domain.period import Period
from usage.domain.aggregation import Aggregation, Filter, FilterType, Meter, MeteredEvent, aggregate

START = datetime(2025, 3, 1, tzinfo=UTC)
LENGTH = timedelta(days=31)
PERIOD = Period(START, START + LENGTH)

values = st.decimals(-(10**15), 10**15, places=12) | st.integers(-20, 20).map(Decimal)
properties = st.dictionaries(
    st.sampled_from(["region", "level"]),
    st.sampled_from(["EU", "US", "12", "9", "x", "", 12, 9, 2.5, True, None]) | st.integers(-5, 5),
)
# Few distinct moments, so that ties are met often; some before and some after the period.
moments = st.integers(-2, 40).map(lambda day: START + timedelta(days=day))
event_lists = st.lists(
    st.builds(MeteredEvent, st.text("aAbB01", min_size=1, max_size=4), values, properties, moments),
    max_size=12,
    unique_by=lambda event: event.event_id,
)
filters = st.lists(
    st.builds(Filter, st.just("region"), st.sampled_from(["EU", "US", "12"]), st.sampled_from(FilterType)), max_size=2
)
meters = st.builds(Meter, st.sampled_from(Aggregation), st.none() | st.just("level"), filters.map(tuple))
cuts = st.integers(1, 30).map(lambda day: START + timedelta(days=day))


def only(aggregations: set[Aggregation]) -> st.SearchStrategy[Meter]:
    return meters.filter(lambda meter: meter.aggregation in aggregations)


@given(meters, event_lists, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_arrival_is_irrelevant(
    meter: Meter, events: list[MeteredEvent], free: int, random: object
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert aggregate(meter, shuffled, PERIOD, free_events=free) == aggregate(meter, events, PERIOD, free_events=free)


@given(only({Aggregation.COUNT, Aggregation.SUM, Aggregation.MAX, Aggregation.LATEST}), event_lists, cuts)
def test_a_period_cut_in_two_carries_to_the_same_end(meter: Meter, events: list[MeteredEvent], cut: datetime) -> None:
    whole = aggregate(meter, events, PERIOD)
    first = aggregate(meter, events, Period(PERIOD.start, cut))
    second = aggregate(meter, events, Period(cut, PERIOD.end), opening=first.quantity if first.event_count else None)
    assert second.quantity == whole.quantity
    assert first.event_count + second.event_count == whole.event_count
    assert first.charged_sum + second.charged_sum == whole.charged_sum


@given(meters, event_lists, event_lists, cuts)
def test_only_the_window_counts(
    meter: Meter, events: list[MeteredEvent], others: list[MeteredEvent], cut: datetime
) -> None:
    window = Period(PERIOD.start, cut)
    outside = [event for event in others if not window.contains(event.timestamp)]
    assert aggregate(meter, events + outside, window) == aggregate(meter, events, window)


@given(only({Aggregation.WEIGHTED_SUM}), event_lists, cuts, values)
def test_a_weighted_sum_cut_in_two_is_its_parts_weighted_by_their_time(
    meter: Meter, events: list[MeteredEvent], cut: datetime, opening: Decimal
) -> None:
    first, second = Period(PERIOD.start, cut), Period(cut, PERIOD.end)
    level = aggregate(Meter(Aggregation.SUM, None, meter.filters), events, first, opening=opening).quantity
    parts = [
        (aggregate(meter, events, first, opening=opening), first),
        (aggregate(meter, events, second, opening=level), second),
    ]
    whole = aggregate(meter, events, PERIOD, opening=opening).quantity
    weighted = (
        sum((Fraction(figure.quantity) * period.seconds for figure, period in parts), Fraction(0)) / PERIOD.seconds
    )
    assert abs(Fraction(whole) - weighted) <= Fraction(1, 10**12)


@given(only({Aggregation.UNIQUE_COUNT}), event_lists, cuts)
def test_unique_counts_of_parts_bound_that_of_the_whole(
    meter: Meter, events: list[MeteredEvent], cut: datetime
) -> None:
    first = aggregate(meter, events, Period(PERIOD.start, cut)).quantity
    second = aggregate(meter, events, Period(cut, PERIOD.end)).quantity
    assert max(first, second) <= aggregate(meter, events, PERIOD).quantity <= first + second


@given(meters, event_lists, st.integers(0, 15))
def test_free_events_are_the_first(meter: Meter, events: list[MeteredEvent], free: int) -> None:
    with_free = aggregate(meter, events, PERIOD, free_events=free)
    without = aggregate(meter, events, PERIOD)
    assert with_free.charged_count == max(0, without.event_count - free)
    assert with_free.quantity == without.quantity
    assert without.charged_count == without.event_count


@given(event_lists, st.sampled_from(["EU", "US", "12", "absent"]))
def test_a_filter_and_its_opposite_part_the_events(events: list[MeteredEvent], value: str) -> None:
    kept, dropped, every = (
        aggregate(Meter(Aggregation.SUM, None, found), events, PERIOD)
        for found in (
            (Filter("region", value, FilterType.INCLUSIVE),),
            (Filter("region", value, FilterType.EXCLUSIVE),),
            (),
        )
    )
    assert kept.event_count + dropped.event_count == every.event_count
    assert kept.quantity + dropped.quantity == every.quantity
