"""Prices: the numbers that turn a quantity into an amount, exactly, and then round it once.

Billing rules, section 3. Amounts are minor units; a unit price may be finer than one (up to 12 places). Every product
is exact, and each part carries the computation in words, which becomes the stored proof of its line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from msgspec import Struct

from core.domain.decimals import EXACT, ZERO, decimal_text
from core.domain.memo import Memo
from core.domain.money import parse_unit_price
from core.domain.rounding import round_half_away


class PriceType(StrEnum):
    """How a price turns a quantity into an amount."""

    FIXED_PRICE = "fixed_price"
    ONE_OFF = "one_off"
    UNIT = "unit"
    PACKAGE = "package"
    TIERED_VOLUME = "tiered_volume"
    TIERED_GRADUATED = "tiered_graduated"
    PERCENTAGE = "percentage"


TIERED = frozenset({PriceType.TIERED_VOLUME, PriceType.TIERED_GRADUATED})


class InvalidPrice(ValueError):
    """The numbers of a price make no price; `field` names the one at fault."""

    def __init__(self, field: str, message: str) -> None:
        """Keep the field and the reason."""
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        """Return the field and the reason."""
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Tier:
    """A range of units, first to last inclusive (None: open), with its unit price and flat fee in minor units."""

    first_unit: int
    last_unit: int | None
    unit_price: Decimal
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Rating:
    """The numbers of a price that turn a quantity into an amount, in minor units.

    `units` and `free_units` belong to packages, `tiers` to tiered prices, `rate` (in percent), `fixed`, `free_events`,
    `minimum` and `maximum` to percentages, `unit_price` to the rest. Raises InvalidPrice for numbers that make no
    price (Billing rules, section 3).
    """

    type: PriceType
    unit_price: Decimal = ZERO
    tiers: tuple[Tier, ...] = ()
    units: int = 1
    free_units: int = 0
    rate: Decimal = ZERO
    fixed: Decimal = ZERO
    free_events: int = 0
    minimum: int | None = None
    maximum: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that make no price."""
        try:
            object.__setattr__(self, "type", PriceType(self.type))
        except ValueError:
            raise InvalidPrice("type", f"{self.type!r} is not a type of price") from None
        for name in ("unit_price", "rate", "fixed"):
            object.__setattr__(self, name, _price(getattr(self, name), name))
        _count(self.units, "units", 1)
        _count(self.free_units, "free_units", 0)
        _count(self.free_events, "free_events", 0)
        for name in ("minimum", "maximum"):
            if getattr(self, name) is not None:
                _count(getattr(self, name), name, 0)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise InvalidPrice("minimum", "must not be above the maximum")
        if self.type in TIERED:
            object.__setattr__(self, "tiers", _checked_tiers(self.tiers))
        elif self.tiers:
            raise InvalidPrice("tiers", f"a price of type {self.type} has no tiers")

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values, decimals as canonical strings, defaults left out; lossless.

        >>> Rating(PriceType.UNIT, unit_price=Decimal("0.0300")).as_json()
        {'type': 'unit', 'unit_price': '0.03'}
        """
        values: dict[str, Any] = {"type": self.type.value}
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                values[name] = decimal_text(value) if isinstance(value, Decimal) else value
        if self.tiers:
            values["tiers"] = [
                {
                    "first_unit": tier.first_unit,
                    "last_unit": tier.last_unit,
                    "unit_price": decimal_text(tier.unit_price),
                    "flat_fee": decimal_text(tier.flat_fee),
                }
                for tier in self.tiers
            ]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Rating":
        """Rebuild the rating that as_json wrote. Raises InvalidPrice for numbers that make no price."""
        arguments = dict(values)
        tiers = arguments.pop("tiers", ())
        return cls(**arguments, tiers=tuple(Tier(**tier) for tier in tiers))


_DEFAULTS = {field.name: field.default for field in fields(Rating) if field.name not in {"type", "tiers"}}


def _price(value: Any, name: str) -> Decimal:
    """Return a price in canonical form; raise InvalidPrice when it is none or negative."""
    try:
        price = parse_unit_price(value)
    except ValueError as error:
        raise InvalidPrice(name, str(error)) from None
    if price < 0:
        raise InvalidPrice(name, "must not be negative")
    return price


def _count(value: object, name: str, least: int) -> None:
    """Raise InvalidPrice unless the value is a whole number of at least the least."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidPrice(name, f"must be a whole number of at least {least}")


def _checked_tiers(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Return the tiers with canonical prices; raise InvalidPrice unless they start at 1, touch and end open."""
    if not tiers:
        raise InvalidPrice("tiers", "a tiered price needs at least one tier")
    first_unit = 1
    checked: list[Tier] = []
    for number, tier in enumerate(tiers, start=1):
        _count(tier.first_unit, "tiers", 1)
        if tier.first_unit != first_unit:
            raise InvalidPrice(
                "tiers",
                f"tier {number} must start at {first_unit}, not {tier.first_unit}",
            )
        if number == len(tiers):
            if tier.last_unit is not None:
                raise InvalidPrice("tiers", "the last tier must be open")
        elif tier.last_unit is None:
            raise InvalidPrice("tiers", f"tier {number} is open but not the last")
        else:
            _count(tier.last_unit, "tiers", tier.first_unit)
            first_unit = tier.last_unit + 1
        unit_price, flat_fee = (
            _price(tier.unit_price, "tiers"),
            _price(tier.flat_fee, "tiers"),
        )
        checked.append(Tier(tier.first_unit, tier.last_unit, unit_price, flat_fee))
    return tuple(checked)


class PricedPart(Struct, frozen=True):
    """One line's worth of a priced quantity.

    `tier` is 0 when the price has no tiers, else counted from 1. `exact` is unrounded, `amount_minor` is it rounded
    half away from zero, both in minor units. `steps` is the computation with its exact numbers.
    """

    tier: int
    quantity: Decimal
    unit_price: Decimal
    flat_fee: Decimal
    exact: Decimal
    amount_minor: int
    steps: str


def _part(tier: int, quantity: Decimal, unit_price: Decimal, flat_fee: Decimal) -> PricedPart:
    """Price a quantity at a unit price, plus a flat fee, and round once."""
    exact = EXACT.multiply(unit_price, quantity)
    steps = f"{decimal_text(unit_price)} x {decimal_text(quantity)}"
    if flat_fee:
        exact = EXACT.add(exact, flat_fee)
        steps = f"{steps} + {decimal_text(flat_fee)}"
    amount_minor = round_half_away(exact)
    return PricedPart(
        tier,
        quantity,
        unit_price,
        flat_fee,
        exact,
        amount_minor,
        steps + _rounding(exact, amount_minor),
    )


def _rounding(exact: Decimal, amount_minor: int) -> str:
    """Return the end of a computation in words: its result, and what that is rounded to when it is no whole number."""
    return f" = {amount_minor}" if exact == amount_minor else f" = {decimal_text(exact)} -> {amount_minor}"


def _price_per_unit(rating: Rating, quantity: Decimal) -> tuple[PricedPart, ...]:
    """Price every unit the same."""
    return (_part(0, quantity, rating.unit_price, ZERO),)


def _price_packages(rating: Rating, quantity: Decimal) -> tuple[PricedPart, ...]:
    """Price every package begun beyond the free units."""
    packages = _packages(rating, quantity)
    exact = EXACT.multiply(rating.unit_price, packages)
    amount_minor = round_half_away(exact)
    free = f"({decimal_text(quantity)} - {rating.free_units})" if rating.free_units else decimal_text(quantity)
    price = decimal_text(rating.unit_price)
    steps = f"{price} x ceil({free} / {rating.units}) = {price} x {packages}{_rounding(exact, amount_minor)}"
    return (PricedPart(0, quantity, rating.unit_price, ZERO, exact, amount_minor, steps),)


def _packages(rating: Rating, quantity: Decimal) -> Decimal:
    """Return the number of packages begun beyond the free units, at least 0."""
    beyond = EXACT.subtract(quantity, Decimal(rating.free_units))
    if beyond <= 0:
        return ZERO
    # Up to a whole number first, then whole division: exact, where a decimal quotient would be rounded.
    return Decimal(-(-int(beyond.to_integral_value(ROUND_CEILING)) // rating.units))


def _price_volume(rating: Rating, quantity: Decimal) -> tuple[PricedPart, ...]:
    """Price every unit by the one tier whose upper bound the quantity has not passed."""
    for number, tier in enumerate(rating.tiers, start=1):
        if tier.last_unit is None or quantity <= tier.last_unit:
            return (_part(number, quantity, tier.unit_price, tier.flat_fee),)
    raise ValueError("the last tier is not open")


def _price_graduated(rating: Rating, quantity: Decimal) -> tuple[PricedPart, ...]:
    """Price in each tier reached the units that fall in it."""
    parts: list[PricedPart] = []
    for number, tier in enumerate(rating.tiers, start=1):
        below = tier.first_unit - 1
        if quantity <= below:
            break
        reached = quantity if tier.last_unit is None or quantity <= tier.last_unit else Decimal(tier.last_unit)
        parts.append(
            _part(
                number,
                EXACT.subtract(reached, Decimal(below)),
                tier.unit_price,
                tier.flat_fee,
            )
        )
    return tuple(parts)


_PRICERS: Mapping[PriceType, Callable[[Rating, Decimal], tuple[PricedPart, ...]]] = {
    PriceType.FIXED_PRICE: _price_per_unit,
    PriceType.ONE_OFF: _price_per_unit,
    PriceType.UNIT: _price_per_unit,
    PriceType.PACKAGE: _price_packages,
    PriceType.TIERED_VOLUME: _price_volume,
    PriceType.TIERED_GRADUATED: _price_graduated,
}


def price_quantity(rating: Rating, quantity: Decimal) -> tuple[PricedPart, ...]:
    """Price a quantity: one part, or one for each tier reached of a graduated price; none for 0 or less.

    Billing rules, section 3. Raises ValueError for a percentage, which needs price_percentage.

    >>> (part,) = price_quantity(Rating(PriceType.UNIT, unit_price=Decimal("0.03")), Decimal(17))
    >>> part.amount_minor, part.steps
    (1, '0.03 x 17 = 0.51 -> 1')
    """
    pricer = _PRICERS.get(rating.type)
    if pricer is None:
        raise ValueError(f"a price of type {rating.type} needs a sum and a count, not a quantity")
    if quantity <= 0:
        return ()
    return pricer(rating, quantity)


_priced: Memo[tuple[PricedPart, ...]] = Memo(size=4_096)


def price_seats(rating: Rating, seats: int) -> tuple[PricedPart, ...]:
    """Price a whole number of units as `price_quantity` does: a few numbers at a few prices are asked by the thousand.

    Raises ValueError for a percentage.
    """
    found = _priced.find(rating, seats)
    return _priced.keep(rating, price_quantity(rating, Decimal(seats)), seats) if found is None else found


def price_percentage(rating: Rating, charged_sum: Decimal, charged_count: int) -> tuple[PricedPart, ...]:
    """Price the charged events of a period: rate x sum + fixed x count, then between minimum and maximum.

    The free events are left out of the sum (in minor units) and the count by the caller. A negative sum counts as 0;
    without a charged event there is no part. Billing rules, section 3. Raises ValueError for any other type of price.

    >>> rating = Rating(PriceType.PERCENTAGE, rate=Decimal("2.9"), fixed=Decimal(30))
    >>> [(part.amount_minor, part.steps) for part in price_percentage(rating, Decimal(10000), 10)]
    [(590, '2.9 % x 10000 + 30 x 10 = 590')]
    """
    if rating.type is not PriceType.PERCENTAGE:
        raise ValueError(f"a price of type {rating.type} is no percentage")
    if charged_count <= 0:
        return ()
    charged = max(charged_sum, ZERO)
    # A percentage is two places to the right: exact, where a division could be inexact.
    exact = EXACT.scaleb(EXACT.multiply(rating.rate, charged), -2)
    steps = f"{decimal_text(rating.rate)} % x {decimal_text(charged)}"
    if rating.fixed:
        exact = EXACT.add(exact, EXACT.multiply(rating.fixed, Decimal(charged_count)))
        steps = f"{steps} + {decimal_text(rating.fixed)} x {charged_count}"
    amount_minor = round_half_away(exact)
    steps += _rounding(exact, amount_minor)
    if rating.minimum is not None and exact < rating.minimum:
        exact, amount_minor = Decimal(rating.minimum), rating.minimum
        steps += f", at least {amount_minor}"
    elif rating.maximum is not None and exact > rating.maximum:
        exact, amount_minor = Decimal(rating.maximum), rating.maximum
        steps += f", at most {amount_minor}"
    return (PricedPart(0, charged, rating.rate, rating.fixed, exact, amount_minor, steps),)


def exact_price(rating: Rating, quantity: Decimal) -> Decimal:
    """Return the price of a quantity in minor units, unrounded; 0 for 0 or less.

    Billing rules, section 3. Raises ValueError for a percentage.
    """
    total = ZERO
    for part in price_quantity(rating, quantity):
        total = EXACT.add(total, part.exact)
    return total


def price_increase(rating: Rating, billed: Decimal, total: Decimal) -> tuple[PricedPart, ...]:
    """Price what a total adds to the quantity already billed: price(total) - price(billed), one part per tier moved.

    Billing rules, section 4 (continuous metrics, late events). Prices are subtracted after rounding, so that the parts
    of all periods sum to the price of the total: at 0.4 a unit, the second unit costs 1 - 0 = 1. Only a graduated price
    is split by tier; the part of any other stands in the total's tier. Raises ValueError for a percentage.

    >>> tiers = (Tier(1, 10, Decimal(100)), Tier(11, None, Decimal(50)))
    >>> graduated = Rating(PriceType.TIERED_GRADUATED, tiers=tiers)
    >>> [(part.tier, part.amount_minor) for part in price_increase(graduated, Decimal(5), Decimal(15))]
    [(1, 500), (2, 250)]
    """
    before, after = price_quantity(rating, billed), price_quantity(rating, total)
    pairs = zip_longest(before, after, fillvalue=_NOTHING)
    return tuple(_difference(old, new) for old, new in pairs if old != new)


_NOTHING = PricedPart(0, ZERO, ZERO, ZERO, ZERO, 0, "0")


def _difference(old: PricedPart, new: PricedPart) -> PricedPart:
    """Subtract the part already billed from the one that now stands in its place."""
    shown = new if new.quantity else old
    amount_minor = new.amount_minor - old.amount_minor
    return PricedPart(
        tier=shown.tier,
        quantity=EXACT.subtract(new.quantity, old.quantity),
        unit_price=shown.unit_price,
        flat_fee=shown.flat_fee,
        exact=EXACT.subtract(new.exact, old.exact),
        amount_minor=amount_minor,
        steps=f"({new.steps}) - ({old.steps}) = {amount_minor}" if old.quantity else new.steps,
    )


def slice_exact(rating: Rating, quantity: Decimal, days: int, of_days: int) -> Fraction:
    """Return the exact price of a quantity held for some days of a period, in minor units: one slice of an area.

    Billing rules, section 5 (seats). Raises ValueError for a percentage or unless 0 <= days <= of_days.

    >>> slice_exact(Rating(PriceType.UNIT, unit_price=Decimal(1000)), Decimal(1), 30, 31)
    Fraction(30000, 31)
    """
    if not 0 <= days <= of_days or of_days == 0:
        raise ValueError(f"{days} of {of_days} days are no part of a period")
    return Fraction(exact_price(rating, quantity)) * Fraction(days, of_days)
