"""Everything one invoice's page shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from backoffice.domain.proof import ProofRow, proof_rows
from billing.models import Payment, PaymentAttempt
from invoicing.models import CreditNote, InvoiceLine
from ledger.models import Entry
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class ProvenLine:
    """A line and its proof in words."""

    row: InvoiceLine
    proof: tuple[ProofRow, ...]


@dataclass(frozen=True, slots=True)
class LineGroup:
    """The lines of one subscription; none for lines made by hand."""

    subscription: Subscription | None
    lines: tuple[ProvenLine, ...]


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """What lines of one category, rate and country sum to."""

    category: str
    rate: Decimal
    country: str
    including_tax: bool
    net_minor: int
    tax_minor: int
    gross_minor: int


def list_line_groups(invoice_id: UUID) -> list[LineGroup]:
    """Return an invoice's lines in their order, cut where the subscription changes."""
    lines = (
        InvoiceLine.objects.filter(invoice_id=invoice_id)
        .select_related("subscription__plan")
        .order_by("position", "id")
    )
    return [
        LineGroup(subscription, tuple(ProvenLine(line, proof_rows(line.proof, line.currency)) for line in group))
        for subscription, group in groupby(lines, key=lambda line: line.subscription)
    ]


def sum_tax_groups(groups: Iterable[LineGroup]) -> list[TaxGroup]:
    """Return the stored net, tax and gross of the lines, by category, rate, country and mode."""
    sums: dict[tuple[str, Decimal, str, bool], list[int]] = {}
    for line in (proven.row for group in groups for proven in group.lines):
        key = (line.tax_category, line.tax_rate, line.tax_country, line.including_tax)
        totals = sums.setdefault(key, [0, 0, 0])
        for index, amount in enumerate((line.net_minor, line.tax_minor, line.gross_minor)):
            totals[index] += amount
    return [TaxGroup(*key, *totals) for key, totals in sorted(sums.items())]


def list_payments(invoice_id: UUID) -> list[Payment]:
    """Return an invoice's payments with their card and receipt, oldest first."""
    return list(
        Payment.objects.filter(invoice_id=invoice_id).select_related("payment_method", "receipt").order_by("id")
    )


def list_attempts(invoice_id: UUID) -> list[PaymentAttempt]:
    """Return the tries to charge an invoice, oldest first."""
    return list(PaymentAttempt.objects.filter(invoice_id=invoice_id).select_related("payment_method").order_by("id"))


def list_credit_notes(invoice_id: UUID) -> list[CreditNote]:
    """Return the credit notes that reverse lines of an invoice, oldest first."""
    return list(CreditNote.objects.filter(lines__invoice_id=invoice_id).distinct().order_by("id"))


def list_entries(object_ids: Iterable[UUID]) -> list[Entry]:
    """Return the book entries of objects with their postings, oldest first."""
    return list(Entry.objects.filter(object_id__in=list(object_ids)).prefetch_related("postings").order_by("id"))
