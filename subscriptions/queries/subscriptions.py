"""Reads of subscriptions with what their answers show, by a constant number of statements."""

import uuid
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from core.errors import NotFound
from customers import queries as customers_queries
from subscriptions.domain.lifecycle import ACTIVE_STATUSES
from subscriptions.models import ItemTerms, PendingChange, Price, Subscription, SubscriptionItem
from subscriptions.queries.catalogue import list_plans, list_prices


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """What a list of subscriptions is narrowed to; what is empty narrows nothing. `plan` is an id or a code name."""

    status: str = ""
    customer_id: uuid.UUID | None = None
    plan: str = ""
    active_only: bool = False


def list_subscriptions(wanted: SubscriptionFilter | None = None) -> QuerySet[Subscription]:
    """Return subscriptions with plan, items, the terms each item has now and what waits, newest first."""
    wanted = wanted or SubscriptionFilter()
    # One row an item whatever its history: DISTINCT ON keeps the newest version.
    newest = ItemTerms.objects.order_by("item_id", "-version").distinct("item_id")
    terms = newest.prefetch_related(Prefetch("price", queryset=list_prices()))
    items = SubscriptionItem.objects.order_by("position").prefetch_related(Prefetch("terms", queryset=terms))
    waiting = PendingChange.objects.filter(settled_at__isnull=True).order_by("due_at", "id").select_related("plan")
    waiting = waiting.prefetch_related(Prefetch("price", queryset=list_prices()))
    subscriptions = Subscription.objects.prefetch_related(
        Prefetch("plan", queryset=list_plans()),
        Prefetch("items", queryset=items),
        Prefetch("pending_changes", queryset=waiting, to_attr="waiting"),
    )
    if wanted.status:
        subscriptions = subscriptions.filter(status=wanted.status)
    if wanted.active_only:
        subscriptions = subscriptions.filter(status__in=ACTIVE_STATUSES)
    if wanted.customer_id is not None:
        subscriptions = subscriptions.filter(customer_id=wanted.customer_id)
    if wanted.plan:
        subscriptions = subscriptions.filter(plan_id__in=_plan_ids(wanted.plan))
    return subscriptions.order_by("-id")


def _plan_ids(plan: str) -> list[uuid.UUID]:
    """Return the ids of the plans that a text may mean."""
    named = list(list_plans().prefetch_related(None).filter(code_name=plan).values_list("id", flat=True))
    try:
        return [*named, uuid.UUID(plan)]
    except ValueError:
        return named


def list_subscriptions_of(customer_id: uuid.UUID, *, active_only: bool = False) -> QuerySet[Subscription]:
    """Return a customer's subscriptions, newest first. Raises NotFound for an unknown customer."""
    customers_queries.require_customer(customer_id)
    return list_subscriptions(SubscriptionFilter(customer_id=customer_id, active_only=active_only))


def get_subscription(subscription_id: uuid.UUID) -> Subscription:
    """Return a subscription with plan and items. Raises NotFound."""
    subscription = list_subscriptions().filter(id=subscription_id).first()
    if subscription is None:
        raise NotFound(f"No subscription has the id {subscription_id}.")
    return subscription


def get_customer_id(subscription_id: uuid.UUID) -> uuid.UUID:
    """Return whose subscription it is, and read nothing else of it. Raises NotFound."""
    found = list(Subscription.objects.filter(id=subscription_id).values_list("customer_id", flat=True))
    if not found:
        raise NotFound(f"No subscription has the id {subscription_id}.")
    customer_id: uuid.UUID = found[0]
    return customer_id


@dataclass(frozen=True, slots=True)
class RunningItem:
    """An item as it stands: its price and quantity now."""

    id: uuid.UUID
    price: Price
    quantity: int


def running_items(subscription: Subscription) -> list[RunningItem]:
    """Return the items of a subscription read by this module, the plan's price first, ended ones left out."""
    found = []
    for item in subscription.items.all():
        terms = item.terms.all()[0]
        if terms.change != ItemTerms.Change.ENDED:
            found.append(RunningItem(item.id, terms.price, terms.quantity))
    return found


def waiting_changes(subscription: Subscription, kind: str = "") -> list[PendingChange]:
    """Return the changes of a subscription read by this module that wait, of a kind if one is given, the next first."""
    return [change for change in subscription.waiting if kind in ("", change.kind)]  # type: ignore[attr-defined]
