"""Everything one customer's page shows; the newest rows of each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.models import ParkedCustomer, Payment, PaymentAttempt
from customers.models import Agenda, PaymentMethod
from invoicing.models import CreditNote, Invoice
from ledger.models import CustomerBalance
from subscriptions.models import ItemTerms, Subscription, SubscriptionEvent, SubscriptionTerms, VoucherRedemption

SHOWN = 20


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


def list_balances(customer_id: UUID) -> list[CustomerBalance]:
    """Return a customer's running totals by currency."""
    return list(CustomerBalance.objects.filter(customer_id=customer_id).order_by("currency"))


def find_agenda(customer_id: UUID) -> Agenda | None:
    """Return when the customer is due, or None."""
    return Agenda.objects.filter(pk=customer_id).first()


def find_parked(customer_id: UUID) -> ParkedCustomer | None:
    """Return why the last run left the customer out, or None."""
    return ParkedCustomer.objects.filter(pk=customer_id).first()


def list_payment_methods(customer_id: UUID) -> list[PaymentMethod]:
    """Return a customer's cards, the default first and the removed last."""
    cards = PaymentMethod.objects.filter(customer_id=customer_id)
    return sorted(cards, key=lambda card: (card.removed_at is not None, not card.is_default))


def list_invoices(customer_id: UUID) -> list[Invoice]:
    """Return a customer's newest invoices."""
    return list(Invoice.objects.filter(customer_id=customer_id).order_by("-id")[:SHOWN])


def list_payments(customer_id: UUID) -> list[Payment]:
    """Return a customer's newest payments."""
    payments = Payment.objects.filter(customer_id=customer_id)
    return list(payments.select_related("invoice", "payment_method").order_by("-id")[:SHOWN])


def list_attempts(customer_id: UUID) -> list[PaymentAttempt]:
    """Return the newest tries to charge a customer."""
    attempts = PaymentAttempt.objects.filter(customer_id=customer_id)
    return list(attempts.select_related("invoice", "payment_method").order_by("-id")[:SHOWN])


def list_credit_notes(customer_id: UUID) -> list[CreditNote]:
    """Return a customer's newest credit notes."""
    return list(CreditNote.objects.filter(customer_id=customer_id).order_by("-id")[:SHOWN])


def list_redemptions(customer_id: UUID) -> list[VoucherRedemption]:
    """Return the vouchers a customer redeemed, newest first."""
    redemptions = VoucherRedemption.objects.filter(customer_id=customer_id)
    return list(redemptions.select_related("voucher").order_by("-id")[:SHOWN])


def list_subscriptions(customer_id: UUID) -> list[SubscriptionHistory]:
    """Return a customer's newest subscriptions with their history, in four statements however many there are."""
    subscriptions = list(
        Subscription.objects.filter(customer_id=customer_id).select_related("plan").order_by("-id")[:SHOWN]
    )
    terms = SubscriptionTerms.objects.filter(subscription__in=subscriptions).select_related("plan")
    item_terms = ItemTerms.objects.filter(item__subscription__in=subscriptions).select_related("item", "price__product")
    events = SubscriptionEvent.objects.filter(subscription__in=subscriptions)
    return _with_histories(subscriptions, list(terms), list(item_terms.order_by("item", "version")), list(events))


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
                f"{line.quantity} × {line.price.product}{seats}",
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
            tuple(sorted(happenings[subscription.id], key=lambda happening: happening.at, reverse=True)),
        )
        for subscription in subscriptions
    ]
