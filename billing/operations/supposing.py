"""Make out what a change in thought is about, with the checks of the change itself (Billing rules, section 5)."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from billing.domain.what_if import EndWanted, WhatIf
from billing.operations import changing
from core.errors import Conflict, Invalid, NotFound
from subscriptions.domain.change import MAXIMUM_SEATS, PriceChange
from subscriptions.domain.lifecycle import BILLED_STATUSES
from subscriptions.models import Plan
from subscriptions.queries.terms import list_price_terms


@dataclass(frozen=True, slots=True)
class Supposed:
    """What is supposed: to a subscription or to all on a plan, from a moment on.

    Another plan or price, a number of seats, or an end; one of them.
    """

    at: datetime
    subscription_id: uuid.UUID | None = None
    plan_id: uuid.UUID | None = None
    new_plan_id: uuid.UUID | None = None
    new_price_id: uuid.UUID | None = None
    seats: int | None = None
    end: EndWanted | None = None


def suppose(wanted: Supposed, *, customer_id: uuid.UUID | None, now: datetime) -> WhatIf:
    """Return a change in thought that can be simulated for a customer; None: for all on a plan, whoever they are.

    Raises NotFound for a subscription of somebody else, Conflict for one that is not running, Invalid for a moment that
    is past, a price the plan does not sell, seats of a plan that has none.
    """
    if wanted.at < now:
        raise Invalid("The date is past.", fields={"change.date": "must not be past"})
    if wanted.subscription_id is not None:
        subscription = changing.get_subscription(wanted.subscription_id)
        if subscription.customer_id != customer_id:
            raise NotFound(f"The customer has no subscription {wanted.subscription_id}.")
        if subscription.status not in BILLED_STATUSES:
            raise Conflict(f"The subscription is {subscription.status}.", code="subscription_not_active")
        plan = subscription.plan
    elif wanted.plan_id is not None:
        plan = Plan.objects.get(id=wanted.plan_id)
    else:
        raise Invalid("Nobody is named.", fields={"change.subscription": "either subscription or plan is required"})
    change = wanted.end or _seats(wanted, plan) or _price(wanted, plan)
    return WhatIf(change, wanted.at, wanted.subscription_id, wanted.plan_id)


def _seats(wanted: Supposed, plan: Plan) -> int | None:
    """Return the seats asked for, None when none are. Raises Invalid."""
    if wanted.seats is None:
        return None
    if not plan.per_seat:
        raise Invalid("The plan is not per seat.", fields={"change.seats": "This subscription's plan is not per seat."})
    if not 1 <= wanted.seats <= MAXIMUM_SEATS:
        raise Invalid("So many seats cannot be.", fields={"change.seats": f"It lies between 1 and {MAXIMUM_SEATS}."})
    return wanted.seats


def _price(wanted: Supposed, plan: Plan) -> PriceChange:
    """Return the plan and price asked for. Raises Invalid."""
    target = plan if wanted.new_plan_id is None else Plan.objects.get(id=wanted.new_plan_id)
    price = list_price_terms([wanted.new_price_id]).get(wanted.new_price_id) if wanted.new_price_id else None
    if price is None or not target.prices.filter(id=price.price_id).exists():
        raise Invalid(
            "The price is not one of the plan's.", fields={"change.new_price": "It is not one of the plan's."}
        )
    return PriceChange(target.id, target.name, price, None if target.per_seat else 1)
