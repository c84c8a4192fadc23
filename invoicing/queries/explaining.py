"""Read an invoice and explain it."""

from invoicing.documents.explaining import Explanation, LineFacts, Settled, explain
from invoicing.domain.document import DocumentStatus
from invoicing.models import Invoice
from invoicing.queries.documents import Settlement, document_of_invoice


def explain_invoice(invoice: Invoice) -> Explanation:
    """Return an invoice, its brand read, in the words of its locale, with what has settled it by now."""
    status = DocumentStatus.DRAFT if invoice.status == Invoice.Status.DRAFT else DocumentStatus.OPEN
    document = document_of_invoice(invoice, Settlement(status))
    facts = [LineFacts(line.kind, line.amount_minor, line.proof) for line in invoice.lines.order_by("position")]
    settled = Settled(
        balance_minor=invoice.balance_applied_minor,
        paid_minor=invoice.amount_paid_minor,
        credited_minor=invoice.amount_credited_minor,
        written_off_minor=invoice.written_off_minor,
        due_minor=invoice.amount_due_minor,
        due_date=invoice.due_date,
    )
    return explain(document, facts, settled, zone=invoice.time_zone)
