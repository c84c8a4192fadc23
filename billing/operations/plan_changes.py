"""Change plan, price, seats and add-ons: at once, with the next cycle, or on a date (Billing rules, section 5)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from billing.operations import changing
from billing.operations.changing import Changed, Decide, Decided
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid, NotFound
from core.identifiers import new_id
from core.operations import SYSTEM, Actor, emit
from invoicing.domain.account import Account
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange
from subscriptions.domain.pending import ChangeKind
from subscriptions.domain.periods import current_period
from subscriptions.domain.terms import Agreement, PriceTerms
from subscriptions.models import PendingChange, Plan, Price, Subscription
from subscriptions.queries.terms import list_price_terms


class When(StrEnum):
    """When a change is made."""

    INSTANTLY = "instantly"
    NEXT_CYCLE = "next_cycle"
    SPECIFIC_DATE = "specific_date"


@dataclass(frozen=True, slots=True)
class Timing:
    """When a change is made; `at` is the moment of a specific date."""

    when: When = When.INSTANTLY
    at: datetime | None = None


AT_ONCE = Timing()


@dataclass(frozen=True, slots=True)
class PlanCommand:
    """The plan and price that take over; `plan_id` None keeps the plan. `seats` None keeps the seats."""

    price_id: uuid.UUID
    plan_id: uuid.UUID | None = None
    timing: Timing = AT_ONCE
    proration: str = ""
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A change in thought: how it alters an agreement at a moment, and the row that would carry it until later.

    `held` is the quantity before it.
    """

    alter: Callable[[Agreement, datetime], Agreement]
    kind: ChangeKind
    row: dict[str, Any]
    item_id: uuid.UUID | None = None
    held: int = 0


def change_plan(
    *, subscription_id: uuid.UUID, command: PlanCommand, now: datetime, actor: Actor = SYSTEM
) -> Changed | PendingChange:
    """Change the plan or price; return what it came to, or the change that waits.

    `now` is the customer's own moment. An instant change drops the one that waits; a newer one that waits replaces it.
    Raises NotFound, Conflict (not running, ends before) and Invalid.
    """
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        asked = _asked_plan(subscription, command)
        facts = {"plan": str(asked.row["plan_id"]), "price": str(command.price_id), "previous": _previous(subscription)}
        return _make(subscription, asked, command.timing, facts=facts, now=now, actor=actor)


def preview_plan(*, subscription_id: uuid.UUID, command: PlanCommand, now: datetime) -> Changed | None:
    """Return what change_plan would come to now, None when nothing is charged before its moment."""
    subscription = changing.get_subscription(subscription_id)
    return _preview(subscription, _asked_plan(subscription, command), command.timing, now)


def change_seats(
    *,
    subscription_id: uuid.UUID,
    seats: int | None = None,
    delta: int = 0,
    timing: Timing = AT_ONCE,
    invoice_now: bool = False,
    now: datetime,
    actor: Actor = SYSTEM,
) -> Changed | PendingChange:
    """Set the seats, or add or remove some: add 1 to 3 -> 4; removing 24 of 3 is refused and 3 stay.

    Billed or credited at the next boundary, with `invoice_now` at once. Raises NotFound, Conflict and Invalid.
    """
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        asked = _asked_seats(subscription, seats, delta)
        made = _make(subscription, asked, timing, facts=None, now=now, actor=actor, seats_now=invoice_now)
        if isinstance(made, Changed):
            facts = {"seats": asked.row["quantity"], "previous": {"seats": asked.held}}
            emit(OutboxDraft("subscription.seats_changed", "subscription", subscription.id, now, facts))
        return made


def preview_seats(*, subscription_id: uuid.UUID, seats: int, timing: Timing = AT_ONCE, now: datetime) -> Changed | None:
    """Return what change_seats with `invoice_now` would come to."""
    subscription = changing.get_subscription(subscription_id)
    return _preview(subscription, _asked_seats(subscription, seats, 0), timing, now, seats_now=True)


def add_item(
    *, subscription_id: uuid.UUID, price_id: uuid.UUID, quantity: int, now: datetime, actor: Actor = SYSTEM
) -> Changed:
    """Add a further price from now on; what is left of the period is charged. Raises what change_seats does."""
    price = _price(price_id)
    if not Price.objects.filter(id=price_id, retired_at__isnull=True).exists():
        raise Invalid("The price is retired.", fields={"price": "This price is retired."})
    item_id = new_id()

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        changing.require_active(agreement)
        return Decided(change.add_item(agreement, item_id, price, quantity, at))

    facts: dict[str, object] = {"item": str(item_id), "price": str(price_id), "quantity": quantity}
    return changing.store_change(subscription_id=subscription_id, decide=decide, now=now, actor=actor, facts=facts)


def change_item(
    *,
    subscription_id: uuid.UUID,
    item_id: uuid.UUID,
    quantity: int,
    timing: Timing = AT_ONCE,
    now: datetime,
    actor: Actor = SYSTEM,
) -> Changed | PendingChange:
    """Set the quantity of an add-on, 0 to end it. Raises what change_seats does."""
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        _require_item(subscription, item_id)
        asked = Asked(_altering_item(item_id, quantity), ChangeKind.ITEM, {"quantity": quantity}, item_id)
        facts: dict[str, object] = {"item": str(item_id), "quantity": quantity}
        return _make(subscription, asked, timing, facts=facts, now=now, actor=actor, seats_now=True)


def revoke_pending(
    *,
    subscription_id: uuid.UUID,
    change_id: uuid.UUID | None = None,
    kind: str = "",
    now: datetime,
    actor: Actor = SYSTEM,
) -> None:
    """Take back a change that waits, those of a kind, or all of them. Raises NotFound when none waits."""
    with transaction.atomic():
        subscription = changing.lock_subscription(subscription_id)
        waiting = PendingChange.objects.filter(subscription=subscription, settled_at__isnull=True)
        if change_id is not None:
            waiting = waiting.filter(id=change_id)
        if kind:
            waiting = waiting.filter(kind=kind)
        revoked = waiting.update(settled_at=now, outcome=PendingChange.Outcome.REVOKED)
        if not revoked:
            raise NotFound("No change of this subscription waits.")
        _set_down(subscription, now, actor)
        emit(OutboxDraft("subscription.updated", "subscription", subscription.id, now, {"pending_change": None}))


def _make(
    subscription: Subscription,
    asked: Asked,
    timing: Timing,
    *,
    facts: dict[str, Any] | None,
    now: datetime,
    actor: Actor,
    seats_now: bool = False,
) -> Changed | PendingChange:
    """Make a change now, or store it until its moment."""
    if timing.when is When.INSTANTLY:
        _drop(subscription, asked, PendingChange.Outcome.REPLACED, now)
        return changing.store_change_step(
            subscription=subscription,
            decide=_deciding(asked, seats_now=seats_now),
            now=now,
            actor=actor,
            facts=facts,
        )
    return _store_pending(subscription, asked, timing, now, actor)


def _preview(
    subscription: Subscription, asked: Asked, timing: Timing, now: datetime, *, seats_now: bool = False
) -> Changed | None:
    """Work a change out without storing it; one for later is only looked at."""
    if timing.when is When.INSTANTLY:
        decide = _deciding(asked, seats_now=seats_now)
        return changing.preview_change(subscription_id=subscription.id, decide=decide, now=now)
    _look_at(subscription, asked, timing, now)
    return None


def _deciding(asked: Asked, *, seats_now: bool) -> Decide:
    """Return the decision of an instant change: it drops the change of its kind that waits."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        changing.require_active(agreement)
        _require_same_currency(asked, agreement)
        altered = asked.alter(agreement, at)
        pending = tuple(one for one in altered.pending if (one.kind, one.item_id) != (asked.kind, asked.item_id))
        # Seats wait for the next boundary unless they are wanted at once.
        is_charged = seats_now or asked.kind is ChangeKind.PLAN
        return Decided(replace(altered, pending=pending), is_charged=is_charged, seats_now=seats_now)

    return decide


def _require_same_currency(asked: Asked, agreement: Agreement) -> None:
    """Refuse another currency inside a cycle."""
    if asked.kind is ChangeKind.PLAN and asked.row["currency"] != agreement.currency:
        raise InvalidAgreement("price", "Another currency begins with the next cycle only.")


def _store_pending(
    subscription: Subscription, asked: Asked, timing: Timing, now: datetime, actor: Actor
) -> PendingChange:
    """Store a change until its moment, in place of the one of its kind that waits."""
    due_at = _look_at(subscription, asked, timing, now)
    _drop(subscription, asked, PendingChange.Outcome.REPLACED, now)
    row = {name: value for name, value in asked.row.items() if name != "currency"}
    pending = PendingChange.objects.create(
        subscription=subscription,
        kind=asked.kind,
        item_id=asked.item_id,
        due_at=due_at,
        at_boundary=timing.when is When.NEXT_CYCLE,
        actor=actor.name,
        created_at=now,
        **row,
    )
    _set_down(subscription, now, actor)
    facts = {"pending_change": {"kind": str(asked.kind), "due_at": due_at.isoformat()}}
    emit(OutboxDraft("subscription.updated", "subscription", subscription.id, now, facts))
    return pending


def _look_at(subscription: Subscription, asked: Asked, timing: Timing, now: datetime) -> datetime:
    """Return the moment of a change for later, once it is seen that the terms could take it. Raises as the change."""
    moments: list[datetime] = []

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        changing.require_active(agreement)
        due_at = _due_at(agreement, timing, at)
        if agreement.cancel_at is not None and agreement.cancel_at <= due_at:
            raise Conflict("The subscription ends before.", code="subscription_ends_before")
        if timing.when is not When.NEXT_CYCLE:
            _require_same_currency(asked, agreement)
        asked.alter(agreement, due_at)
        moments.append(due_at)
        return Decided(agreement, is_charged=False)

    changing.preview_change(subscription_id=subscription.id, decide=decide, now=now)
    return moments[0]


def _due_at(agreement: Agreement, timing: Timing, now: datetime) -> datetime:
    """Return when a change for later comes: the running period's end (a trial's), or the date asked for."""
    if timing.when is When.SPECIFIC_DATE:
        if timing.at is None or timing.at <= now:
            raise InvalidAgreement("date", "It must lie ahead.")
        return timing.at
    period = current_period(agreement, now)
    end = agreement.trial_end_at if period is None else period.end
    if end is None or end <= now:
        raise InvalidAgreement("when", "The subscription has no next cycle.")
    return end


def _drop(subscription: Subscription, asked: Asked, outcome: str, now: datetime) -> None:
    """Settle the change of the same kind that waits."""
    waiting = PendingChange.objects.filter(
        subscription=subscription, kind=asked.kind, item_id=asked.item_id, settled_at__isnull=True
    )
    waiting.update(settled_at=now, outcome=outcome)


def _set_down(subscription: Subscription, now: datetime, actor: Actor) -> None:
    """Set the subscription's next due moment to what waits now; nothing is charged."""

    def decide(_: Account, agreement: Agreement, at: datetime) -> Decided:
        return Decided(agreement, is_charged=False)

    changing.store_change_step(subscription=subscription, decide=decide, now=now, actor=actor)


def _asked_plan(subscription: Subscription, command: PlanCommand) -> Asked:
    """Return a change of plan or price in thought. Raises Invalid when the price is not the plan's."""
    plan = subscription.plan
    if command.plan_id is not None and command.plan_id != plan.id:
        found = Plan.objects.filter(id=command.plan_id, retired_at__isnull=True).first()
        if found is None:
            raise Invalid("There is no such plan.", fields={"plan": "There is no such plan."})
        plan = found
    is_held = plan.id == subscription.plan_id
    price = _price(command.price_id)
    offered = plan.prices.filter(id=command.price_id)
    if not (offered if is_held else offered.filter(retired_at__isnull=True)).exists():
        raise Invalid("The price is not one of the plan's.", fields={"price": "It does not belong to this plan."})
    if command.seats is not None and command.seats > 1 and not plan.per_seat:
        raise Invalid("The plan is not per seat.", fields={"seats": "This plan is not per seat."})
    seats = command.seats if plan.per_seat else 1
    wanted = PriceChange(plan.id, plan.name, price, seats, command.proration)
    return Asked(
        lambda agreement, at: change.change_price(agreement, wanted, at),
        ChangeKind.PLAN,
        {
            "plan_id": plan.id,
            "price_id": price.price_id,
            "quantity": seats,
            "proration": command.proration,
            "currency": price.currency,
        },
    )


def _asked_seats(subscription: Subscription, seats: int | None, delta: int) -> Asked:
    """Return a change of seats in thought. Raises Invalid when the plan has none."""
    if not subscription.plan.per_seat:
        raise Invalid("The plan is not per seat.", fields={"seats": "This subscription's plan is not per seat."})
    held = subscription.items.get(position=0).terms.order_by("-version").values_list("quantity", flat=True)[0]
    wanted = held + delta if seats is None else seats
    if not 1 <= wanted <= change.MAXIMUM_SEATS:
        message = f"{held} seats would become {wanted}; it stays between 1 and {change.MAXIMUM_SEATS}."
        raise Invalid(message, fields={"seats": message})
    return Asked(
        lambda agreement, at: change.change_seats(agreement, wanted, at),
        ChangeKind.SEATS,
        {"quantity": wanted},
        held=held,
    )


def _altering_item(item_id: uuid.UUID, quantity: int) -> Callable[[Agreement, datetime], Agreement]:
    """Return how an add-on's quantity is changed, 0 ends it."""

    def alter(agreement: Agreement, at: datetime) -> Agreement:
        if quantity:
            return change.change_item(agreement, item_id, quantity, at)
        return change.remove_item(agreement, item_id, at)

    return alter


def _require_item(subscription: Subscription, item_id: uuid.UUID) -> None:
    """Refuse an item of another subscription, or one that has ended. Raises NotFound, Conflict for the plan's own."""
    item = subscription.items.filter(id=item_id).first()
    if item is None or not item.terms.order_by("-version").values_list("quantity", flat=True)[0]:
        raise NotFound(f"The subscription has no item {item_id}.")
    if item.position == 0:
        message = "The plan's own price is changed with plan, price and seats; it ends with the subscription."
        raise Conflict(message, code="plan_item")


def _price(price_id: uuid.UUID) -> PriceTerms:
    """Return a price's terms. Raises Invalid."""
    found = list_price_terms([price_id]).get(price_id)
    if found is None:
        raise Invalid("There is no such price.", fields={"price": "There is no such price."})
    return found


def _previous(subscription: Subscription) -> dict[str, str]:
    """Return what a change of plan leaves, as its fact tells it."""
    return {"plan": str(subscription.plan_id)}
