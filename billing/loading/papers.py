"""A dozen documents of a company as files, chosen to show what differs from one to another."""

import uuid
from collections.abc import Iterator
from pathlib import Path

from django.db.models import Count, Q

from billing.models import Receipt
from billing.operations.documents import get_document
from invoicing.models import CreditNote, Invoice

CREDIT_NOTES = 1
RECEIPTS = 2
# Each with what it shows; an invoice is shown once.
SHOWN = (
    ("reverse charge", Q(lines__tax_category="AE")),
    ("seats that changed", Q(lines__kind="seats", currency="EUR")),
    ("a discount", Q(discount_total_minor__gt=0, currency="EUR")),
    ("a minimum commitment", Q(lines__kind="minimum")),
    ("a consumer abroad, taxed there", Q(lines__tax_category="S", brand__country="DE", customer__country="FR")),
    ("a balance used", Q(balance_applied_minor__gt=0)),
    ("yen, in Japanese", Q(currency="JPY", lines__kind="usage")),
    ("from right to left", Q(locale="ar")),
    ("a state's tax", Q(lines__tax_country="US")),
    ("many lines, in pounds", Q(currency="GBP", lines__kind="usage", status="open")),
)


def write_papers(clock_id: uuid.UUID, folder: Path) -> Iterator[Path]:
    """Write documents of the customers on a clock into a folder; yield each file."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, object_id, brand in choose_papers(clock_id):
        document = get_document(kind, object_id)
        # Brands number by themselves: two documents may have the same number.
        path = folder / f"{brand}-{document.filename}"
        path.write_bytes(document.content)
        yield path


def choose_papers(clock_id: uuid.UUID) -> list[tuple[str, uuid.UUID, str]]:
    """Return kind, id and brand of the documents to show, the same for the same company."""
    invoices = Invoice.objects.filter(customer__test_clock_id=clock_id).exclude(status="draft")
    shown: list[tuple[str, uuid.UUID, str]] = []
    for _, condition in SHOWN:
        found = invoices.filter(condition).exclude(id__in=[invoice_id for _, invoice_id, _ in shown])
        found = found.annotate(length=Count("lines", distinct=True)).order_by("-length", "brand__code", "sequence")
        shown += [("invoice", *row) for row in found.values_list("id", "brand__code")[:1]]
    notes = CreditNote.objects.filter(customer__test_clock_id=clock_id).order_by("brand__code", "sequence")
    shown += [("credit_note", *row) for row in notes.values_list("id", "brand__code")[:CREDIT_NOTES]]
    receipts = Receipt.objects.filter(payment__customer__test_clock_id=clock_id).order_by("brand__code", "-sequence")
    shown += [("receipt", *row) for row in receipts.values_list("id", "brand__code")[:RECEIPTS]]
    return shown
