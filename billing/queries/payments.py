"""Reads of attempts, payments and receipts, and the locks that charging takes."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from billing.domain.payments import HARD_DECLINES, OPEN_ATTEMPT_STATUSES, AttemptStatus
from billing.models import Payment, PaymentAttempt, Receipt
from core.errors import NotFound
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice, InvoiceLine


def get_payment(payment_id: uuid.UUID) -> Payment:
    """Return a payment with its customer. Raises NotFound."""
    payment = Payment.objects.select_related("customer__brand", "invoice").filter(id=payment_id).first()
    if payment is None:
        raise NotFound(f"No payment has the id {payment_id}.")
    return payment


def list_payments(customer_id: uuid.UUID | None = None) -> QuerySet[Payment]:
    """Return payments, newest first, of one customer when it is named."""
    payments = Payment.objects.select_related("customer__brand").order_by("-id")
    return payments if customer_id is None else payments.filter(customer_id=customer_id)


def list_attempts(
    *, customer_id: uuid.UUID | None = None, invoice_id: uuid.UUID | None = None
) -> QuerySet[PaymentAttempt]:
    """Return attempts, newest first, of one customer or invoice when it is named."""
    attempts = PaymentAttempt.objects.select_related("customer").order_by("-id")
    if customer_id is not None:
        attempts = attempts.filter(customer_id=customer_id)
    return attempts if invoice_id is None else attempts.filter(invoice_id=invoice_id)


def get_receipt(receipt_id: uuid.UUID) -> Receipt:
    """Return a receipt with its payment, invoice and customer. Raises NotFound."""
    receipts = Receipt.objects.select_related("payment__customer__brand", "payment__invoice")
    receipt = receipts.filter(id=receipt_id).first()
    if receipt is None:
        raise NotFound(f"No receipt has the id {receipt_id}.")
    return receipt


def get_invoice(invoice_id: uuid.UUID) -> Invoice:
    """Return an invoice. Raises NotFound."""
    invoice = Invoice.objects.filter(id=invoice_id).first()
    if invoice is None:
        raise NotFound(f"No invoice has the id {invoice_id}.")
    return invoice


def get_attempt(attempt_id: uuid.UUID) -> PaymentAttempt:
    """Return an attempt. Raises NotFound."""
    attempt = PaymentAttempt.objects.filter(id=attempt_id).first()
    if attempt is None:
        raise NotFound(f"No payment attempt has the id {attempt_id}.")
    return attempt


def lock_due_attempts(
    now: datetime, *, limit: int, test_clock_id: uuid.UUID | None, paused_providers: Collection[str]
) -> list[PaymentAttempt]:
    """Lock attempts that are due or whose lease ran out, and their customers, leaving out what others hold.

    `now` is judged by the customers' own clock: all must hang on the clock named, or on none. Of one customer's due
    attempts only the oldest invoice's is taken: they are charged in turn (Billing rules, section 8, catch-up).
    """
    due = Q(status=AttemptStatus.SCHEDULED, due_at__lte=now)
    before = PaymentAttempt.objects.filter(
        due | Q(status=AttemptStatus.CALLING),
        Q(invoice__due_moment_at__lt=OuterRef("invoice__due_moment_at"))
        | Q(invoice__due_moment_at=OuterRef("invoice__due_moment_at"), id__lt=OuterRef("id")),
        customer_id=OuterRef("customer_id"),
    )
    attempts = (
        PaymentAttempt.objects.filter(due | Q(status=AttemptStatus.CALLING, lease_until__lt=Now()))
        .filter(~Exists(before), customer__test_clock_id=test_clock_id)
        .exclude(provider__in=paused_providers)
        .select_related("customer__brand")
        .select_for_update(skip_locked=True, of=("self", "customer"), no_key=True)
        .order_by("due_at")
    )
    return list(attempts[:limit])


def lock_attempts(attempt_ids: Iterable[uuid.UUID]) -> list[PaymentAttempt]:
    """Lock the attempts' customers, in id order, and return the attempts as they are then, with invoice and payment."""
    wanted = list(attempt_ids)
    customer_ids = PaymentAttempt.objects.filter(id__in=wanted).values("customer_id")
    list(Customer.objects.filter(id__in=customer_ids).order_by("id").select_for_update(no_key=True).values_list("id"))
    attempts = PaymentAttempt.objects.filter(id__in=wanted).order_by("id")
    return list(attempts.select_related("customer__brand", "invoice", "payment"))


def has_live_lease(attempt: PaymentAttempt) -> bool:
    """Tell whether a worker holds the attempt now, by the database's clock."""
    held = PaymentAttempt.objects.filter(id=attempt.id, status=AttemptStatus.CALLING, lease_until__gte=Now())
    return held.exists()


def find_open_attempt(invoice_id: uuid.UUID) -> PaymentAttempt | None:
    """Return the invoice's attempt whose outcome is not known yet, None when there is none."""
    open_attempts = PaymentAttempt.objects.filter(invoice_id=invoice_id, status__in=OPEN_ATTEMPT_STATUSES)
    return open_attempts.select_related("customer__brand").first()


def find_last_attempt(invoice_id: uuid.UUID) -> PaymentAttempt | None:
    """Return the invoice's latest attempt, None when there is none."""
    return PaymentAttempt.objects.filter(invoice_id=invoice_id).order_by("-number").first()


def count_first_attempts(customer_id: uuid.UUID, key_stem: str) -> int:
    """Return how many invoices of one customer's due moment were tried already."""
    first = PaymentAttempt.objects.filter(customer_id=customer_id, number=1, idempotency_key__startswith=key_stem)
    return first.count()


def cards_by_id(card_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PaymentMethod]:
    """Return cards that were not removed, by id."""
    return {card.id: card for card in PaymentMethod.objects.filter(id__in=set(card_ids), removed_at__isnull=True)}


def default_cards(customer_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PaymentMethod]:
    """Return the default cards by customer."""
    cards = PaymentMethod.objects.filter(customer_id__in=set(customer_ids), is_default=True, removed_at__isnull=True)
    return {card.customer_id: card for card in cards}


def find_refused_attempt(invoice_id: uuid.UUID) -> PaymentAttempt | None:
    """Return the last failed attempt when its reason forbids another try with the same card, else None."""
    last = find_last_attempt(invoice_id)
    return last if last is not None and last.failure_reason in HARD_DECLINES else None


def subscriptions_of_invoices(invoice_ids: Iterable[uuid.UUID], statuses: Collection[str]) -> set[uuid.UUID]:
    """Return the subscriptions in these statuses that the invoices' lines charge."""
    lines = InvoiceLine.objects.filter(invoice_id__in=list(invoice_ids), subscription__status__in=statuses)
    return set(lines.values_list("subscription_id", flat=True))


def subscriptions_with_failed_invoices(subscription_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the subscriptions that are on an open invoice with a failed attempt."""
    failed = PaymentAttempt.objects.filter(invoice_id=OuterRef("invoice_id"), status=AttemptStatus.FAILED)
    lines = InvoiceLine.objects.filter(
        Exists(failed),
        subscription_id__in=list(subscription_ids),
        invoice__status=Invoice.Status.OPEN,
        invoice__amount_due_minor__gt=0,
    )
    return set(lines.values_list("subscription_id", flat=True))


def list_waiting_attempts(customer_ids: Iterable[uuid.UUID], now: datetime) -> QuerySet[PaymentAttempt]:
    """Return the customers' attempts that are due and not yet claimed."""
    return PaymentAttempt.objects.filter(
        customer_id__in=list(customer_ids), status=AttemptStatus.SCHEDULED, due_at__lte=now
    ).order_by(F("due_at"))
