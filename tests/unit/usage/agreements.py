"""Agreements as values, for the tests of what is accepted and shown."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from core.domain.schedule import Interval
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import Agreement, CalendarVersion, Item, ItemVersion, MeterTerms, PriceTerms

METRIC, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
MONTH, YEAR = Interval("month"), Interval("year")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(*versions: tuple[str, str], interval: Interval | None = MONTH) -> tuple[CalendarVersion, ...]:
    """Return versions of (from, phase); a paid one after something else begins a calendar of its own."""
    made: list[CalendarVersion] = []
    anchor = at(versions[0][0])
    for number, (from_at, phase) in enumerate(versions, 1):
        if made and phase == "paid" and made[-1].phase != "paid":
            anchor = at(from_at)
        made.append(
            CalendarVersion(
                version=number,
                from_at=at(from_at),
                phase=phase,
                plan_id=uuid.UUID(int=9),
                plan_name="Basic",
                anchor_wall=anchor.replace(tzinfo=None),
                interval=interval,
                zone="UTC",
                alignment="anniversary",
            )
        )
    return tuple(made)


def meter(metric_id: uuid.UUID, aggregation: str = "sum", *, continuous: bool = False) -> MeterTerms:
    return MeterTerms(metric_id, "Calls", "calls", aggregation, "", (), continuous)


def price(interval: Interval | None, measured: MeterTerms | None) -> PriceTerms:
    return PriceTerms(
        price_id=uuid.UUID(int=5),
        product_id=uuid.UUID(int=6),
        product_name="Basic",
        currency="EUR",
        rating=Rating(type=PriceType.UNIT, unit_price=Decimal(1)),
        interval=interval,
        timing="arrears",
        including_tax=False,
        meter=measured,
        minimum_commitment_minor=None,
        proration_up="day",
        proration_down="day",
        tax_type_id=None,
        digital=False,
        physical=False,
        product_rate=None,
        export="",
    )


def item(*versions: tuple[str, Interval | None, uuid.UUID | MeterTerms | None, int]) -> Item:
    """Return an item of (from, interval, metric, quantity)."""
    history = tuple(
        ItemVersion(
            number,
            at(from_at),
            price(interval, meter(measured) if isinstance(measured, uuid.UUID) else measured),
            quantity,
            "started",
        )
        for number, (from_at, interval, measured, quantity) in enumerate(versions, 1)
    )
    return Item(uuid.UUID(int=7), 0, history)


def agreement(
    versions: tuple[CalendarVersion, ...], billed_to: str | None = "2025-03-01", items: tuple[Item, ...] = ()
) -> Agreement:
    return Agreement(
        subscription_id=uuid.UUID(int=3),
        customer_id=uuid.UUID(int=4),
        status=Status.ACTIVE,
        currency="EUR",
        started_at=versions[0].from_at,
        calendar=versions,
        items=items,
        billed_to_at=at(billed_to) if billed_to else None,
    )
