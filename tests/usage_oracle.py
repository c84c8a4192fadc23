"""What usage must cost, in plain Python from the rules' text and nothing of ours: slow, and easy to read.

Billing rules, sections 3 and 4. It knows one calendar: months from a day of a month at 00:00 UTC.
"""

import math
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

LATE = timedelta(days=35)


@dataclass(frozen=True)
class Sent:
    """An event, and when it was sent."""

    event_id: str
    code: str
    value: Fraction
    properties: dict[str, Any]
    at: datetime
    sent_at: datetime


@dataclass(frozen=True)
class Tariff:
    """A metric and its price: numbers as in the table of section 3."""

    code: str
    aggregation: str
    property: str
    keeps: tuple[tuple[str, str], ...]
    drops: tuple[tuple[str, str], ...]
    continuous: bool
    type: str
    numbers: dict[str, Any]
    minimum: int | None = None


def boundary(anchor: datetime, months: int) -> datetime:
    """The anchor's day so many months later, or the last of a month that is too short."""
    month = anchor.month - 1 + months
    year, month = anchor.year + month // 12, month % 12 + 1
    return datetime(year, month, min(anchor.day, monthrange(year, month)[1]), tzinfo=UTC)


def periods(anchor: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The months from the anchor, the last one cut at the end."""
    found, number = [], 0
    while boundary(anchor, number) < end:
        found.append((boundary(anchor, number), min(boundary(anchor, number + 1), end)))
        number += 1
    return found


def half_away(number: Fraction) -> int:
    """0.5 -> 1, -0.5 -> -1."""
    return math.floor(number + Fraction(1, 2)) if number >= 0 else -half_away(-number)


def text_of(value: Any) -> str | None:
    """The text by which a property is compared."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def kept(tariff: Tariff, event: Sent) -> bool:
    """Whether the filters leave an event."""
    texts = {name: text_of(value) for name, value in event.properties.items()}
    return (
        event.code == tariff.code
        and all(texts.get(name) == value for name, value in tariff.keeps)
        and all(texts.get(name) != value for name, value in tariff.drops)
    )


def read(tariff: Tariff, events: list[Sent], start: datetime | None, end: datetime) -> Fraction:
    """What the metric reads between two moments, from the first event on when there is no start."""
    counted = [event for event in events if kept(tariff, event) and (start is None or event.at >= start)]
    counted = sorted((one for one in counted if one.at < end), key=lambda one: (one.at, one.event_id))

    def numbers() -> list[Fraction]:
        if not tariff.property:
            return [one.value for one in counted]
        return [Fraction(one.properties[tariff.property]) for one in counted if tariff.property in one.properties]

    if tariff.aggregation == "count":
        return Fraction(len(counted))
    if tariff.aggregation == "sum":
        return sum((one.value for one in counted), Fraction(0))
    if tariff.aggregation == "max":
        return max(numbers(), default=Fraction(0))
    if tariff.aggregation == "latest":
        return numbers()[-1] if numbers() else Fraction(0)
    return Fraction(len(set(numbers())))


def level(tariff: Tariff, events: list[Sent], start: datetime, end: datetime) -> Fraction:
    """The level of a weighted sum, second by second: what was there, and each change from when it came."""
    changes = [event for event in events if kept(tariff, event) and event.at < end]
    length = Fraction((end - start) // timedelta(microseconds=1))
    lasting = sum(
        (one.value * ((end - max(one.at, start)) // timedelta(microseconds=1)) for one in changes), Fraction(0)
    )
    return Fraction(half_away(lasting / length * 10**12), 10**12)


def tiered(numbers: dict[str, Any], quantity: Fraction, *, graduated: bool) -> int:
    """Each tier reached, or the one that holds the quantity."""
    total, below = 0, 0
    for last, unit, flat in numbers["tiers"]:
        is_last = last is None or quantity <= last
        if graduated:
            units = (quantity if is_last else Fraction(last)) - below
            total += half_away(Fraction(unit) * units + Fraction(flat))
        elif is_last:
            return half_away(Fraction(unit) * quantity + Fraction(flat))
        if is_last:
            return total
        below = last
    raise AssertionError("the last tier is open")


def cost(tariff: Tariff, quantity: Fraction) -> int:
    """What a quantity costs by the table of section 3."""
    if quantity <= 0:
        return 0
    numbers = tariff.numbers
    if tariff.type == "unit":
        return half_away(Fraction(numbers["unit_price"]) * quantity)
    if tariff.type == "package":
        packages = math.ceil((quantity - numbers["free_units"]) / numbers["units"])
        return half_away(Fraction(numbers["unit_price"]) * max(packages, 0))
    return tiered(numbers, quantity, graduated=tariff.type == "tiered_graduated")


def percentage(tariff: Tariff, events: list[Sent], start: datetime, end: datetime) -> int:
    """rate x sum of the charged values + fixed x their number, then the least and the most of a period."""
    counted = [event for event in events if kept(tariff, event) and start <= event.at < end]
    if tariff.aggregation in {"max", "latest", "unique_count"} and tariff.property:
        counted = [event for event in counted if tariff.property in event.properties]
    charged = sorted(counted, key=lambda one: (one.at, one.event_id))[tariff.numbers["free_events"] :]
    if not charged:
        return 0
    values = max(sum((one.value for one in charged), Fraction(0)), Fraction(0))
    amount = half_away(Fraction(tariff.numbers["rate"]) / 100 * values + tariff.numbers["fixed"] * len(charged))
    least, most = tariff.numbers["minimum"], tariff.numbers["maximum"]
    amount = amount if least is None else max(amount, least)
    return amount if most is None else min(amount, most)


def period_cost(tariff: Tariff, events: list[Sent], start: datetime, end: datetime, full_days: int) -> int:
    """What a period comes to, with what makes up for a minimum."""
    if tariff.type == "percentage":
        amount = percentage(tariff, events, start, end)
    elif tariff.aggregation == "weighted_sum":
        amount = cost(tariff, level(tariff, events, start, end))
    elif not tariff.continuous:
        amount = cost(tariff, read(tariff, events, start, end))
    elif tariff.aggregation in {"latest", "max"}:
        amount = cost(tariff, read(tariff, events, None, end))
    else:
        amount = cost(tariff, read(tariff, events, None, end)) - cost(tariff, read(tariff, events, None, start))
    if tariff.minimum is None:
        return amount
    return max(amount, half_away(Fraction(tariff.minimum * (end - start).days, full_days)))


def accepted(event: Sent, months: list[tuple[datetime, datetime]], run_at: dict[datetime, datetime]) -> bool:
    """Whether an event is taken: never outside; of a period that was invoiced, up to 35 days after its end."""
    for start, end in months:
        if start <= event.at < end:
            return run_at[end] >= event.sent_at or event.sent_at <= end + LATE
    return False
