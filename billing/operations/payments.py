"""Take money in: onto the invoice and the customer's balance, into the books, with a receipt and the facts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from billing.domain.payments import AttemptAction, AttemptStatus, next_attempt_status, split_payment
from billing.domain.postings import ReceivedMoney, payment_entry
from billing.models import Payment, PaymentAttempt
from billing.operations import standing
from billing.operations.receipts import issue_receipts
from billing.providers.registry import MANUAL
from billing.queries import payments as payment_queries
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.errors import Conflict, Invalid
from core.operations import emit, require_transaction
from core.updating import update_rows
from customers import queries as customer_queries
from customers.models import Brand
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.domain.write_offs import recover
from invoicing.models import Invoice
from invoicing.queries import write_offs as write_off_queries
from ledger import operations as ledger_operations
from ledger.domain.entry import EntryDraft

ONE_PAYMENT_PER_REFERENCE = "one_payment_per_provider_reference"
RECEIVABLE_STATUSES = frozenset({Invoice.Status.OPEN, Invoice.Status.PAID, Invoice.Status.UNCOLLECTIBLE})


@dataclass(frozen=True, slots=True)
class Income:
    """A payment that came in at `paid_at` for an invoice of a brand; its own row is written by the caller."""

    payment: Payment
    invoice: Invoice
    brand: Brand
    paid_at: datetime


def take_in(incomes: Sequence[Income], facts: Sequence[OutboxDraft], now: datetime) -> None:
    """Put payments onto their invoices, what is over onto the balances; post, number the receipts, emit the facts.

    What comes in for an invoice given up as uncollectible brings that back. The last step of the caller's transaction,
    because it locks the receipts' series. The caller holds the customers' locks and has written the payments; `facts`
    are emitted before the ones made here. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    made = [*facts]
    entries = []
    for income in incomes:
        entries.append(_put_onto_invoice(income))
        invoice = income.invoice
        made.append(_fact("payment.succeeded", "payment", income.payment.id, income))
        wants_nothing = not invoice.amount_due_minor and not invoice.written_off_minor
        if invoice.status in {Invoice.Status.OPEN, Invoice.Status.UNCOLLECTIBLE} and wants_nothing:
            invoice.status = next_invoice_status(invoice.status, InvoiceAction.PAY)
            invoice.paid_at = income.paid_at
            made.append(_fact("invoice.paid", "invoice", invoice.id, income))
    invoices = [income.invoice for income in incomes]
    update_rows(invoices, ["amount_paid_minor", "amount_due_minor", "written_off_minor", "status", "paid_at"])
    made += standing.mark_paid([invoice.id for invoice in invoices if invoice.status == Invoice.Status.PAID], now)
    ledger_operations.post_entries(entries)
    issue_receipts([(income.payment, income.brand) for income in incomes], now)
    emit(*made)


def take_onto_balance(payment: Payment, brand: Brand, now: datetime) -> None:
    """Put a payment without an invoice onto the customer's balance: post it, number its receipt, tell it.

    The last step of the caller's transaction, the customer locked and the payment written. Raises RuntimeError outside
    a transaction.
    """
    require_transaction()
    split = split_payment(payment.amount_minor, 0)
    money = ReceivedMoney(payment.id, payment.customer_id, payment.currency, split, payment.fee_minor)
    accounting_date = local_date(now, brand.time_zone)
    ledger_operations.post_entries([payment_entry(money, posted_at=now, accounting_date=accounting_date)])
    issue_receipts([(payment, brand)], now)
    payload = {
        "customer": str(payment.customer_id),
        "invoice": None,
        "invoice_number": None,
        "payment": str(payment.id),
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "amount_due": 0,
    }
    emit(OutboxDraft("payment.succeeded", "payment", payment.id, now, payload))


def _put_onto_invoice(income: Income) -> EntryDraft:
    """Take a payment off what its invoice asks for, or off what of it was given up; return the entry."""
    payment, invoice = income.payment, income.invoice
    split = split_payment(payment.amount_minor, invoice.amount_due_minor or invoice.written_off_minor)
    recovered = None
    if invoice.written_off_minor and split.to_invoice_minor:
        given_up = write_off_queries.given_up(invoice.id)
        before_minor = given_up.amount_minor - invoice.written_off_minor
        recovered = recover(given_up, before_minor=before_minor, amount_minor=split.to_invoice_minor)
        invoice.written_off_minor -= split.to_invoice_minor
    else:
        invoice.amount_due_minor -= split.to_invoice_minor
    invoice.amount_paid_minor += split.to_invoice_minor
    money = ReceivedMoney(payment.id, payment.customer_id, payment.currency, split, payment.fee_minor, recovered)
    accounting_date = local_date(income.paid_at, income.brand.time_zone)
    return payment_entry(money, posted_at=income.paid_at, accounting_date=accounting_date)


def record_transfer(
    *, invoice_id: uuid.UUID, amount_minor: int, currency: str, paid_at: datetime, reference: str, now: datetime
) -> Payment:
    """Record money that arrived outside a provider; what is over goes to the customer's balance.

    `reference` is the bank's own reference of the transfer: the same one is refused twice. Raises NotFound; Invalid
    for another currency, an amount not above 0 or a moment ahead; Conflict for an invoice that cannot be paid or a
    transfer known already.
    """
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        customer = customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        invoice = payment_queries.get_invoice(invoice_id)
        _check_transfer(invoice, amount_minor, currency, paid_at, now)
        payment = Payment(
            customer=customer,
            invoice=invoice,
            provider=MANUAL,
            external_reference=reference,
            status=Payment.Status.COMPLETED,
            currency=currency,
            amount_minor=amount_minor,
            created_at=now,
            completed_at=paid_at,
        )
        _insert_transfer(payment)
        if amount_minor >= invoice.amount_due_minor:
            cancel_scheduled(invoice)
        take_in([Income(payment, invoice, customer.brand, paid_at)], (), now)
    return payment


def _insert_transfer(payment: Payment) -> None:
    """Insert a transfer, unless its reference is known. Raises Conflict."""
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as refusal:
        breach = refusal.__cause__
        if not isinstance(breach, UniqueViolation) or breach.diag.constraint_name != ONE_PAYMENT_PER_REFERENCE:
            raise
        raise Conflict(
            f"A transfer with the reference {payment.external_reference} is recorded already.",
            code="duplicate_transfer",
        ) from refusal


def _check_transfer(invoice: Invoice, amount_minor: int, currency: str, paid_at: datetime, now: datetime) -> None:
    if invoice.status not in RECEIVABLE_STATUSES:
        raise Conflict(f"An invoice that is {invoice.status} takes no payment.", code="invoice_not_open")
    faults = {}
    if currency != invoice.currency:
        faults["currency"] = f"The invoice is in {invoice.currency}."
    if amount_minor <= 0:
        faults["amount"] = "The amount must be above 0."
    if paid_at > now:
        faults["paid_at"] = "The moment lies ahead."
    if faults:
        raise Invalid("The transfer cannot be recorded.", fields=faults)


def cancel_scheduled(invoice: Invoice) -> None:
    """Cancel an invoice's attempt that waits for its day, in the caller's transaction, the customer locked.

    One being called is settled when its answer comes.
    """
    require_transaction()
    waiting = PaymentAttempt.objects.filter(invoice=invoice, status=AttemptStatus.SCHEDULED)
    waiting.update(status=next_attempt_status(AttemptStatus.SCHEDULED, AttemptAction.CANCEL))


def _fact(type_: str, object_kind: str, object_id: uuid.UUID, income: Income) -> OutboxDraft:
    payment, invoice = income.payment, income.invoice
    payload = {
        "customer": str(payment.customer_id),
        "invoice": str(invoice.id),
        "invoice_number": invoice.number,
        "payment": str(payment.id),
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "amount_due": invoice.amount_due_minor,
    }
    return OutboxDraft(type_, object_kind, object_id, income.paid_at, payload)
