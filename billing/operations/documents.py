"""Documents of every kind: invoices and credit notes, and the receipts that prove payments."""

import uuid

from billing.models import Payment, Receipt
from billing.queries import payments as payment_queries
from core.domain.schedule import local_date
from core.errors import NotFound
from invoicing.domain.document import Document, DocumentKind, DocumentPayment, DocumentStatus
from invoicing.operations import documents as invoicing_documents
from invoicing.operations.documents import PDF, DocumentFile
from invoicing.queries import documents as document_queries


def get_document(object_kind: str, object_id: uuid.UUID, file_format: str = PDF) -> DocumentFile:
    """Return an invoice, credit note or receipt as a file, drawn when first asked for and kept.

    Raises NotFound, and Invalid for a format or kind there is none of.
    """
    if object_kind != "receipt" or file_format != PDF:
        return invoicing_documents.get_document(object_kind, object_id, file_format)
    receipt = payment_queries.get_receipt(object_id)
    return invoicing_documents.stored_document("receipt", object_id, PDF, lambda: _document_of(receipt))


def _document_of(receipt: Receipt) -> Document:
    """Return a receipt as printed: its invoice's lines and every payment up to this one."""
    payment = receipt.payment
    if payment.invoice_id is None:
        raise NotFound("The payment is on no invoice.")
    invoice = document_queries.get_invoice(payment.invoice_id)
    earlier = Payment.objects.filter(invoice=invoice, completed_at__lte=payment.completed_at).exclude(status="pending")
    words = document_queries.method_words(invoice)
    payments = tuple(
        DocumentPayment(local_date(paid.completed_at, invoice.brand.time_zone), paid.amount_minor, words)
        for paid in earlier.order_by("completed_at", "id")
        if paid.completed_at is not None
    )
    rest = invoice.total_minor - invoice.balance_applied_minor - sum(paid.amount_minor for paid in payments)
    credited = min(max(rest, 0), invoice.amount_credited_minor)
    status = DocumentStatus.PAID if rest == credited else DocumentStatus.OPEN
    settlement = document_queries.Settlement(status, payments, credited)
    return document_queries.document_of_invoice(invoice, settlement, kind=DocumentKind.RECEIPT, number=receipt.number)
