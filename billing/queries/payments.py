"""Reads of attempts, payments and receipts, and the locks that charging takes."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from billing.domain.payments import HARD_DECLINES, OPEN_ATTEMPT_STATUSES, AttemptStatus, FailureReason
from billing.models import DunningProcess, FoundCharge, Payment, PaymentAttempt, Receipt
from core.errors import NotFound
from core.models import TestClock
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice, InvoiceLine
from subscriptions.domain.lifecycle import Status
from subscriptions.models import Subscription

# The open attempts are looked up first, whatever the planner believes: right after a large run its statistics know
# nothing of them, and a join it would choose then takes seconds.
DUE_ATTEMPTS = """
WITH open_attempt AS MATERIALIZED (
    SELECT id, customer_id, invoice_id, provider, status, due_at, lease_until FROM billing_paymentattempt
    WHERE status = 'calling' OR (status = 'scheduled' AND due_at <= %(now)s)
), in_turn AS (
    SELECT attempt.*,
           row_number() OVER (PARTITION BY attempt.customer_id ORDER BY invoice.due_moment_at, attempt.id) AS turn
    FROM open_attempt attempt
    JOIN customers_customer customer
        ON customer.id = attempt.customer_id AND customer.test_clock_id IS NOT DISTINCT FROM %(clock)s
    LEFT JOIN invoicing_invoice invoice ON invoice.id = attempt.invoice_id
)
SELECT id FROM in_turn
WHERE turn = 1 AND (status = 'scheduled' OR lease_until < statement_timestamp()) AND provider <> ALL(%(paused)s)
ORDER BY due_at, id LIMIT %(limit)s
"""


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


def list_due_attempt_ids(
    now: datetime, *, limit: int, test_clock_id: uuid.UUID | None, paused_providers: Collection[str]
) -> list[uuid.UUID]:
    """Return the attempts that are due, or whose lease ran out, earliest due first; nothing is locked.

    `now` is judged by the customers' own clock: all must hang on the clock named, or on none. Of one customer only the
    oldest invoice's is returned: they are charged in turn (Billing rules, section 8, catch-up).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            DUE_ATTEMPTS, {"now": now, "clock": test_clock_id, "paused": list(paused_providers), "limit": limit}
        )
        return [row[0] for row in cursor.fetchall()]


def lock_due_attempts(attempt_ids: Iterable[uuid.UUID], now: datetime) -> list[PaymentAttempt]:
    """Lock those of the attempts that are still due, and their customers, leaving out what others hold."""
    still_due = Q(status=AttemptStatus.SCHEDULED, due_at__lte=now) | Q(
        status=AttemptStatus.CALLING, lease_until__lt=Now()
    )
    attempts = PaymentAttempt.objects.filter(still_due, id__in=list(attempt_ids)).select_related("customer__brand")
    return list(attempts.select_for_update(skip_locked=True, of=("self", "customer"), no_key=True).order_by("due_at"))


def lock_attempts(attempt_ids: Iterable[uuid.UUID], *, wait: bool = True) -> list[PaymentAttempt]:
    """Lock the attempts' customers and return the attempts as they are then, with invoice and payment.

    Without `wait` the attempts of customers whom others hold are left out: whoever wants several customers at once
    must not wait for one while holding another.
    """
    wanted = list(attempt_ids)
    customer_ids = PaymentAttempt.objects.filter(id__in=wanted).values("customer_id")
    customers = Customer.objects.filter(id__in=customer_ids).select_for_update(no_key=True, skip_locked=not wait)
    locked = list(customers.order_by("id").values_list("id", flat=True))
    attempts = PaymentAttempt.objects.filter(id__in=wanted, customer_id__in=locked).order_by("id")
    return list(attempts.select_related("customer__brand", "invoice", "payment"))


def has_live_lease(attempt: PaymentAttempt) -> bool:
    """Tell whether a worker holds the attempt now, by the database's clock."""
    held = PaymentAttempt.objects.filter(id=attempt.id, status=AttemptStatus.CALLING, lease_until__gte=Now())
    return held.exists()


def find_open_attempt(invoice_id: uuid.UUID) -> PaymentAttempt | None:
    """Return the invoice's attempt whose outcome is not known yet, None when there is none."""
    open_attempts = PaymentAttempt.objects.filter(invoice_id=invoice_id, status__in=OPEN_ATTEMPT_STATUSES)
    return open_attempts.select_related("customer__brand").first()


def is_being_charged(invoice_id: uuid.UUID) -> bool:
    """Tell whether an invoice has a payment on its way."""
    return Payment.objects.filter(invoice_id=invoice_id, status=Payment.Status.PENDING).exists()


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


def providers_of_found_charges(idempotency_keys: Iterable[str]) -> dict[str, str]:
    """Return, by key, the provider that has a charge these rows do not show; keys without one are left out."""
    found = FoundCharge.objects.filter(idempotency_key__in=list(idempotency_keys))
    return dict(found.values_list("idempotency_key", "provider"))


def find_refused_attempt(invoice_id: uuid.UUID) -> PaymentAttempt | None:
    """Return the last failed attempt when its reason forbids another try with the same card, else None."""
    last = find_last_attempt(invoice_id)
    return last if last is not None and (last.is_hard or last.failure_reason in HARD_DECLINES) else None


def subscriptions_of_invoices(invoice_ids: Iterable[uuid.UUID], statuses: Collection[str]) -> set[uuid.UUID]:
    """Return the subscriptions in these statuses that the invoices' lines charge."""
    lines = InvoiceLine.objects.filter(invoice_id__in=list(invoice_ids), subscription__status__in=statuses)
    return set(lines.values_list("subscription_id", flat=True))


def subscriptions_with_failed_invoices(subscription_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the subscriptions that are on an open invoice with a failed attempt, or that is overdue."""
    failed = PaymentAttempt.objects.filter(invoice_id=OuterRef("invoice_id"), status=AttemptStatus.FAILED)
    overdue = DunningProcess.objects.filter(invoice_id=OuterRef("invoice_id"), kind=DunningProcess.Kind.OVERDUE)
    lines = InvoiceLine.objects.filter(
        Exists(failed) | Exists(overdue),
        subscription_id__in=list(subscription_ids),
        invoice__status=Invoice.Status.OPEN,
        invoice__amount_due_minor__gt=0,
    )
    return {one for one in lines.values_list("subscription_id", flat=True) if one is not None}


def subscriptions_of_enabled(subscription_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the subscriptions that are disabled while their customers are not."""
    disabled = Subscription.objects.filter(
        id__in=list(subscription_ids),
        status=Status.OVERDUE_PAYMENT_DISABLED,
        customer__status=Customer.Status.ACTIVE,
    )
    return set(disabled.values_list("id", flat=True))


def list_waiting_attempts(customer_ids: Iterable[uuid.UUID], now: datetime) -> QuerySet[PaymentAttempt]:
    """Return the customers' attempts that are due and not yet claimed."""
    return PaymentAttempt.objects.filter(
        customer_id__in=list(customer_ids), status=AttemptStatus.SCHEDULED, due_at__lte=now
    ).order_by(F("due_at"))


def unwanted_confirmations() -> QuerySet[PaymentAttempt]:
    """Return the attempts that wait for a confirmation of which nothing is wanted any more, and that nobody holds."""
    failed = PaymentAttempt.objects.filter(
        status=AttemptStatus.FAILED, failure_reason=FailureReason.AUTHENTICATION_REQUIRED, withdrawn_at__isnull=True
    )
    return failed.filter(
        Q(invoice__isnull=True) | Q(invoice__status__in=(Invoice.Status.PAID, Invoice.Status.VOID)),
        Q(lease_until__isnull=True) | Q(lease_until__lt=Now()),
    )


def list_unwanted_confirmations(*, limit: int, paused_providers: Iterable[str]) -> list[PaymentAttempt]:
    """Return the oldest of them, each with its customer; nothing is locked."""
    found = unwanted_confirmations().exclude(provider__in=list(paused_providers)).select_related("customer")
    return list(found.order_by("id")[:limit])


def list_clocks_with_work() -> list[tuple[uuid.UUID, datetime]]:
    """Return the test clocks that stand still while an attempt of their customers is due, each with its moment."""
    clocks = TestClock.objects.filter(
        customers__payment_attempts__status__in=OPEN_ATTEMPT_STATUSES,
        customers__payment_attempts__due_at__lte=F("now_at"),
        status=TestClock.Status.READY,
    )
    return list(clocks.distinct().values_list("id", "now_at"))
