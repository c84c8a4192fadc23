"""Aggregation: what a meter reads from the events of a period.

Billing rules, section 4. This is the reference: the queries that do the same in the database are tested against it, and
simulations use it as it is. Numbers compare as numbers (12 > 9), texts by code point (collation C), and the figure
never depends on the order in which events arrive.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from fractions import Fraction

from core.domain.decimals import EXACT, ZERO, decimal_text
from core.domain.period import Period
from core.domain.rounding import round_half_away

QUANTITY_PLACES = 12
_QUANTUM = Decimal(1).scaleb(-QUANTITY_PLACES)
_WIDE = Context(prec=EXACT.prec)

# A text that counts as a number for max and latest; the same expression is valid in PostgreSQL.
NUMBER_TEXT = r"^[+-]?[0-9]{1,40}([.][0-9]{1,40})?$"
_NUMBER = re.compile(NUMBER_TEXT, re.ASCII)


class Aggregation(StrEnum):
    """What is read from the events of a period."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    LATEST = "latest"
    UNIQUE_COUNT = "unique_count"
    WEIGHTED_SUM = "weighted_sum"


class FilterType(StrEnum):
    """Whether events with the value are kept or dropped."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one property, compared by its text; several on one meter are combined with AND."""

    name: str
    value: str
    type: FilterType

    def keeps(self, properties: Mapping[str, object]) -> bool:
        """Tell whether an event with the properties stays; a missing property equals nothing."""
        equal = property_text(properties.get(self.name)) == self.value
        return equal if self.type == FilterType.INCLUSIVE else not equal


@dataclass(frozen=True, slots=True)
class Meter:
    """How a metric reads events: the aggregation, the property it reads (None: the value), and its filters."""

    aggregation: Aggregation
    property: str | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class MeteredEvent:
    """One event as it was sent; the timestamp is an aware UTC datetime."""

    event_id: str
    value: Decimal
    properties: Mapping[str, object]
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class UsageFigure:
    """What a meter read in a period.

    `quantity` has at most 12 decimal places. The count and the moments are of the events that were read: in the
    period, kept by the filters, and with something to read. `charged_*` are the values and the number of those after
    the free ones.
    """

    quantity: Decimal
    event_count: int
    charged_sum: Decimal
    charged_count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """An event and what the meter reads from it: a number, or the text of a property for unique_count."""

    event: MeteredEvent
    read: Decimal | str


def property_text(value: object) -> str | None:
    """Return the text a property is compared by; None for null and for nested values, which equal nothing.

    Numbers have their canonical text, so 1.0 equals 1 and the text "1".

    >>> property_text("EU"), property_text(Decimal("1.0")), property_text(True), property_text(["EU"])
    ('EU', '1', 'true', None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = property_number(value)
    return None if number is None else decimal_text(number)


def property_number(value: object) -> Decimal | None:
    """Return the number a property holds, as a number or as its plain text; None when it holds none.

    >>> property_number("12"), property_number(9), property_number("twelve"), property_number(True)
    (Decimal('12'), Decimal('9'), None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, int | Decimal):
        number = Decimal(value)
    elif isinstance(value, float):
        # JSON decoders hand out floats; the shortest text is the number that was sent.
        number = Decimal(repr(value))
    else:
        return None
    return number if number.is_finite() else None


def aggregate(
    meter: Meter,
    events: Iterable[MeteredEvent],
    period: Period,
    *,
    free_events: int = 0,
    opening: Decimal | None = None,
) -> UsageFigure:
    """Read the events of a period, whatever their order.

    Billing rules, section 4. The first `free_events` by timestamp, then event_id, are left out of the charged sum and
    count only. `opening` is what is carried into the period: the total so far of a count or sum, the level of max,
    latest and weighted_sum. Raises ValueError for a negative number of free events, or an opening of unique_count,
    whose totals cannot be added: aggregate it from its beginning.

    >>> from datetime import UTC
    >>> march = Period(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))
    >>> change = MeteredEvent("seats", Decimal(2500), {}, datetime(2025, 3, 5, tzinfo=UTC))
    >>> aggregate(Meter(Aggregation.WEIGHTED_SUM), [change], march).quantity
    Decimal('2177.419354838710')
    """
    if free_events < 0:
        raise ValueError(f"the number of free events must not be negative: {free_events}")
    if opening is not None and meter.aggregation == Aggregation.UNIQUE_COUNT:
        raise ValueError("the unique counts of two periods cannot be added")
    readings = _readings(meter, events, period)
    charged = readings[free_events:]
    return UsageFigure(
        quantity=_rounded(_quantity(meter, readings, period, opening)),
        event_count=len(readings),
        charged_sum=_total(reading.event.value for reading in charged),
        charged_count=len(charged),
        first_at=readings[0].event.timestamp if readings else None,
        last_at=readings[-1].event.timestamp if readings else None,
    )


def _readings(meter: Meter, events: Iterable[MeteredEvent], period: Period) -> list[_Reading]:
    """Return what the meter reads in the period, by timestamp, then event_id."""
    readings: list[_Reading] = []
    for event in events:
        if period.contains(event.timestamp) and all(one.keeps(event.properties) for one in meter.filters):
            read = _read(meter, event)
            if read is not None:
                readings.append(_Reading(event, read))
    readings.sort(key=lambda reading: (reading.event.timestamp, reading.event.event_id))
    return readings


def _read(meter: Meter, event: MeteredEvent) -> Decimal | str | None:
    """Return what the meter reads from an event, None when there is nothing to read."""
    if meter.property is None:
        return event.value
    if meter.aggregation in {Aggregation.MAX, Aggregation.LATEST}:
        return property_number(event.properties.get(meter.property))
    if meter.aggregation == Aggregation.UNIQUE_COUNT:
        return property_text(event.properties.get(meter.property))
    return event.value


def _quantity(meter: Meter, readings: list[_Reading], period: Period, opening: Decimal | None) -> Decimal:
    """Return what the readings come to, with what is carried into the period."""
    carried = ZERO if opening is None else opening
    numbers = [reading.read for reading in readings if isinstance(reading.read, Decimal)]
    match meter.aggregation:
        case Aggregation.COUNT:
            return EXACT.add(carried, Decimal(len(readings)))
        case Aggregation.SUM:
            return _total([carried, *numbers])
        case Aggregation.MAX:
            # A level carried in stands beside the readings; without one, they may all be negative.
            return max(numbers if opening is None else [opening, *numbers], default=ZERO)
        case Aggregation.LATEST:
            return numbers[-1] if numbers else carried
        case Aggregation.UNIQUE_COUNT:
            return Decimal(len({reading.read for reading in readings}))
        case Aggregation.WEIGHTED_SUM:
            return _average_level(readings, period, carried)


def _total(numbers: Iterable[Decimal]) -> Decimal:
    """Add up exactly."""
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def _average_level(readings: list[_Reading], period: Period, carried: Decimal) -> Decimal:
    """Return the carried level and each change, weighted by the share of the period it lasts, rounded to 12 places."""
    weighted = Fraction(carried) * period.microseconds
    for reading in readings:
        weighted += Fraction(reading.event.value) * Period(reading.event.timestamp, period.end).microseconds
    average = weighted / period.microseconds
    return EXACT.scaleb(Decimal(round_half_away(average * 10**QUANTITY_PLACES)), -QUANTITY_PLACES)


def _rounded(quantity: Decimal) -> Decimal:
    """Round a quantity half away from zero to 12 places, unless it has no more."""
    exponent = quantity.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -QUANTITY_PLACES:
        return quantity.quantize(_QUANTUM, ROUND_HALF_UP, _WIDE)
    return quantity
