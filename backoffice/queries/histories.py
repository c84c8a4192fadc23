"""How subscriptions came to be as they are: what their items cost now, and everything that happened to them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billing.queries.timeline import Happening, list_timelines
from subscriptions.models import ItemTerms, PendingChange, Subscription


@dataclass(frozen=True, slots=True)
class SubscriptionHistory:
    """A subscription, what its items cost now, what waits, and how it came to be so, newest step first."""

    subscription: Subscription
    items: tuple[ItemTerms, ...]
    history: tuple[Happening, ...]
    waiting: tuple[PendingChange, ...] = ()


def list_histories(subscriptions: Sequence[Subscription]) -> list[SubscriptionHistory]:
    """Return subscriptions with their history, by a constant number of statements however many there are."""
    item_terms = ItemTerms.objects.filter(item__subscription__in=subscriptions).select_related(
        "item", "price__product", "price__metric"
    )
    current: dict[UUID, dict[UUID, ItemTerms]] = defaultdict(dict)
    for version in item_terms.order_by("item__position", "version"):
        current[version.item.subscription_id][version.item_id] = version
    waiting: dict[UUID, list[PendingChange]] = defaultdict(list)
    changes = PendingChange.objects.filter(subscription__in=subscriptions, settled_at__isnull=True)
    for change in changes.select_related("plan", "price__product").order_by("due_at", "id"):
        waiting[change.subscription_id].append(change)
    timelines = list_timelines([subscription.id for subscription in subscriptions])
    return [
        SubscriptionHistory(
            subscription,
            tuple(line for line in current[subscription.id].values() if line.quantity),
            tuple(reversed(timelines[subscription.id])),
            tuple(waiting[subscription.id]),
        )
        for subscription in subscriptions
    ]
