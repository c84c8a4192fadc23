"""Prices against an independent sum over units, in fractions. Billing rules, section 3."""

import json
from decimal import Decimal
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from core.domain.rounding import round_half_away
from subscriptions.domain.pricing import (
    PriceType,
    Rating,
    Tier,
    exact_price,
    price_increase,
    price_percentage,
    price_quantity,
)

prices = st.decimals(0, 10**15 - 1, places=12) | st.integers(0, 10**6).map(Decimal)
quantities = st.decimals(0, 10**16, places=12) | st.integers(0, 200).map(Decimal)
any_quantities = quantities | quantities.map(lambda quantity: -quantity)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    first_unit, found = 1, []
    for size in draw(st.lists(st.integers(1, 30), max_size=4)):
        found.append(Tier(first_unit, first_unit + size - 1, draw(prices), draw(prices)))
        first_unit += size
    return (*found, Tier(first_unit, None, draw(prices), draw(prices)))


graduated = tiers().map(lambda found: Rating(PriceType.TIERED_GRADUATED, tiers=found))
volume = tiers().map(lambda found: Rating(PriceType.TIERED_VOLUME, tiers=found))
flat = st.builds(Rating, st.sampled_from([PriceType.FIXED_PRICE, PriceType.ONE_OFF, PriceType.UNIT]), unit_price=prices)
packages = st.builds(
    Rating,
    st.just(PriceType.PACKAGE),
    unit_price=prices,
    units=st.integers(1, 10**6),
    free_units=st.integers(0, 10**6),
)
percentages = st.builds(
    Rating,
    st.just(PriceType.PERCENTAGE),
    rate=st.decimals(0, 100, places=4),
    fixed=prices,
    free_events=st.integers(0, 10),
    minimum=st.none() | st.integers(0, 1000),
    maximum=st.none() | st.integers(1000, 10**9),
)
by_quantity = flat | packages | volume | graduated


@given(graduated, st.integers(0, 150))
def test_a_graduated_price_is_the_sum_over_its_units(rating: Rating, quantity: int) -> None:
    total, reached = Fraction(0), set()
    for number in range(1, quantity + 1):
        (tier,) = [
            tier
            for tier in rating.tiers
            if tier.first_unit <= number and (tier.last_unit is None or number <= tier.last_unit)
        ]
        total += Fraction(tier.unit_price)
        if tier.first_unit not in reached:
            reached.add(tier.first_unit)
            total += Fraction(tier.flat_fee)
    parts = price_quantity(rating, Decimal(quantity))
    assert Fraction(exact_price(rating, Decimal(quantity))) == total
    assert len(parts) == len(reached)
    assert sum(part.quantity for part in parts) == quantity


@given(volume, quantities)
def test_a_volume_price_is_the_price_of_the_one_tier_that_holds_it(rating: Rating, quantity: Decimal) -> None:
    holding = [
        tier
        for tier in rating.tiers
        if tier.first_unit - 1 < quantity and (tier.last_unit is None or quantity <= tier.last_unit)
    ]
    expected = [Fraction(tier.unit_price) * Fraction(quantity) + Fraction(tier.flat_fee) for tier in holding]
    assert [Fraction(part.exact) for part in price_quantity(rating, quantity)] == expected
    assert len(expected) == (quantity > 0)


@given(packages, quantities)
def test_packages_begun(rating: Rating, quantity: Decimal) -> None:
    begun = max(0, ceil((Fraction(quantity) - rating.free_units) / rating.units))
    assert Fraction(exact_price(rating, quantity)) == Fraction(rating.unit_price) * begun


@given(flat, quantities)
def test_every_unit_costs_the_same(rating: Rating, quantity: Decimal) -> None:
    assert Fraction(exact_price(rating, quantity)) == Fraction(rating.unit_price) * Fraction(quantity)


@given(by_quantity, any_quantities)
def test_each_part_is_rounded_once_and_nothing_is_negative(rating: Rating, quantity: Decimal) -> None:
    parts = price_quantity(rating, quantity)
    assert all(part.amount_minor == round_half_away(part.exact) >= 0 for part in parts)
    assert bool(parts) is (quantity > 0)
    assert "E" not in "".join(part.steps for part in parts)


@given(graduated | flat | packages, quantities, quantities)
def test_more_never_costs_less(rating: Rating, first: Decimal, second: Decimal) -> None:
    low, high = sorted([first, second])
    assert exact_price(rating, low) <= exact_price(rating, high)


@given(by_quantity, st.lists(any_quantities, min_size=1, max_size=6))
def test_increases_sum_to_the_price_of_the_last_total(rating: Rating, totals: list[Decimal]) -> None:
    steps = zip([Decimal(0), *totals], totals, strict=False)
    charged = sum(part.amount_minor for old, new in steps for part in price_increase(rating, old, new))
    assert charged == sum(part.amount_minor for part in price_quantity(rating, totals[-1]))


@given(percentages, any_quantities, st.integers(0, 10**6))
def test_a_percentage_is_between_its_limits(rating: Rating, charged_sum: Decimal, charged_count: int) -> None:
    parts = price_percentage(rating, charged_sum, charged_count)
    assert bool(parts) is (charged_count > 0)
    if not parts:
        return
    exact = (
        Fraction(rating.rate) * max(Fraction(charged_sum), Fraction(0)) / 100 + Fraction(rating.fixed) * charged_count
    )
    if rating.minimum is not None:
        exact = max(exact, Fraction(rating.minimum))
    if rating.maximum is not None:
        exact = min(exact, Fraction(rating.maximum))
    assert Fraction(parts[0].exact) == exact
    assert parts[0].amount_minor == round_half_away(exact)


@given(by_quantity | percentages)
def test_a_rating_survives_json(rating: Rating) -> None:
    assert Rating.from_json(json.loads(json.dumps(rating.as_json()))) == rating
