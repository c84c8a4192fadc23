"""Documents as a preview shows them, read from what was stored: for tests that a preview is what is then made."""

import uuid
from collections.abc import Collection
from typing import Any

from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine

Paper = dict[str, Any]
DOCUMENT = ("sub_total", "tax_total", "total", "amount_due", "to_invoices", "to_balance", "refunded")
LINE = ("description", "kind", "period_start", "period_end", "quantity", "discount", "sub_total", "tax_total", "total")


def document_ids() -> set[uuid.UUID]:
    """Return the ids of all documents there are; drafts that wait keep theirs when they are issued."""
    return {*Invoice.objects.values_list("id", flat=True), *CreditNote.objects.values_list("id", flat=True)}


def made_since(known: Collection[uuid.UUID]) -> list[Paper]:
    """Return the documents made since, in a stable order, with what was asked for at first on each."""
    invoices = [_invoice(one) for one in Invoice.objects.exclude(id__in=known).exclude(status="draft")]
    return in_order([*invoices, *(_credit_note(one) for one in CreditNote.objects.exclude(id__in=known))])


def shown(documents: list[Paper]) -> list[Paper]:
    """Return the documents of a preview, what is told of them beyond what is stored left out."""
    kept = ("type", "currency", "issue_date", "due_date", *DOCUMENT)
    return in_order(
        [
            {
                **{name: one[name] for name in kept if name in one},
                "lines": [{name: line[name] for name in LINE} for line in one["lines"]],
            }
            for one in documents
        ]
    )


def in_order(documents: list[Paper]) -> list[Paper]:
    """Return documents in an order that says nothing."""
    return sorted(documents, key=repr)


def _invoice(invoice: Invoice) -> Paper:
    return {
        "type": "invoice",
        "currency": str(invoice.currency),
        "issue_date": f"{invoice.issue_date}",
        "due_date": f"{invoice.due_date}",
        "sub_total": invoice.sub_total_minor,
        "tax_total": invoice.tax_total_minor,
        "total": invoice.total_minor,
        "amount_due": invoice.total_minor - invoice.balance_applied_minor,
        "lines": [_line(line, 1) for line in invoice.lines.order_by("position")],
    }


def _credit_note(note: CreditNote) -> Paper:
    return {
        "type": "credit_note",
        "currency": str(note.currency),
        "issue_date": f"{note.issue_date}",
        "sub_total": note.sub_total_minor,
        "tax_total": note.tax_total_minor,
        "total": note.total_minor,
        "to_invoices": note.to_invoices_minor,
        "to_balance": note.to_balance_minor,
        "refunded": note.refunded_minor,
        "lines": [_line(line, -1) for line in note.lines.order_by("position")],
    }


def _line(line: InvoiceLine | CreditNoteLine, sign: int) -> Paper:
    assert line.period_start is not None
    assert line.period_end is not None
    return {
        "description": line.description,
        "kind": line.kind,
        "period_start": f"{line.period_start:%Y-%m-%dT%H:%M:%S}+00:00",
        "period_end": f"{line.period_end:%Y-%m-%dT%H:%M:%S}+00:00",
        "quantity": float(line.quantity),
        "discount": sign * line.discount_minor,
        "sub_total": sign * line.net_minor,
        "tax_total": sign * line.tax_minor,
        "total": sign * line.gross_minor,
    }
