"""What a meter reads. Billing rules, section 4."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.period import Period
from subscriptions.domain.pricing import PriceType, Rating, price_percentage, price_quantity
from usage.domain.aggregation import (
    Aggregation,
    Filter,
    FilterType,
    Meter,
    MeteredEvent,
    UsageFigure,
    aggregate,
    property_number,
    property_text,
)

MARCH = Period(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))


def event(event_id: str, value: str = "1", day: int = 10, month: int = 3, **properties: object) -> MeteredEvent:
    return MeteredEvent(event_id, Decimal(value), properties, datetime(2025, month, day, tzinfo=UTC))


def quantity(meter: Meter, *events: MeteredEvent, opening: Decimal | None = None) -> Decimal:
    return aggregate(meter, events, MARCH, opening=opening).quantity


COUNT, SUM, MAX, LATEST, UNIQUE, WEIGHTED = (
    Meter(Aggregation.COUNT),
    Meter(Aggregation.SUM),
    Meter(Aggregation.MAX),
    Meter(Aggregation.LATEST),
    Meter(Aggregation.UNIQUE_COUNT),
    Meter(Aggregation.WEIGHTED_SUM),
)


@pytest.mark.parametrize(("meter", "expected"), [(COUNT, "3"), (SUM, "24"), (MAX, "12"), (LATEST, "9"), (UNIQUE, "3")])
def test_each_aggregation(meter: Meter, expected: str) -> None:
    events = (event("a", "12", day=1), event("b", "3", day=2), event("c", "9", day=3))
    assert quantity(meter, *events) == Decimal(expected)


@pytest.mark.parametrize("meter", [COUNT, SUM, MAX, LATEST, UNIQUE, WEIGHTED])
def test_without_events_there_is_nothing(meter: Meter) -> None:
    nothing = UsageFigure(Decimal(0), 0, Decimal(0), 0, None, None)
    assert aggregate(meter, (), MARCH) == nothing
    assert aggregate(meter, (event("a", month=2), event("b", day=1, month=4)), MARCH) == nothing


def test_the_window_is_the_billed_period_and_nothing_else() -> None:
    before = [event(f"before {n}", "2", day=20, month=2) for n in range(15)]
    inside = [event(f"inside {n}", "2") for n in range(15)]
    assert aggregate(SUM, before + inside, MARCH).quantity == 30
    edges = MeteredEvent("start", Decimal(1), {}, MARCH.start), MeteredEvent("end", Decimal(10), {}, MARCH.end)
    assert quantity(SUM, *edges) == 1


def test_the_figure_names_its_events() -> None:
    figure = aggregate(SUM, (event("b", "2", day=9), event("a", "1", day=4), event("c", "5", day=7)), MARCH)
    assert (figure.event_count, figure.charged_count, figure.charged_sum) == (3, 3, 8)
    assert (figure.first_at, figure.last_at) == (datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 9, tzinfo=UTC))


def test_numbers_compare_as_numbers() -> None:
    assert quantity(MAX, event("a", "12"), event("b", "9")) == 12
    level = Meter(Aggregation.MAX, property="level")
    assert quantity(level, event("a", level="12"), event("b", level="9")) == 12
    assert quantity(level, event("a", level=Decimal("2.5")), event("b", level="2.45"), event("c", level=2)) == Decimal(
        "2.5"
    )
    assert quantity(MAX, event("a", "-5"), event("b", "-9")) == -5


@pytest.mark.parametrize("meter", [MAX, LATEST, UNIQUE])
def test_a_named_property_is_read_instead_of_the_value(meter: Meter) -> None:
    named = Meter(meter.aggregation, property="level")
    events = (event("a", "100", day=1, level=3), event("b", "200", day=2, level=7))
    assert quantity(named, *events) == (2 if meter is UNIQUE else 7)
    assert quantity(meter, *events) == (2 if meter is UNIQUE else 200)


@pytest.mark.parametrize("meter", [COUNT, SUM, WEIGHTED])
def test_a_count_or_sum_reads_the_value_whatever_property_is_named(meter: Meter) -> None:
    named = Meter(meter.aggregation, property="level")
    assert aggregate(named, (event("a", "100"),), MARCH) == aggregate(meter, (event("a", "100"),), MARCH)


@pytest.mark.parametrize("level", ["twelve", "", "1e3", "0x10", " 12", True, None, [12], {"value": 12}, float("inf")])
@pytest.mark.parametrize("aggregation", [Aggregation.MAX, Aggregation.LATEST])
def test_a_property_that_is_no_number_is_left_out(aggregation: Aggregation, level: object) -> None:
    meter = Meter(aggregation, property="level")
    figure = aggregate(meter, (event("a", day=1, level=5), event("b", day=2, level=level), event("c", day=3)), MARCH)
    assert (figure.quantity, figure.event_count) == (5, 1)


def test_latest_is_by_timestamp_then_by_event_id() -> None:
    assert quantity(LATEST, event("a", "1", day=2), event("b", "2", day=1)) == 1
    assert quantity(LATEST, event("a", "1"), event("b", "2")) == 2
    assert quantity(LATEST, event("b", "2"), event("a", "1")) == 2
    # By code point, as collation C: upper case comes before lower case.
    assert quantity(LATEST, event("a", "1"), event("B", "2")) == 1


def test_unique_counts_distinct_readings() -> None:
    user = Meter(Aggregation.UNIQUE_COUNT, property="user")
    events = [event(str(n), user=name) for n, name in enumerate(["alice", "bob", "alice", "Alice", ""])]
    assert quantity(user, *events) == 4
    same = [event("a", user=12), event("b", user="12"), event("c", user=Decimal("12.0")), event("d", user=12.0)]
    assert quantity(user, *same) == 1
    assert quantity(UNIQUE, event("a", "1.0"), event("b", "1"), event("c", "2")) == 2


def test_a_missing_property_is_no_distinct_value() -> None:
    user = Meter(Aggregation.UNIQUE_COUNT, property="user")
    figure = aggregate(user, (event("a", user="alice"), event("b"), event("c", user=None)), MARCH)
    assert (figure.quantity, figure.event_count) == (1, 1)


def filtered(*filters: tuple[str, str, FilterType]) -> Meter:
    return Meter(Aggregation.COUNT, filters=tuple(Filter(*one) for one in filters))


EVENTS = (
    event("1", region="EU", tier=1),
    event("2", region="US", tier=1),
    event("3", region="EU", tier="2", beta=True),
    event("4"),
    event("5", region=None),
)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ([], 5),
        ([("region", "EU", FilterType.INCLUSIVE)], 2),
        ([("region", "EU", FilterType.EXCLUSIVE)], 3),
        ([("region", "EU", FilterType.INCLUSIVE), ("tier", "1", FilterType.INCLUSIVE)], 1),
        ([("region", "EU", FilterType.INCLUSIVE), ("tier", "1", FilterType.EXCLUSIVE)], 1),
        ([("region", "EU", FilterType.INCLUSIVE), ("region", "US", FilterType.INCLUSIVE)], 0),
        ([("region", "EU", FilterType.EXCLUSIVE), ("region", "US", FilterType.EXCLUSIVE)], 2),
        ([("beta", "true", FilterType.INCLUSIVE)], 1),
        ([("tier", "2", FilterType.INCLUSIVE)], 1),
        ([("region", "eu", FilterType.INCLUSIVE)], 0),
        ([("region", "", FilterType.INCLUSIVE)], 0),
        ([("nothing", "x", FilterType.EXCLUSIVE)], 5),
    ],
)
def test_filters(filters: list[tuple[str, str, FilterType]], kept: int) -> None:
    assert quantity(filtered(*filters), *EVENTS) == kept


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        ("EU", "EU", None),
        ("12", "12", Decimal(12)),
        ("012", "012", Decimal(12)),
        (1, "1", Decimal(1)),
        (1.0, "1", Decimal(1)),
        (0.1, "0.1", Decimal("0.1")),
        (1e-7, "0.0000001", Decimal("1E-7")),
        (Decimal("1.50"), "1.5", Decimal("1.5")),
        (-3, "-3", Decimal(-3)),
        (True, "true", None),
        (False, "false", None),
        (None, None, None),
        ([1], None, None),
        ({"a": 1}, None, None),
        (float("nan"), None, None),
        ("٣", "٣", None),
        ("1" * 41, "1" * 41, None),
    ],
)
def test_properties_as_texts_and_as_numbers(value: object, text: str | None, number: Decimal | None) -> None:
    assert property_text(value) == text
    assert property_number(value) == number


@pytest.mark.parametrize(
    ("free_events", "charged"), [(0, ("10", 4)), (1, ("9", 3)), (3, ("4", 1)), (4, ("0", 0)), (9, ("0", 0))]
)
def test_the_first_events_are_free_by_timestamp_then_event_id(free_events: int, charged: tuple[str, int]) -> None:
    events = (event("d", "4", day=2), event("c", "3", day=2), event("b", "2", day=1), event("a", "1", day=1))
    figure = aggregate(SUM, events, MARCH, free_events=free_events)
    assert (figure.charged_sum, figure.charged_count) == (Decimal(charged[0]), charged[1])
    assert (figure.quantity, figure.event_count) == (10, 4)


def test_three_free_of_four_at_one_per_cent_and_500() -> None:
    rating = Rating(PriceType.PERCENTAGE, rate=Decimal(1), fixed=Decimal(500), free_events=3)
    events = [event(str(n), "1000", day=n + 1) for n in range(4)]
    figure = aggregate(SUM, events, MARCH, free_events=rating.free_events)
    (part,) = price_percentage(rating, figure.charged_sum, figure.charged_count)
    assert part.amount_minor == 510


def test_a_negative_number_of_free_events_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        aggregate(SUM, (), MARCH, free_events=-1)


def test_a_level_is_weighted_by_the_time_it_lasts() -> None:
    change = event("a", "2500", day=5)
    assert quantity(WEIGHTED, change) == Decimal("2177.419354838710")
    (part,) = price_quantity(Rating(PriceType.UNIT, unit_price=Decimal(100)), quantity(WEIGHTED, change))
    assert part.amount_minor == 217742


def test_a_carried_level_lasts_the_whole_period() -> None:
    assert quantity(WEIGHTED, opening=Decimal(7)) == 7
    half = MeteredEvent("half", Decimal(-7), {}, MARCH.start + (MARCH.end - MARCH.start) / 2)
    assert quantity(WEIGHTED, half, opening=Decimal(7)) == Decimal("3.5")
    assert quantity(WEIGHTED, event("a", "3", day=1), opening=Decimal(7)) == 10


def test_a_weighted_sum_is_exact_to_the_microsecond_and_rounded_half_away_at_twelve_places() -> None:
    last = MeteredEvent("last", Decimal(1), {}, MARCH.end - timedelta(microseconds=1))
    assert quantity(WEIGHTED, last) == Decimal("0.000000000000")
    many = MeteredEvent("last", Decimal(1000), {}, MARCH.end - timedelta(microseconds=1))
    # 1000 / 2 678 400 000 000 = 3.73...E-10
    assert quantity(WEIGHTED, many) == Decimal("0.000000000373")
    assert quantity(WEIGHTED, event("a", "0.000000000001", day=17), opening=None) == Decimal("0")
    assert quantity(WEIGHTED, event("a", "0.000000000001", day=16)) == Decimal("0.000000000001")
    assert quantity(WEIGHTED, event("a", "-0.000000000001", day=16)) == Decimal("-0.000000000001")


@pytest.mark.parametrize(
    ("meter", "opening", "expected"),
    [(COUNT, 10, 12), (SUM, 10, 15), (MAX, 10, 10), (MAX, 2, 3), (LATEST, 10, 2)],
)
def test_what_is_carried_into_the_period(meter: Meter, opening: int, expected: int) -> None:
    events = (event("a", "3", day=1), event("b", "2", day=2))
    assert quantity(meter, *events, opening=Decimal(opening)) == expected
    carried = quantity(meter, opening=Decimal(opening))
    assert carried == opening


def test_unique_counts_cannot_be_carried() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        quantity(UNIQUE, opening=Decimal(0))


def test_a_sum_is_never_rounded() -> None:
    largest, smallest = "9999999999999999.999999999999", "0.000000000001"
    assert quantity(SUM, event("a", largest), event("b", smallest)) == 10**16
    many = [event(str(n), largest) for n in range(1000)]
    assert aggregate(SUM, many, MARCH).quantity == Decimal("9999999999999999999.999999999000")


def test_a_property_with_more_places_is_rounded_at_the_end() -> None:
    level = Meter(Aggregation.LATEST, property="level")
    assert quantity(level, event("a", level="0.0000000000005")) == Decimal("0.000000000001")
    assert quantity(level, event("a", level="-0.0000000000005")) == Decimal("-0.000000000001")
    assert quantity(level, event("a", level="0.00000000000049")) == 0


def test_the_order_of_arrival_is_irrelevant() -> None:
    events = [event("d", "4", day=2), event("c", "3", day=2), event("b", "2", day=1), event("a", "1", day=1)]
    for meter in (COUNT, SUM, MAX, LATEST, UNIQUE, WEIGHTED):
        forwards = aggregate(meter, events, MARCH, free_events=2)
        assert astuple(aggregate(meter, events[::-1], MARCH, free_events=2)) == astuple(forwards)
