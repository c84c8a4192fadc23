"""Everything one customer's page shows; the newest rows of each kind."""

from uuid import UUID

from backoffice.queries.histories import SubscriptionHistory, list_histories
from billing.models import ParkedCustomer, Payment, PaymentAttempt
from customers.models import Agenda, PaymentMethod
from invoicing.models import CreditNote, Invoice
from ledger.models import CustomerBalance
from subscriptions.models import Subscription, VoucherRedemption

SHOWN = 20


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
    """Return a customer's newest subscriptions with their history."""
    subscriptions = Subscription.objects.filter(customer_id=customer_id).select_related("plan")
    return list_histories(list(subscriptions.order_by("-id")[:SHOWN]))
