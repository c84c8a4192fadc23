"""A price as somebody asks for it, with the spellings people use, turned into the one that is stored.

Billing rules, section 3. Field names in faults are those of the API.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from core.domain.decimals import ZERO
from subscriptions.domain.pricing import TIERED, InvalidPrice, PriceType, Rating, Tier

OPEN_END = -1
ONE_OFF = "one_off"
TYPE_SPELLINGS: Mapping[str, str] = {"per_unit": "unit", "one-off": "one_off"}
INTERVAL_SPELLINGS: Mapping[str, str] = {"one-off": ONE_OFF}
# Which numbers belong to which types only; elsewhere they would be kept and never used.
_OWN_NUMBERS: Mapping[str, frozenset[PriceType]] = {
    "units": frozenset({PriceType.PACKAGE}),
    "free_units": frozenset({PriceType.PACKAGE}),
    "rate": frozenset({PriceType.PERCENTAGE}),
    "fixed": frozenset({PriceType.PERCENTAGE}),
    "free_events": frozenset({PriceType.PERCENTAGE}),
    "minimum": frozenset({PriceType.PERCENTAGE}),
    "maximum": frozenset({PriceType.PERCENTAGE}),
}
_API_NAMES: Mapping[str, str] = {"minimum": "min", "maximum": "max"}
_NEVER_MEASURED = frozenset({PriceType.FIXED_PRICE, PriceType.ONE_OFF})
_COUNTED_IN_MONTHS = frozenset({"month", "year"})


@dataclass(frozen=True, slots=True)
class PriceWanted:
    """A price as asked for: money in minor units, `rate` in percent, None for what was not said."""

    product_id: uuid.UUID
    currency: str
    type: str = ""
    amount: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    units: int | None = None
    free_units: int | None = None
    rate: Decimal | None = None
    fixed: Decimal | None = None
    free_events: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    minimum_commitment: int | None = None
    recurring: bool | None = None
    interval: str = ""
    interval_count: int = 1
    including_tax: bool = False
    billing_timing: str = ""
    usage: bool | None = None
    metric_id: uuid.UUID | None = None
    metric_type: str = "resettable"
    proration_up: str = "day"
    proration_down: str = "day"
    public: bool = True
    external_reference: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceOffer:
    """A price that can be stored: what was wanted, spelt out, and its numbers."""

    wanted: PriceWanted
    rating: Rating


def spell_out(wanted: PriceWanted) -> PriceWanted:
    """Return the same price with every default and alias replaced by what it stands for.

    An interval of `one_off`, or `recurring` false, is a price that is charged once; a metric makes a price usage,
    charged in arrears; without a type a usage price is per unit, a recurring one fixed.

    >>> spelt = spell_out(PriceWanted(uuid.UUID(int=1), "EUR", amount=Decimal(5), recurring=False))
    >>> spelt.type, spelt.interval, spelt.billing_timing
    ('one_off', 'one_off', 'advance')
    """
    interval = INTERVAL_SPELLINGS.get(wanted.interval, wanted.interval)
    type_ = TYPE_SPELLINGS.get(wanted.type, wanted.type)
    if not interval and (wanted.recurring is False or (wanted.recurring is None and type_ == ONE_OFF)):
        interval = ONE_OFF
    usage = wanted.metric_id is not None if wanted.usage is None else wanted.usage
    if not type_:
        type_ = "one_off" if interval == ONE_OFF else "unit" if usage else "fixed_price"
    return replace(
        wanted,
        type=type_,
        interval=interval,
        recurring=interval != ONE_OFF if wanted.recurring is None else wanted.recurring,
        usage=usage,
        billing_timing=wanted.billing_timing or ("arrears" if usage else "advance"),
        tiers=tuple(replace(tier, last_unit=None) if tier.last_unit == OPEN_END else tier for tier in wanted.tiers),
    )


def offer(wanted: PriceWanted) -> tuple[PriceOffer | None, dict[str, str]]:
    """Return the price that can be stored, or None with every fault by the API's field name."""
    spelt = spell_out(wanted)
    faults = _amount_faults(spelt, was_typed=bool(wanted.type)) | _interval_faults(spelt) | _usage_faults(spelt)
    faults |= _proration_faults(spelt)
    try:
        found = PriceOffer(spelt, _rating(spelt))
    except InvalidPrice as error:
        name = _API_NAMES.get(error.field, error.field)
        # What the numbers must be follows from the type: without one there is nothing more to say of them.
        return None, faults if "type" in faults else {
            "amount" if name == "unit_price" else name: error.message,
            **faults,
        }
    return (None, faults) if faults else (found, {})


def _rating(spelt: PriceWanted) -> Rating:
    return Rating(
        type=PriceType(spelt.type) if spelt.type in set(PriceType) else spelt.type,  # type: ignore[arg-type]
        unit_price=spelt.amount or ZERO,
        tiers=spelt.tiers,
        units=1 if spelt.units is None else spelt.units,
        free_units=spelt.free_units or 0,
        rate=spelt.rate or ZERO,
        fixed=spelt.fixed or ZERO,
        free_events=spelt.free_events or 0,
        minimum=spelt.minimum,
        maximum=spelt.maximum,
    )


def _amount_faults(spelt: PriceWanted, *, was_typed: bool) -> dict[str, str]:
    """Return what is wrong with the numbers for the price's type."""
    faults: dict[str, str] = {}
    if spelt.tiers and not was_typed:
        faults["type"] = "is required with tiers: tiered_volume or tiered_graduated"
        return faults
    unpriced = spelt.type in TIERED or spelt.type == PriceType.PERCENTAGE
    if unpriced and spelt.amount:
        faults["amount"] = f"belongs to no price of type {spelt.type}; leave it out or send 0"
    if not unpriced and spelt.amount is None:
        faults["amount"] = "is required, or unit_price"
    for name, types in _OWN_NUMBERS.items():
        if getattr(spelt, name) is not None and spelt.type not in types:
            faults[_API_NAMES.get(name, name)] = f"belongs to no price of type {spelt.type}"
    return faults


def _interval_faults(spelt: PriceWanted) -> dict[str, str]:
    """Return what is wrong with how often the price is charged."""
    faults: dict[str, str] = {}
    once = spelt.interval == ONE_OFF
    if not spelt.interval:
        faults["schedule"] = "is required for a recurring price, or interval"
    elif once == bool(spelt.recurring):
        faults["schedule"] = "contradicts recurring"
    if (spelt.type == ONE_OFF) != once and spelt.interval:
        faults["type"] = "one_off is the type of a price that does not recur, and of no other"
    if once and spelt.interval_count != 1:
        faults["interval_count"] = "belongs to no price that does not recur"
    if once and spelt.minimum_commitment is not None:
        faults["minimum_commitment"] = "belongs to no price that does not recur"
    return faults


def _proration_faults(spelt: PriceWanted) -> dict[str, str]:
    """Return what is wrong between the interval and how its parts are counted: a month of 30 days has no weeks."""
    if spelt.interval in _COUNTED_IN_MONTHS:
        return {}
    return {
        name: "thirty_360 belongs to prices by month or year"
        for name in ("proration_up", "proration_down")
        if getattr(spelt, name) == "thirty_360"
    }


def _usage_faults(spelt: PriceWanted) -> dict[str, str]:
    """Return what is wrong between the price and its metric."""
    faults: dict[str, str] = {}
    if spelt.usage and spelt.metric_id is None:
        faults["metric"] = "is required for a usage price"
    if not spelt.usage and spelt.metric_id is not None:
        faults["usage"] = "must be true for a price with a metric"
    if spelt.usage and spelt.type in _NEVER_MEASURED:
        faults["type"] = f"a price of type {spelt.type} measures no usage"
    if not spelt.usage and spelt.type == PriceType.PERCENTAGE:
        faults["metric"] = "is required for a percentage"
    if spelt.usage and spelt.billing_timing != "arrears":
        faults["billing_timing"] = "usage is charged in arrears"
    if spelt.metric_type == "continuous" and (not spelt.usage or spelt.type == PriceType.PERCENTAGE):
        faults["metric_type"] = "continuous belongs to usage prices other than percentages"
    return faults
