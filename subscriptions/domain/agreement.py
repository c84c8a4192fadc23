"""Make a new agreement from what is asked for (Billing rules, sections 2, 3 and 5, Start)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.domain.schedule import Interval, calendar_anchor, instant_of, local_wall
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import (
    ANNIVERSARY,
    CALENDAR,
    PAID,
    TRIAL,
    Agreement,
    CalendarVersion,
    Item,
    ItemVersion,
    PriceTerms,
)

STARTED = "started"


class InvalidAgreement(ValueError):
    """Terms that cannot be agreed together; `field` names the one at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class ItemTermsWanted:
    """One price with its quantity; the first is the plan's own."""

    item_id: uuid.UUID
    price: PriceTerms
    quantity: int


@dataclass(frozen=True, slots=True)
class AgreementWanted:
    """What somebody asks to start. `trial_days` None means no trial; `bill_from_at` later than the start means free
    until then."""

    subscription_id: uuid.UUID
    customer_id: uuid.UUID
    plan_id: uuid.UUID
    plan_name: str
    items: tuple[ItemTermsWanted, ...]
    start_at: datetime
    zone: str
    alignment: str = ANNIVERSARY
    billing_day: int = 1
    trial_days: int | None = None
    trial_standalone: bool = False
    bill_from_at: datetime | None = None
    payment_method_id: uuid.UUID | None = None


def agree(wanted: AgreementWanted) -> Agreement:
    """Return the agreement that starts as wanted, nothing billed yet.

    All prices share the plan price's currency; recurring ones share its interval, usage may have a shorter one that
    divides it. Raises InvalidAgreement naming the field.
    """
    main = wanted.items[0].price
    interval = main.interval
    _check_items(wanted, interval)
    calendar = _calendar(wanted, interval)
    trial_end_at = _trial_end(wanted) if wanted.trial_days is not None else None
    items = tuple(
        Item(item.item_id, position, (ItemVersion(1, wanted.start_at, item.price, item.quantity, STARTED),))
        for position, item in enumerate(wanted.items)
    )
    return Agreement(
        subscription_id=wanted.subscription_id,
        customer_id=wanted.customer_id,
        status=Status.ACTIVE if trial_end_at is None else Status.TRIAL_ACTIVE,
        currency=main.currency,
        started_at=wanted.start_at,
        calendar=calendar,
        items=items,
        payment_method_id=wanted.payment_method_id,
        trial_end_at=trial_end_at,
        trial_standalone=wanted.trial_standalone,
    )


def _check_items(wanted: AgreementWanted, interval: Interval | None) -> None:
    """Refuse prices that cannot stand in one subscription."""
    main = wanted.items[0].price
    for position, item in enumerate(wanted.items):
        field = "price" if position == 0 else f"items.{position - 1}.price"
        price = item.price
        if price.currency != main.currency:
            raise InvalidAgreement(field, f"Every price is in {main.currency}; this one is in {price.currency}.")
        if item.quantity < 1:
            raise InvalidAgreement("seat_number" if position == 0 else f"items.{position - 1}.quantity", "At least 1.")
        if price.interval is None:
            continue
        if interval is None:
            raise InvalidAgreement(field, "The plan's price is charged once; nothing recurring can stand beside it.")
        if price.interval != interval and not (price.meter is not None and price.interval.divides(interval)):
            raise InvalidAgreement(field, "Its interval does not fit the plan price's.")


def _calendar(wanted: AgreementWanted, interval: Interval | None) -> tuple[CalendarVersion, ...]:
    """Return the calendar versions a new agreement begins with."""
    anchor = local_wall(wanted.start_at, wanted.zone)
    if wanted.alignment == CALENDAR and interval is not None:
        anchor = calendar_anchor(wanted.start_at, interval, wanted.billing_day, wanted.zone)
    first = CalendarVersion(
        version=1,
        from_at=wanted.start_at,
        phase=PAID if wanted.trial_days is None else TRIAL,
        plan_id=wanted.plan_id,
        plan_name=wanted.plan_name,
        anchor_wall=anchor,
        interval=interval,
        zone=wanted.zone,
        alignment=wanted.alignment,
    )
    bill_from = wanted.bill_from_at
    if bill_from is None or bill_from <= wanted.start_at:
        return (first,)
    if wanted.trial_days is not None:
        raise InvalidAgreement("bill_from", "A trial is free until it ends; it takes no other date.")
    free = CalendarVersion(1, first.from_at, TRIAL, *_rest(first))
    return free, CalendarVersion(2, bill_from, PAID, *_rest(first))


def _rest(version: CalendarVersion) -> tuple[uuid.UUID, str, datetime, Interval | None, str, str]:
    """Return what two versions of one calendar share."""
    return (
        version.plan_id,
        version.plan_name,
        version.anchor_wall,
        version.interval,
        version.zone,
        version.alignment,
    )


def _trial_end(wanted: AgreementWanted) -> datetime:
    """Return the trial's end: so many local days later, at the same wall time."""
    days = wanted.trial_days or 0
    return instant_of(local_wall(wanted.start_at, wanted.zone) + timedelta(days=days), wanted.zone)
