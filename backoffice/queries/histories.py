"""How subscriptions came to be as they are: versions of their terms, seats and statuses in one line of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from subscriptions.models import ItemTerms, Subscription, SubscriptionEvent, SubscriptionTerms


@dataclass(frozen=True, slots=True)
class Happening:
    """One step of a subscription's history."""

    at: datetime
    what: str
    details: str
    actor: str


@dataclass(frozen=True, slots=True)
class SubscriptionHistory:
    """A subscription, what its items cost now, and how it came to be so, newest step first."""

    subscription: Subscription
    items: tuple[ItemTerms, ...]
    history: tuple[Happening, ...]


def list_histories(subscriptions: Sequence[Subscription]) -> list[SubscriptionHistory]:
    """Return subscriptions with their history, in three statements however many there are."""
    terms = SubscriptionTerms.objects.filter(subscription__in=subscriptions).select_related("plan")
    item_terms = ItemTerms.objects.filter(item__subscription__in=subscriptions).select_related(
        "item", "price__product", "price__metric"
    )
    events = SubscriptionEvent.objects.filter(subscription__in=subscriptions)
    return _with_histories(subscriptions, terms, item_terms.order_by("item__position", "version"), events)


def _with_histories(
    subscriptions: Sequence[Subscription],
    terms: Iterable[SubscriptionTerms],
    item_terms: Iterable[ItemTerms],
    events: Iterable[SubscriptionEvent],
) -> list[SubscriptionHistory]:
    """Give each subscription its own rows."""
    happenings: dict[UUID, list[Happening]] = {subscription.id: [] for subscription in subscriptions}
    current: dict[UUID, dict[UUID, ItemTerms]] = {subscription.id: {} for subscription in subscriptions}
    for version in terms:
        happenings[version.subscription_id].append(
            Happening(
                version.from_at,
                f"Terms {version.version}: {version.get_phase_display().lower()}",
                f"{version.plan}, {version.reason.replace('_', ' ')}",
                version.actor,
            )
        )
    for line in item_terms:
        current[line.item.subscription_id][line.item_id] = line
        seats = f", {line.delta:+} seats" if line.delta and line.change != ItemTerms.Change.STARTED else ""
        happenings[line.item.subscription_id].append(
            Happening(
                line.from_at,
                f"Item {line.item.position}: {line.get_change_display().lower()}",
                f"{line.quantity} × {line.price.metric or line.price.product}{seats}",
                line.actor,
            )
        )
    for event in events:
        words = " → ".join(status.replace("_", " ") for status in (event.from_status, event.to_status) if status)
        happenings[event.subscription_id].append(
            Happening(event.happened_at, event.action.replace("_", " ").capitalize(), words, event.actor)
        )
    return [
        SubscriptionHistory(
            subscription,
            tuple(line for line in current[subscription.id].values() if line.quantity),
            tuple(reversed(sorted(happenings[subscription.id], key=lambda happening: happening.at))),
        )
        for subscription in subscriptions
    ]
