"""What a customer agreed to and what it pays with, read once for every neighbour."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from core.domain.schedule import instant_of
from customers.models import Customer
from integrations.domain.shape import whole
from subscriptions.domain.pricing import TIERED, PriceType
from subscriptions.models import (
    Feature,
    ItemTerms,
    Plan,
    PlanLimit,
    Price,
    Subscription,
    SubscriptionItem,
    SubscriptionTerms,
)
from subscriptions.queries.subscriptions import RunningItem, running_items

LENGTH_OF_ID = 36
UNPRICED = TIERED | {PriceType.PERCENTAGE}


@dataclass(frozen=True, slots=True)
class Agreed:
    """A subscription with its items and the calendar in force (the first, where it begins later)."""

    subscription: Subscription
    items: tuple[RunningItem, ...]
    calendar: SubscriptionTerms

    @property
    def main(self) -> RunningItem | None:
        """Return the item of the plan's own price."""
        return self.items[0] if self.items else None

    @property
    def anchor_at(self) -> datetime:
        """Return the moment from which the boundaries are counted."""
        return instant_of(self.calendar.anchor_wall, self.calendar.time_zone)


def list_agreed(customer: Customer, now: datetime) -> list[Agreed]:
    """Return all subscriptions of a customer, newest first, by a constant number of statements."""
    # One row an item whatever its history: DISTINCT ON keeps the newest version.
    newest = ItemTerms.objects.order_by("item_id", "-version").distinct("item_id").select_related("price__metric")
    items = SubscriptionItem.objects.order_by("position").prefetch_related(Prefetch("terms", queryset=newest))
    rows = Subscription.objects.filter(customer_id=customer.id).order_by("-id").select_related("plan__product")
    subscriptions = rows.prefetch_related(
        Prefetch("plan__features", queryset=Feature.objects.order_by("id")),
        Prefetch("plan__limits", queryset=PlanLimit.objects.select_related("feature").order_by("id")),
        Prefetch("items", queryset=items),
    )
    calendars: dict[uuid.UUID, SubscriptionTerms] = {}
    versions = SubscriptionTerms.objects.filter(subscription__customer_id=customer.id)
    for version in versions.order_by("subscription_id", "version"):
        if version.from_at <= now or version.subscription_id not in calendars:
            calendars[version.subscription_id] = version
    return [Agreed(one, tuple(running_items(one)), calendars[one.id]) for one in subscriptions]


def unit_price_of(price: Price) -> int | None:
    """Return the price of a unit in minor units, None where no single whole amount applies."""
    return None if price.type in UNPRICED else whole(price.unit_price)


def find_customer(word: str) -> Customer | None:
    """Return the customer with an id, else the oldest with a reference; None for nobody and for somebody erased."""
    by_id = id_of(word)
    if by_id is not None:
        customer = _customers().filter(id=by_id).first()
        if customer is not None:
            return customer
    return find_customer_by_reference(word)


def find_customer_by_reference(reference: str) -> Customer | None:
    """Return the oldest customer with a reference, or None."""
    if not reference or "\0" in reference:
        return None
    return _customers().filter(reference=reference).order_by("id").first()


def _customers() -> QuerySet[Customer]:
    known = Customer.objects.filter(erased_at__isnull=True)
    return known.select_related("brand", "test_clock", "connectable_profile")


def id_of(word: str) -> uuid.UUID | None:
    """Return the id a text spells, None when it spells none."""
    try:
        return uuid.UUID(word) if len(word) == LENGTH_OF_ID else None
    except ValueError:
        return None


def plans_and_prices(pairs: Iterable[tuple[str | None, str | None]]) -> tuple[Mapping[str, Plan], Mapping[str, Price]]:
    """Return the plans and the prices that proofs of lines name, by id, in two statements."""
    named = list(pairs)
    plans = Plan.objects.filter(id__in={plan for plan, _ in named if plan})
    prices = Price.objects.filter(id__in={price for _, price in named if price})
    return {str(one.id): one for one in plans}, {str(one.id): one for one in prices}
