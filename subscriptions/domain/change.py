"""Change what was agreed: each function takes an agreement and returns it with further versions.

Billing rules, section 5. Nothing is charged here: what a change costs or gives back is the difference that the next
proposal finds, the same for a preview, a simulation and the real run.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from msgspec import structs

from core.domain.schedule import Interval, boundary, boundary_index, calendar_anchor, instant_of, local_date, local_wall
from subscriptions.domain.agreement import STARTED, InvalidAgreement
from subscriptions.domain.periods import current_period
from subscriptions.domain.pricing import exact_price
from subscriptions.domain.terms import (
    CALENDAR,
    ENDED,
    KEEP,
    PAID,
    PAUSED,
    PRORATE_DAY,
    PRORATE_FULL,
    PRORATE_NONE,
    SHIFT,
    TRIAL,
    Agreement,
    CalendarVersion,
    Item,
    ItemVersion,
    PriceTerms,
)

MAXIMUM_SEATS = 1_000_000
_MONTHS_OF_UNIT = {"day": Fraction(12, 365), "week": Fraction(12, 52), "month": Fraction(1), "year": Fraction(12)}
_JUST_BEFORE = timedelta(microseconds=1)
ADDED, REMOVED, PRICE_CHANGED, ITEM_ENDED = "added", "removed", "price", "ended"


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The plan and price that take over; `quantity` None keeps the seats, `proration` "" follows the target price."""

    plan_id: uuid.UUID
    plan_name: str
    price: PriceTerms
    quantity: int | None = None
    proration: str = ""


def monthly_amount(price: PriceTerms, quantity: int) -> Fraction:
    """Return what a price comes to in a month, unrounded, in minor units (Billing rules, section 12)."""
    if price.interval is None:
        return Fraction(0)
    months = _MONTHS_OF_UNIT[price.interval.unit] * price.interval.count
    return Fraction(exact_price(price.rating, Decimal(quantity))) / months


def change_price(agreement: Agreement, wanted: PriceChange, at: datetime) -> Agreement:
    """Return the agreement with another plan or price from a moment on.

    The period and the anchor stay with the same interval; with another, or the policy `full`, the period restarts. What
    is changed at one instant is one change, from the terms before it to those it leaves: to undo a change at its own
    moment brings back the very terms that were. Raises InvalidAgreement naming the field.
    """
    item = agreement.items[0]
    held = item.versions[-1]
    _check_price(agreement, wanted.price)
    current = in_force(agreement, at)
    quantity = held.quantity if wanted.quantity is None else wanted.quantity
    was = current.plan_id, held.price.price_id, held.quantity
    if was == (wanted.plan_id, wanted.price.price_id, quantity):
        return agreement
    before = _changed_from(agreement, at)
    current, changed_from = before or (current, held)
    is_undone = before is not None and (current.plan_id, changed_from.price.price_id) == (
        wanted.plan_id,
        wanted.price.price_id,
    )
    policy, reason = _counted_by(wanted.price), PRICE_CHANGED
    if is_undone and quantity != changed_from.quantity:
        reason = ADDED if quantity > changed_from.quantity else REMOVED
    elif not is_undone and is_running(agreement, at):
        taken_by = _taken_by(item, wanted.price, at)
        policy = wanted.proration or taken_by or _policy(changed_from, wanted.price, quantity)
    version = ItemVersion(held.version + 1, at, wanted.price, quantity, reason, policy)
    changed = replace(_with_version(agreement, item, version), currency=wanted.price.currency)
    plan: dict[str, object] = {"plan_id": wanted.plan_id, "plan_name": wanted.plan_name}
    if is_undone:
        return _with_calendar(changed, at, "change", current, **plan)
    if current.phase == TRIAL:
        return _with_calendar(changed, at, "change", current, interval=wanted.price.interval, **plan)
    restarts = wanted.price.interval != current.interval or policy == PRORATE_FULL
    if not restarts:
        is_as_agreed = before is None and wanted.plan_id == current.plan_id
        return changed if is_as_agreed else _with_calendar(changed, at, "change", current, **plan)
    if policy == PRORATE_NONE:
        raise InvalidAgreement("proration", "Another interval cannot begin without proration before the period ends.")
    if current.alignment == CALENDAR and policy == PRORATE_FULL:
        raise InvalidAgreement("proration", "A calendar period does not restart: `full` is for anniversaries.")
    return _with_calendar(
        changed,
        at,
        "change",
        current,
        interval=wanted.price.interval,
        anchor_wall=_anchor(current, wanted, at),
        **plan,
    )


def in_force(agreement: Agreement, at: datetime) -> CalendarVersion:
    """Return the calendar version in force at a moment; one further ahead is only planned."""
    found = agreement.calendar[0]
    for version in agreement.calendar:
        if version.from_at <= at:
            found = version
    return found


def is_running(agreement: Agreement, at: datetime) -> bool:
    """Tell whether a change at a moment falls into a period that is billed already."""
    return agreement.billed_to_at is not None and agreement.billed_to_at >= _period_start(agreement, at)


def _period_start(agreement: Agreement, at: datetime) -> datetime:
    """Return the start of the running period, the moment itself where none runs."""
    period = current_period(agreement, at)
    return at if period is None else period.start


def _check_price(agreement: Agreement, price: PriceTerms) -> None:
    """Refuse a price that cannot stand in the subscription."""
    if price.is_one_off or agreement.current.interval is None:
        raise InvalidAgreement(
            "price", "What is charged once cannot be changed into a subscription, nor the other way."
        )
    others = [item.versions[-1] for item in agreement.items[1:] if item.versions[-1].quantity]
    for other in others:
        if other.price.interval is None:
            continue
        if other.price.currency != price.currency:
            raise InvalidAgreement("price", f"{other.price.product_name} is charged in {other.price.currency}.")
        fits = other.price.interval == price.interval or (
            other.price.meter is not None
            and price.interval is not None
            and other.price.interval.divides(price.interval)
        )
        if not fits:
            raise InvalidAgreement("price", f"The interval of {other.price.product_name} does not fit this price's.")


def _fits(price: PriceTerms, interval: Interval | None) -> bool:
    """Tell whether a recurring price can stand beside a plan price of an interval; usage may be billed more often."""
    if price.interval is None or interval is None or price.interval == interval:
        return price.interval is None or interval is not None
    return price.meter is not None and price.interval.divides(interval)


def _counted_by(price: PriceTerms) -> str:
    """Return the policy that counts a price's days where there is nothing to give back and nothing to restart."""
    return PRORATE_DAY if price.proration_up in {PRORATE_FULL, PRORATE_NONE} else price.proration_up


def _policy(held: ItemVersion, price: PriceTerms, quantity: int) -> str:
    """Return the target price's policy for the direction; up is the higher monthly amount."""
    goes_up = monthly_amount(price, quantity) >= monthly_amount(held.price, held.quantity)
    return price.proration_up if goes_up else price.proration_down


def _changed_from(agreement: Agreement, at: datetime) -> tuple[CalendarVersion, ItemVersion] | None:
    """Return the terms before a change of price at an instant, from which a further one then starts; None without one.

    A zone that has moved by then stays.
    """
    item = agreement.items[0]
    if not any(one.from_at == at and one.proration for one in item.versions):
        return None
    # At the very start, what it began with.
    calendar_before = ([one for one in agreement.calendar if one.from_at < at] or agreement.calendar[:1])[-1]
    if calendar_before.phase != PAID:
        return None
    zone = in_force(agreement, at).zone
    return replace(calendar_before, zone=zone), item.version_at(at - _JUST_BEFORE) or item.versions[0]


def _taken_by(item: Item, price: PriceTerms, at: datetime) -> str:
    """Return the policy by which a price was taken at an instant, "" where it was not: so it comes back."""
    taken = (
        one.proration for one in reversed(item.versions) if one.from_at == at and one.price.price_id == price.price_id
    )
    return next(filter(None, taken), "")


def _anchor(current: CalendarVersion, wanted: PriceChange, at: datetime) -> datetime:
    """Return the anchor of the periods that restart at a moment."""
    if current.alignment == CALENDAR and wanted.price.interval is not None:
        return calendar_anchor(at, wanted.price.interval, _billing_day(current), current.zone)
    return local_wall(at, current.zone)


def _billing_day(current: CalendarVersion) -> int:
    """Return the day of the month on which a calendar bills: only the anchor of months tells one, else it is the 1st.

    A Monday's date is none.
    """
    is_by_month = current.interval is not None and current.interval.unit == "month"
    return current.anchor_wall.day if is_by_month else 1


def change_seats(agreement: Agreement, quantity: int, at: datetime) -> Agreement:
    """Return the agreement with another number of seats from a moment on.

    Raises InvalidAgreement outside 1 to a million: removing 24 of 3 is refused and 3 stay.
    """
    item = agreement.items[0]
    return _change_quantity(agreement, item, quantity, at, "seats")


def _change_quantity(agreement: Agreement, item: Item, quantity: int, at: datetime, field: str) -> Agreement:
    """Return the agreement with another quantity of an item."""
    held = item.versions[-1]
    if not 1 <= quantity <= MAXIMUM_SEATS:
        message = f"{held.quantity} would become {quantity}; it stays between 1 and {MAXIMUM_SEATS}."
        raise InvalidAgreement(field, message)
    if quantity == held.quantity:
        return agreement
    change = ADDED if quantity > held.quantity else REMOVED
    # A price that was taken at this very moment stays as it was taken.
    proration = held.proration if held.from_at == at else ""
    return _with_version(agreement, item, ItemVersion(held.version + 1, at, held.price, quantity, change, proration))


def add_item(agreement: Agreement, item_id: uuid.UUID, price: PriceTerms, quantity: int, at: datetime) -> Agreement:
    """Return the agreement with a further item from a moment on; what is left of the period is charged.

    Raises InvalidAgreement when the price's currency or interval does not fit.
    """
    interval = agreement.current.interval
    if price.currency != agreement.currency:
        raise InvalidAgreement("price", f"Every price is in {agreement.currency}; this one is in {price.currency}.")
    if not _fits(price, interval):
        raise InvalidAgreement("price", "Its interval does not fit the plan price's.")
    if not 1 <= quantity <= MAXIMUM_SEATS:
        raise InvalidAgreement("quantity", f"It lies between 1 and {MAXIMUM_SEATS}.")
    # An item's period is its subscription's and does not restart for it.
    waits = price.proration_up == PRORATE_NONE and is_running(agreement, at)
    policy = PRORATE_NONE if waits else _counted_by(price)
    position = 1 + max(item.position for item in agreement.items)
    version = ItemVersion(1, at, price, quantity, STARTED, policy)
    return replace(agreement, items=(*agreement.items, Item(item_id, position, (version,))))


def change_item(agreement: Agreement, item_id: uuid.UUID, quantity: int, at: datetime) -> Agreement:
    """Return the agreement with another quantity of an add-on. Raises InvalidAgreement as change_seats does."""
    return _change_quantity(agreement, item_of(agreement, item_id), quantity, at, "quantity")


def remove_item(agreement: Agreement, item_id: uuid.UUID, at: datetime) -> Agreement:
    """Return the agreement without an add-on from a moment on; what is unused of it is given back.

    Raises InvalidAgreement for the plan's own item.
    """
    item = item_of(agreement, item_id)
    if item.position == 0:
        raise InvalidAgreement("item", "The plan's own price ends with the subscription.")
    held = item.versions[-1]
    policy = held.price.proration_down if is_running(agreement, at) else PRORATE_DAY
    version = ItemVersion(held.version + 1, at, held.price, 0, ITEM_ENDED, policy)
    return _with_version(agreement, item, version)


def item_of(agreement: Agreement, item_id: uuid.UUID) -> Item:
    """Return a running item of the agreement. Raises InvalidAgreement when it has none of this id."""
    for item in agreement.items:
        if item.item_id == item_id and item.versions[-1].quantity:
            return item
    raise InvalidAgreement("item", "The subscription has no such item.")


def pause(agreement: Agreement, at: datetime) -> Agreement:
    """Return the agreement paused from a moment on: nothing is charged until it resumes."""
    return _with_calendar(agreement, at, "pause", in_force(agreement, at), phase=PAUSED)


def resume(agreement: Agreement, at: datetime, policy: str = "") -> Agreement:
    """Return the agreement that goes on after a pause.

    SHIFT, the default, moves the running period's end, and with it the anchor, by the local days paused; KEEP leaves
    the boundaries, and is the default of calendar periods, which cannot shift. 3000 for 30 days, paused after 10 for
    15: 15 days more, or a credit of 1500. Raises InvalidAgreement.
    """
    paused = in_force(agreement, at)
    before = next(one for one in reversed(agreement.calendar) if one.phase == PAID)
    policy = policy or (KEEP if before.alignment == CALENDAR else SHIFT)
    if policy == SHIFT and before.alignment == CALENDAR:
        raise InvalidAgreement("policy", "Calendar periods do not shift: resume with `keep`.")
    anchor_wall = before.anchor_wall
    if policy == SHIFT and before.interval is not None:
        days = (local_date(at, before.zone) - local_date(paused.from_at, before.zone)).days
        calendar = tuple(one for one in agreement.calendar if one.from_at <= paused.from_at and one != paused)
        end = _running_end(replace(agreement, calendar=calendar), before, paused.from_at)
        end_wall = local_wall(end, before.zone) + timedelta(days=days)
        if days or end != _period_end(before, paused.from_at):
            anchor_wall = end_wall
        if instant_of(end_wall, before.zone) <= at:
            # Later in the day than the end that moved to it: what was paid is served, the next period begins here.
            policy = ""
    return _with_calendar(agreement, at, "resume", before, anchor_wall=anchor_wall, resumes=policy)


def _running_end(agreement: Agreement, version: CalendarVersion, at: datetime) -> datetime:
    """Return where the period that holds a moment ends if nothing cuts it."""
    period = current_period(replace(agreement, cancel_at=None), at)
    return _period_end(version, at) if period is None else period.planned_end


def _period_end(version: CalendarVersion, at: datetime) -> datetime:
    """Return the end of the period of a calendar that holds a moment."""
    interval = version.interval or Interval("month")
    index = boundary_index(version.anchor_wall, interval, version.zone, at)
    return boundary(version.anchor_wall, interval, index + 1, version.zone)


def end(agreement: Agreement, at: datetime, *, credits_unused: bool) -> Agreement:
    """Return the agreement ended at a moment; with `credits_unused` what was paid beyond it is given back."""
    held = in_force(agreement, at)
    return _with_calendar(agreement, at, "cancel", held, phase=ENDED, credits_unused=credits_unused)


def extend_trial(agreement: Agreement, wanted: PriceChange, at: datetime) -> Agreement:
    """Return an agreement in trial, or whose trial has ended, that goes on paid with a price.

    The first period starts at the trial end already set, or now when that is past; calendar periods begin with a stub:
    35.00, trial to 11 March -> 21/31 = 23.71. Raises InvalidAgreement.
    """
    _check_price(agreement, wanted.price)
    item = agreement.items[0]
    held = item.versions[-1]
    quantity = held.quantity if wanted.quantity is None else wanted.quantity
    changed = agreement
    if (wanted.price.price_id, quantity) != (held.price.price_id, held.quantity):
        version = ItemVersion(held.version + 1, at, wanted.price, quantity, PRICE_CHANGED, _counted_by(wanted.price))
        changed = _with_version(agreement, item, version)
    trial_end = agreement.trial_end_at
    begins_at = at if trial_end is None or trial_end < at else trial_end
    current = agreement.current
    anchor_wall = local_wall(begins_at, current.zone)
    if current.alignment == CALENDAR and wanted.price.interval is not None:
        anchor_wall = calendar_anchor(begins_at, wanted.price.interval, _billing_day(current), current.zone)
    return _with_calendar(
        changed,
        begins_at,
        "extend",
        current,
        phase=PAID,
        plan_id=wanted.plan_id,
        plan_name=wanted.plan_name,
        interval=wanted.price.interval,
        anchor_wall=anchor_wall,
    )


def move_to_zone(agreement: Agreement, zone: str, after: datetime) -> Agreement:
    """Return the agreement whose boundaries keep their wall times in another zone, from the next boundary on.

    That boundary stays where it is; the odd hours are not prorated (Billing rules, section 2).
    """
    current = in_force(agreement, after)
    if zone == agreement.current.zone or current.phase in {ENDED, PAUSED} or current.interval is None:
        return agreement
    if current.phase == TRIAL:
        return _with_calendar(agreement, max(current.from_at, after), "zone", current, zone=zone)
    as_planned = replace(agreement, calendar=tuple(one for one in agreement.calendar if one.from_at <= after))
    return _with_calendar(agreement, _running_end(as_planned, current, after), "zone", current, zone=zone)


def _with_version(agreement: Agreement, item: Item, version: ItemVersion) -> Agreement:
    """Return the agreement with a further version of an item."""
    changed = structs.replace(item, versions=(*item.versions, version))
    return replace(agreement, items=tuple(changed if one.item_id == item.item_id else one for one in agreement.items))


def _with_calendar(
    agreement: Agreement, at: datetime, reason: str, like: CalendarVersion, **changes: object
) -> Agreement:
    """Return the agreement with a further version of its calendar, like another one but for the changes.

    It replaces what was planned for later, as versions with a higher number do.
    """
    kept = [one for one in agreement.calendar if one.from_at <= at]
    planned = [one for one in agreement.calendar if one.from_at > at]
    number = max(one.version for one in agreement.calendar)
    values: dict[str, object] = {"resumes": "", "credits_unused": False, **changes}
    version = replace(like, version=number + 1, from_at=at, reason=reason, **values)  # type: ignore[arg-type]
    kept.append(version)
    if version.phase == TRIAL:
        # What follows a trial that was extended stays planned, with what has changed.
        carried = {name: values[name] for name in ("plan_id", "plan_name", "interval", "zone") if name in values}
        kept += [
            replace(one, version=number + 2 + place, reason=reason, **carried)  # type: ignore[arg-type]
            for place, one in enumerate(planned)
        ]
    return replace(agreement, calendar=tuple(kept))
