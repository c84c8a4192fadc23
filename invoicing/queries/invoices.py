"""Reads of invoices with what their answers show, by a constant number of statements."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from core.errors import NotFound
from core.search import text_condition
from customers import queries as customers_queries
from invoicing.models import Invoice, InvoiceLine


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list of invoices is narrowed to; what is empty narrows nothing."""

    status: str = ""
    customer_id: uuid.UUID | None = None
    number: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


def list_invoices(wanted: InvoiceFilter | None = None) -> QuerySet[Invoice]:
    """Return invoices with their customer and lines, newest first."""
    wanted = wanted or InvoiceFilter()
    lines = InvoiceLine.objects.order_by("position")
    invoices = Invoice.objects.select_related("customer__brand").prefetch_related(Prefetch("lines", queryset=lines))
    if wanted.status:
        invoices = invoices.filter(status=wanted.status)
    if wanted.customer_id is not None:
        invoices = invoices.filter(customer_id=wanted.customer_id)
    if wanted.number:
        invoices = invoices.filter(text_condition("number", wanted.number))
    if wanted.created_from is not None:
        invoices = invoices.filter(created_at__gte=wanted.created_from)
    if wanted.created_to is not None:
        invoices = invoices.filter(created_at__lt=wanted.created_to)
    return invoices.order_by("-id")


def list_invoices_of(customer_id: uuid.UUID) -> QuerySet[Invoice]:
    """Return a customer's invoices, newest first. Raises NotFound for an unknown customer."""
    customers_queries.require_customer(customer_id)
    return list_invoices(InvoiceFilter(customer_id=customer_id))


def get_invoice(invoice_id: uuid.UUID) -> Invoice:
    """Return an invoice with its customer and lines. Raises NotFound."""
    invoice = list_invoices().filter(id=invoice_id).first()
    if invoice is None:
        raise NotFound(f"No invoice has the id {invoice_id}.")
    return invoice
