"""The values a message can be filled with: texts, written as its reader writes amounts and days."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from billing.models import Payment, PaymentAttempt, Receipt, Refund
from core.domain.schedule import local_date
from core.models import OutboxEvent
from customers.models import Brand, Customer, PaymentMethod
from invoicing.documents.formats import Formats
from invoicing.models import Invoice, Quote
from notifications.domain.messages import MessageKind
from subscriptions.models import Subscription

EXAMPLE = {
    "customer_name": "Alice Example", "brand_name": "Example", "invoice_number": "INV-2026-000014", "total": "€11.90",
    "amount": "€11.90", "amount_due": "€11.90", "due_date": "January 31, 2026", "receipt_number": "RCT-2026-000014",
    "try_number": "2", "next_try_date": "February 3, 2026", "card_brand": "Visa", "last_four": "4242",
    "expiry": "03/2026", "plan_name": "Team", "trial_end_date": "January 31, 2026", "reminder_number": "1",
    "renewal_date": "January 31, 2026", "end_date": "January 31, 2026", "quote_name": "Training",
    "expiry_date": "January 31, 2026", "link": "https://example.com/", "reason": "lack_of_funds",
    "charge_date": "March 15, 2026", "trial_stands_alone": "", "card_wanted": "",
}  # fmt: skip
"""What a preview is filled with; every name that a template can use."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a message is about: its values, and the paper that goes with it."""

    values: dict[str, str]
    paper: tuple[str, uuid.UUID] | None = None


class NothingToTell(Exception):
    """What the message was about is gone."""


def values_of(kind: MessageKind, fact: OutboxEvent, customer: Customer) -> Told:
    """Return the values of a message. Raises NothingToTell when its object is gone."""
    reader = _Reader(customer, fact)
    told = _READ[kind](reader)
    brand = customer.brand
    common = {
        "customer_name": customer.name or customer.company_name,
        "brand_name": brand.name,
        "colour": brand.colour,
    }
    return Told({**common, **{name: text for name, text in told.values.items() if text}}, told.paper)


class _Reader:
    """Reads what a fact is about, and writes it in the customer's way."""

    def __init__(self, customer: Customer, fact: OutboxEvent) -> None:
        self.customer = customer
        self.brand: Brand = customer.brand
        self.fact = fact
        self.payload: Mapping[str, Any] = fact.payload

    def formats(self, currency: str) -> Formats:
        return Formats(self.customer.locale, currency)

    def day(self, moment: datetime | str | None) -> str:
        """Write the day of a moment in the customer's zone; empty without one."""
        if not moment:
            return ""
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return self.formats(self.brand.currency).day(local_date(at, self.customer.zone))

    def find(self, rows: Any) -> Any:
        """Return the fact's object. Raises NothingToTell."""
        row = rows.filter(id=self.fact.object_id).first()
        if row is None:
            raise NothingToTell
        return row

    def invoice_values(self, invoice: Invoice) -> dict[str, str]:
        write = self.formats(invoice.currency)
        return {
            "invoice_number": invoice.number or "",
            "total": write.money(invoice.total_minor),
            "amount_due": write.money(invoice.amount_due_minor) if invoice.amount_due_minor > 0 else "",
            "due_date": write.day(invoice.due_date) if invoice.due_date else "",
        }


def _invoice(reader: _Reader) -> Told:
    invoice = reader.find(Invoice.objects)
    return Told(reader.invoice_values(invoice), ("invoice", invoice.id))


def _receipt(reader: _Reader) -> Told:
    payment = reader.find(Payment.objects.select_related("invoice"))
    receipt = Receipt.objects.filter(payment=payment).first()
    amount = reader.formats(payment.currency).money(payment.amount_minor)
    values = {
        "amount": amount,
        "invoice_number": (payment.invoice.number or "") if payment.invoice else "",
        "receipt_number": receipt.number if receipt else "",
    }
    return Told(values, ("receipt", receipt.id) if receipt else None)


def _payment_failed(reader: _Reader) -> Told:
    invoice = reader.find(Invoice.objects)
    payload = reader.payload
    attempt_id = payload.get("payment_attempt")
    attempt = PaymentAttempt.objects.filter(id=str(attempt_id)).first() if attempt_id else None
    amount = attempt.amount_minor if attempt else invoice.amount_due_minor
    values = {
        **reader.invoice_values(invoice),
        "amount": reader.formats(invoice.currency).money(amount),
        "try_number": str(payload.get("attempt_number") or (attempt.number if attempt else "")),
        "next_try_date": "" if payload.get("final") else reader.day(payload.get("next_retry_at")),
        "reason": str(payload.get("reason") or payload.get("failure_reason") or ""),
        "link": str(payload.get("authentication_url") or ""),
    }
    return Told(values)


def _action_required(reader: _Reader) -> Told:
    values = reader.invoice_values(reader.find(Invoice.objects))
    return Told({**values, "link": str(reader.payload.get("authentication_url") or reader.payload.get("url") or "")})


def _overdue(reader: _Reader) -> Told:
    invoice = reader.find(Invoice.objects)
    number = reader.payload.get("reminder_number") or ""
    return Told({**reader.invoice_values(invoice), "reminder_number": str(number)}, ("invoice", invoice.id))


def _card_expiring(reader: _Reader) -> Told:
    card = reader.find(PaymentMethod.objects)
    expiry = f"{card.expiry_month:02}/{card.expiry_year}" if card.expiry_month and card.expiry_year else ""
    values = {
        "card_brand": card.brand.capitalize(),
        "last_four": card.last_four,
        "expiry": expiry,
        "charge_date": reader.day(reader.payload.get("charge_at")),
    }
    return Told(values)


def _subscription(name: str, *columns: str) -> Callable[[_Reader], Told]:
    """Return a reader of a subscription's plan and of the first of some moments, by the payload or by its columns."""

    def read(reader: _Reader) -> Told:
        subscription = reader.find(Subscription.objects.select_related("plan"))
        moments = (reader.payload.get(column) or getattr(subscription, column, None) for column in columns)
        return Told({"plan_name": subscription.plan.name, name: reader.day(next(filter(None, moments), None))})

    return read


def _trial_ending(reader: _Reader) -> Told:
    """Return a trial with what its customer has to do to go on: choose a plan, add a card, or nothing."""
    told = _subscription("trial_end_date", "trial_end", "trial_end_at")(reader)
    subscription = reader.find(Subscription.objects.select_related("plan"))
    is_card = reader.customer.billing_type == Customer.BillingType.CARD
    cards = PaymentMethod.objects.filter(customer=reader.customer, removed_at__isnull=True)
    usable = cards.filter(Q(is_default=True) | Q(id=subscription.payment_method_id))
    values = {
        "trial_stands_alone": "yes" if subscription.plan.is_trial_standalone else "",
        "card_wanted": "yes" if is_card and not usable.exists() else "",
    }
    return Told({**told.values, **values})


def _disabled(reader: _Reader) -> Told:
    return Told({"reason": str(reader.payload.get("reason") or "")})


def _refund(reader: _Reader) -> Told:
    refund = reader.find(Refund.objects)
    return Told({"amount": reader.formats(refund.currency).money(refund.amount_minor)})


def _quote(reader: _Reader) -> Told:
    quote = reader.find(Quote.objects)
    write = reader.formats(quote.currency)
    values = {
        "quote_name": quote.name,
        "total": write.money(quote.total_minor),
        "expiry_date": reader.day(quote.expires_at),
    }
    return Told(values)


_READ: Mapping[MessageKind, Callable[[_Reader], Told]] = {
    MessageKind.INVOICE: _invoice,
    MessageKind.RECEIPT: _receipt,
    MessageKind.PAYMENT_FAILED: _payment_failed,
    MessageKind.PAYMENT_ACTION_REQUIRED: _action_required,
    MessageKind.INVOICE_OVERDUE: _overdue,
    MessageKind.CARD_EXPIRING: _card_expiring,
    MessageKind.TRIAL_ENDING: _trial_ending,
    MessageKind.RENEWAL_AHEAD: _subscription("renewal_date", "renews_at", "current_period_end"),
    MessageKind.SUBSCRIPTION_CANCELLED: _subscription("end_date", "ended_at"),
    MessageKind.CUSTOMER_DISABLED: _disabled,
    MessageKind.REFUND_ISSUED: _refund,
    MessageKind.QUOTE: _quote,
}
