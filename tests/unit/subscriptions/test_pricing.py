"""Every type of price, by the worked numbers of the billing rules, section 3."""

import json
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest

from subscriptions.domain.pricing import (
    InvalidPrice,
    PricedPart,
    PriceType,
    Rating,
    Tier,
    exact_price,
    price_increase,
    price_percentage,
    price_quantity,
    slice_exact,
)

VOLUME = Rating(
    PriceType.TIERED_VOLUME,
    tiers=(Tier(1, 10, Decimal(1000), Decimal(1000)), Tier(11, None, Decimal(200))),
)
GRADUATED = Rating(
    PriceType.TIERED_GRADUATED,
    tiers=(
        Tier(1, 10, Decimal(1500), Decimal(1000)),
        Tier(11, 20, Decimal(1000), Decimal(1500)),
        Tier(21, None, Decimal(500), Decimal(2500)),
    ),
)


def unit(price: str, price_type: PriceType = PriceType.UNIT) -> Rating:
    return Rating(price_type, unit_price=Decimal(price))


def package(price: str, units: int, free_units: int = 0) -> Rating:
    return Rating(PriceType.PACKAGE, unit_price=Decimal(price), units=units, free_units=free_units)


def percentage(
    rate: str, fixed: str = "0", *, free_events: int = 0, minimum: int | None = None, maximum: int | None = None
) -> Rating:
    return Rating(
        PriceType.PERCENTAGE,
        rate=Decimal(rate),
        fixed=Decimal(fixed),
        free_events=free_events,
        minimum=minimum,
        maximum=maximum,
    )


def amount(rating: Rating, quantity: str) -> int:
    return sum(part.amount_minor for part in price_quantity(rating, Decimal(quantity)))


def steps(rating: Rating, quantity: str) -> list[str]:
    return [part.steps for part in price_quantity(rating, Decimal(quantity))]


@pytest.mark.parametrize(
    ("rating", "quantity", "expected"),
    [
        (unit("1000", PriceType.FIXED_PRICE), "50", 50000),
        (unit("1000", PriceType.FIXED_PRICE), "1", 1000),
        (unit("50000", PriceType.ONE_OFF), "1", 50000),
        (unit("1000"), "50", 50000),
        (unit("0.03"), "1000000", 30000),
        (unit("0.03"), "17", 1),
        (unit("0.5"), "1", 1),
        (unit("0.1"), "4.999999999999", 0),
        (package("1000", 10), "50", 5000),
        (package("250", 10), "99", 2500),
        (package("250", 10), "100", 2500),
        (package("250", 10), "100.000000000001", 2750),
        (package("250", 10), "0.000000000001", 250),
        (package("250", 10, free_units=20), "99", 2000),
        (package("250", 10, free_units=20), "20", 0),
        (package("250", 10, free_units=20), "20.5", 250),
        (package("250", 10, free_units=100), "99", 0),
        (package("250", 10, free_units=100), "50", 0),
        (Rating(PriceType.PACKAGE, unit_price=Decimal(250)), "3", 750),
        (VOLUME, "11", 2200),
        (VOLUME, "9", 10000),
        (VOLUME, "10", 11000),
        (VOLUME, "10.5", 2100),
        (VOLUME, "0.5", 1500),
        (GRADUATED, "25", 32500),
        (GRADUATED, "1", 2500),
        (GRADUATED, "10", 16000),
        (GRADUATED, "10.5", 18000),
        (GRADUATED, "11", 18500),
        (GRADUATED, "20", 27500),
    ],
)
def test_worked_numbers(rating: Rating, quantity: str, expected: int) -> None:
    assert amount(rating, quantity) == expected


@pytest.mark.parametrize("rating", [unit("1000"), unit("7", PriceType.ONE_OFF), package("250", 10), VOLUME, GRADUATED])
@pytest.mark.parametrize("quantity", ["0", "-0", "-1", "-0.000000000001"])
def test_nothing_or_less_draws_no_line(rating: Rating, quantity: str) -> None:
    assert price_quantity(rating, Decimal(quantity)) == ()
    assert exact_price(rating, Decimal(quantity)) == 0


def test_a_price_without_tiers_is_one_part() -> None:
    assert price_quantity(unit("0.03"), Decimal(17)) == (
        PricedPart(0, Decimal(17), Decimal("0.03"), Decimal(0), Decimal("0.51"), 1, "0.03 x 17 = 0.51 -> 1"),
    )


def test_a_graduated_price_is_one_part_for_each_tier_reached() -> None:
    parts = price_quantity(GRADUATED, Decimal(25))
    assert [(part.tier, part.quantity, part.amount_minor) for part in parts] == [
        (1, 10, 16000),
        (2, 10, 11500),
        (3, 5, 5000),
    ]
    assert [part.steps for part in parts] == [
        "1500 x 10 + 1000 = 16000",
        "1000 x 10 + 1500 = 11500",
        "500 x 5 + 2500 = 5000",
    ]
    assert [part.tier for part in price_quantity(GRADUATED, Decimal(10))] == [1]


def test_a_volume_price_is_one_part_of_its_tier() -> None:
    (part,) = price_quantity(VOLUME, Decimal(11))
    assert (part.tier, part.quantity, part.unit_price, part.flat_fee) == (2, 11, 200, 0)
    (part,) = price_quantity(VOLUME, Decimal(9))
    assert (part.tier, part.quantity, part.unit_price, part.flat_fee) == (1, 9, 1000, 1000)


def test_each_part_is_rounded_once() -> None:
    tiers = (Tier(1, 1, Decimal("0.5")), Tier(2, None, Decimal("0.5"), Decimal("0.4")))
    rating = Rating(PriceType.TIERED_GRADUATED, tiers=tiers)
    assert [part.amount_minor for part in price_quantity(rating, Decimal(2))] == [1, 1]
    assert exact_price(rating, Decimal(2)) == Decimal("1.4")


@pytest.mark.parametrize(
    ("rating", "quantity", "expected"),
    [
        (unit("1000"), "50", "1000 x 50 = 50000"),
        (unit("0.000000000001"), "3", "0.000000000001 x 3 = 0.000000000003 -> 0"),
        (unit("1000"), "5E+1", "1000 x 50 = 50000"),
        (unit("1000"), "1.500", "1000 x 1.5 = 1500"),
        (package("250", 10), "99", "250 x ceil(99 / 10) = 250 x 10 = 2500"),
        (package("0.25", 10, free_units=20), "99", "0.25 x ceil((99 - 20) / 10) = 0.25 x 8 = 2"),
        (package("0.3", 10), "99", "0.3 x ceil(99 / 10) = 0.3 x 10 = 3"),
        (package("0.3", 1), "5", "0.3 x ceil(5 / 1) = 0.3 x 5 = 1.5 -> 2"),
        (VOLUME, "9", "1000 x 9 + 1000 = 10000"),
    ],
)
def test_the_steps_show_the_exact_numbers(rating: Rating, quantity: str, expected: str) -> None:
    assert steps(rating, quantity) == [expected]


def test_the_largest_numbers_are_exact() -> None:
    price, quantity = Decimal(10**15) - Decimal("1E-12"), Decimal("9999999999999999.999999999999")
    (part,) = price_quantity(Rating(PriceType.UNIT, unit_price=price), quantity)
    assert Fraction(part.exact) == Fraction(price) * Fraction(quantity)
    assert part.amount_minor == 10**31 - 11_000
    (part,) = price_quantity(package("1", 3), quantity)
    assert part.amount_minor == -(-(10**16) // 3)


@pytest.mark.parametrize(
    ("rating", "charged_sum", "charged_count", "expected", "text"),
    [
        (percentage("2.9", "30"), "10000", 10, 590, "2.9 % x 10000 + 30 x 10 = 590"),
        # 1 % + 500, the first three of four events of 1000 free.
        (percentage("1", "500", free_events=3), "1000", 1, 510, "1 % x 1000 + 500 x 1 = 510"),
        (percentage("2.9"), "50", 1, 1, "2.9 % x 50 = 1.45 -> 1"),
        (percentage("1", minimum=100), "40", 1, 100, "1 % x 40 = 0.4 -> 0, at least 100"),
        (percentage("1", maximum=100), "40000", 1, 100, "1 % x 40000 = 400, at most 100"),
        (percentage("1", minimum=100, maximum=100), "10000", 1, 100, "1 % x 10000 = 100"),
        (percentage("1", "30"), "-500", 2, 60, "1 % x 0 + 30 x 2 = 60"),
        (percentage("0.5"), "0.000000000001", 1, 0, "0.5 % x 0.000000000001 = 0.000000000000005 -> 0"),
    ],
)
def test_percentages(rating: Rating, charged_sum: str, charged_count: int, expected: int, text: str) -> None:
    (part,) = price_percentage(rating, Decimal(charged_sum), charged_count)
    assert (part.amount_minor, part.steps, part.tier) == (expected, text, 0)
    assert part.unit_price == rating.rate
    assert part.flat_fee == rating.fixed


def test_without_a_charged_event_a_percentage_draws_no_line() -> None:
    assert price_percentage(percentage("1", "500", minimum=100), Decimal(0), 0) == ()


def test_limits_hold_for_the_exact_amount_too() -> None:
    (part,) = price_percentage(percentage("1", minimum=100), Decimal(40), 1)
    assert part.exact == 100
    (part,) = price_percentage(percentage("1", maximum=1), Decimal(140), 1)
    assert (part.exact, part.amount_minor) == (1, 1)


def test_percentages_and_quantities_are_not_mixed_up() -> None:
    with pytest.raises(ValueError, match="needs a sum and a count"):
        price_quantity(percentage("1"), Decimal(1))
    with pytest.raises(ValueError, match="no percentage"):
        price_percentage(unit("1"), Decimal(1), 1)


CONTINUOUS_FLAT = Rating(
    PriceType.TIERED_GRADUATED, tiers=(Tier(1, 10, Decimal(0), Decimal(1000)), Tier(11, None, Decimal(1)))
)
CONTINUOUS_UNITS = Rating(PriceType.TIERED_GRADUATED, tiers=(Tier(1, 10, Decimal(100)), Tier(11, None, Decimal(50))))
TWO_FLATS = Rating(
    PriceType.TIERED_GRADUATED,
    tiers=(Tier(1, 10, Decimal(0), Decimal(1000)), Tier(11, None, Decimal(0), Decimal(1500))),
)


@pytest.mark.parametrize(
    ("rating", "billed", "total", "expected"),
    [
        (CONTINUOUS_FLAT, 15, 25, [(2, 10, 10)]),
        (CONTINUOUS_UNITS, 5, 15, [(1, 5, 500), (2, 5, 250)]),
        (CONTINUOUS_UNITS, 15, 5, [(1, -5, -500), (2, -5, -250)]),
        # 8 billed, 4 late: the second flat fee, and nothing for the units.
        (TWO_FLATS, 8, 12, [(1, 2, 0), (2, 2, 1500)]),
        (CONTINUOUS_UNITS, 0, 3, [(1, 3, 300)]),
        (CONTINUOUS_UNITS, 3, 0, [(1, -3, -300)]),
        (CONTINUOUS_UNITS, 3, 3, []),
        (CONTINUOUS_UNITS, 0, 0, []),
        (VOLUME, 9, 11, [(2, 2, -7800)]),
        (VOLUME, 11, 9, [(1, -2, 7800)]),
        (VOLUME, 0, 9, [(1, 9, 10000)]),
        (VOLUME, 9, 0, [(1, -9, -10000)]),
        (unit("0.4"), 1, 2, [(0, 1, 1)]),
        (unit("0.4"), 0, 1, [(0, 1, 0)]),
        (package("250", 10), 9, 10, [(0, 1, 0)]),
    ],
)
def test_an_increase_is_the_price_of_the_total_less_the_price_billed(
    rating: Rating, billed: int, total: int, expected: list[tuple[int, int, int]]
) -> None:
    parts = price_increase(rating, Decimal(billed), Decimal(total))
    assert [(part.tier, part.quantity, part.amount_minor) for part in parts] == expected


def test_an_increase_shows_both_computations() -> None:
    first, second = price_increase(CONTINUOUS_UNITS, Decimal(5), Decimal(15))
    assert first.steps == "(100 x 10 = 1000) - (100 x 5 = 500) = 500"
    assert second.steps == "50 x 5 = 250"
    assert (first.unit_price, first.exact) == (100, 500)
    (gone,) = price_increase(CONTINUOUS_UNITS, Decimal(3), Decimal(0))
    assert (gone.steps, gone.unit_price) == ("(0) - (100 x 3 = 300) = -300", 100)


def test_seats_take_tiers_in_their_area() -> None:
    # 1000 a seat, 31 days, 1 seat and one more after 1, 2 and 6 days: 968, 935, 807 (section 5).
    rating = unit("1000", PriceType.FIXED_PRICE)
    slices = [(1, 1), (2, 1), (3, 4), (4, 25)]
    area = sum((slice_exact(rating, Decimal(seats), days, 31) for seats, days in slices), Fraction(0))
    assert area - 1000 == Fraction(1000 * (30 + 29 + 25), 31)
    assert slice_exact(VOLUME, Decimal(11), 15, 30) == 1100
    assert slice_exact(VOLUME, Decimal(11), 0, 30) == 0
    assert slice_exact(VOLUME, Decimal(11), 30, 30) == 2200


@pytest.mark.parametrize(("days", "of_days"), [(-1, 30), (31, 30), (0, 0)])
def test_a_slice_is_part_of_a_period(days: int, of_days: int) -> None:
    with pytest.raises(ValueError, match="no part of a period"):
        slice_exact(unit("1"), Decimal(1), days, of_days)


@pytest.mark.parametrize(
    ("tiers", "reason"),
    [
        ((), "at least one tier"),
        ((Tier(2, None, Decimal(1)),), "tier 1 must start at 1, not 2"),
        ((Tier(0, None, Decimal(1)),), "at least 1"),
        ((Tier(1, 10, Decimal(1)),), "the last tier must be open"),
        ((Tier(1, 10, Decimal(1)), Tier(12, None, Decimal(1))), "tier 2 must start at 11, not 12"),
        ((Tier(1, 10, Decimal(1)), Tier(10, None, Decimal(1))), "tier 2 must start at 11, not 10"),
        ((Tier(1, None, Decimal(1)), Tier(11, None, Decimal(1))), "tier 1 is open but not the last"),
        ((Tier(1, 0, Decimal(1)), Tier(1, None, Decimal(1))), "at least 1"),
        ((Tier(1, 10, Decimal(-1)), Tier(11, None, Decimal(1))), "must not be negative"),
        ((Tier(1, None, Decimal(1), Decimal(-1)),), "must not be negative"),
        ((Tier(1, None, Decimal("1E-13")),), "12 decimal places"),
        ((Tier(1, 2.5, Decimal(1)), Tier(3, None, Decimal(1))), "whole number"),  # type: ignore[arg-type]
        ((Tier(True, None, Decimal(1)),), "whole number"),
    ],
)
@pytest.mark.parametrize("price_type", [PriceType.TIERED_VOLUME, PriceType.TIERED_GRADUATED])
def test_tiers_start_at_one_touch_and_end_open(price_type: PriceType, tiers: tuple[Tier, ...], reason: str) -> None:
    with pytest.raises(InvalidPrice, match=reason) as caught:
        Rating(price_type, tiers=tiers)
    assert caught.value.field == "tiers"


@pytest.mark.parametrize(
    ("field", "numbers"),
    [
        ("type", {"type": "per_call"}),
        ("unit_price", {"unit_price": Decimal(-1)}),
        ("unit_price", {"unit_price": Decimal("NaN")}),
        ("unit_price", {"unit_price": Decimal("1E+15")}),
        ("unit_price", {"unit_price": 1.5}),
        ("rate", {"rate": Decimal(-1)}),
        ("fixed", {"fixed": Decimal("1E-13")}),
        ("units", {"units": 0}),
        ("units", {"units": True}),
        ("free_units", {"free_units": -1}),
        ("free_events", {"free_events": -1}),
        ("free_events", {"free_events": 1.5}),
        ("minimum", {"minimum": -1}),
        ("maximum", {"maximum": Decimal(1)}),
        ("minimum", {"minimum": 2, "maximum": 1}),
        ("tiers", {"tiers": (Tier(1, None, Decimal(1)),)}),
    ],
)
def test_numbers_that_make_no_price_are_refused(field: str, numbers: dict[str, object]) -> None:
    arguments: dict[str, object] = {"type": PriceType.UNIT, **numbers}
    with pytest.raises(InvalidPrice) as caught:
        Rating(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value) == f"{field}: {caught.value.message}"
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (copy.field, copy.message) == (field, caught.value.message)


def test_a_type_may_be_given_as_its_word() -> None:
    assert Rating("unit").type is PriceType.UNIT  # type: ignore[arg-type]


RATINGS = [
    unit("0.0300"),
    unit("3E-8", PriceType.FIXED_PRICE),
    package("250", 10, free_units=20),
    VOLUME,
    GRADUATED,
    percentage("2.9", "30", free_events=3, minimum=0, maximum=1000),
]


@pytest.mark.parametrize("rating", RATINGS, ids=lambda rating: rating.type)
def test_a_rating_survives_json(rating: Rating) -> None:
    text = json.dumps(rating.as_json())
    assert Rating.from_json(json.loads(text)) == rating
    assert "E" not in text


def test_json_leaves_out_what_is_default() -> None:
    assert unit("0.0300").as_json() == {"type": "unit", "unit_price": "0.03"}
    assert VOLUME.as_json() == {
        "type": "tiered_volume",
        "tiers": [
            {"first_unit": 1, "last_unit": 10, "unit_price": "1000", "flat_fee": "1000"},
            {"first_unit": 11, "last_unit": None, "unit_price": "200", "flat_fee": "0"},
        ],
    }


def test_a_minimum_of_nothing_is_kept() -> None:
    assert percentage("1", minimum=0).as_json() == {"type": "percentage", "rate": "1", "minimum": 0}


def test_json_that_makes_no_price_is_refused() -> None:
    with pytest.raises(InvalidPrice):
        Rating.from_json({"type": "unit", "unit_price": "-1"})
