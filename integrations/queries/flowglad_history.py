"""A customer's whole history of invoices as plain rows: only the columns that are shown, in four statements.

Hundreds of invoices come in one answer, and as models they would cost more time than all the rest.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from billing.models import Payment, PaymentAttempt
from customers.models import Customer
from integrations.domain import flowglad_words as words
from invoicing.models import Invoice, InvoiceLine


class InvoiceRow(NamedTuple):
    """An invoice, by its columns."""

    id: uuid.UUID
    brand_id: uuid.UUID
    status: str
    number: str | None
    currency: str
    billing_type: str
    issue_date: date | None
    due_date: date | None
    due_moment_at: datetime
    supply_start: datetime | None
    supply_end: datetime | None
    sub_total_minor: int
    tax_total_minor: int
    notes: list[str]
    time_zone: str
    created_at: datetime
    finalized_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None


class LineRow(NamedTuple):
    """A line, by its columns, and what of its proof is shown."""

    invoice_id: uuid.UUID
    id: uuid.UUID
    item_id: uuid.UUID | None
    subscription_id: uuid.UUID | None
    kind: str
    description: str
    quantity: Decimal
    net_minor: int
    gross_minor: int
    tax_rate: Decimal
    tax_country: str
    proof__price: str | None
    proof__tax__parts: list[list[Any]] | None


class PaymentRow(NamedTuple):
    """A payment, by its columns."""

    invoice_id: uuid.UUID
    status: str
    amount_minor: int
    refunded_minor: int
    receipt__id: uuid.UUID | None


class _Attempt(NamedTuple):
    """The last try to charge an invoice."""

    invoice_id: uuid.UUID
    status: str
    failure_reason: str


@dataclass(frozen=True, slots=True)
class PastInvoice:
    """An invoice with its lines in their order, its payments, the oldest first, and why its last charge failed."""

    row: InvoiceRow
    lines: list[LineRow]
    payments: list[PaymentRow]
    failure: str | None

    @property
    def status(self) -> str:
        """Return the status in the neighbour's word, its payments looked at."""
        return words.invoice_status(
            self.row.status,
            paid_minor=sum(one.amount_minor for one in self.payments if one.status != Payment.Status.PENDING),
            refunded_minor=sum(one.refunded_minor for one in self.payments),
            is_pending=any(one.status == Payment.Status.PENDING for one in self.payments),
        )


OfInvoice = TypeVar("OfInvoice", LineRow, PaymentRow)


def list_invoices(customer: Customer) -> list[PastInvoice]:
    """Return all invoices of a customer in a currency the neighbour knows, newest first."""
    rows = Invoice.objects.filter(customer_id=customer.id).order_by("-id")
    lines = InvoiceLine.objects.filter(invoice__customer_id=customer.id).order_by("position")
    payments = Payment.objects.filter(invoice__customer_id=customer.id).order_by("id")
    attempts = PaymentAttempt.objects.filter(invoice__customer_id=customer.id).order_by("invoice_id", "-number")
    last = [_Attempt(*one) for one in attempts.distinct("invoice_id").values_list(*_Attempt._fields)]
    failures = {one.invoice_id: one.failure_reason for one in last if one.status == PaymentAttempt.Status.FAILED}
    lines_of = _by_invoice([LineRow(*one) for one in lines.values_list(*LineRow._fields)])
    payments_of = _by_invoice([PaymentRow(*one) for one in payments.values_list(*PaymentRow._fields)])
    return [
        PastInvoice(row, lines_of.get(row.id, []), payments_of.get(row.id, []), failures.get(row.id))
        for row in (InvoiceRow(*one) for one in rows.values_list(*InvoiceRow._fields))
        if row.currency in words.CURRENCIES
    ]


def _by_invoice(rows: list[OfInvoice]) -> dict[uuid.UUID, list[OfInvoice]]:
    found: dict[uuid.UUID, list[OfInvoice]] = {}
    for row in rows:
        found.setdefault(row.invoice_id, []).append(row)
    return found
