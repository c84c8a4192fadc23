"""Read stored documents as values whose amounts can be made again."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import NotFound
from invoicing.domain.recomputing import Recount, RecountedLine, StoredLine, recompute
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from subscriptions.domain.terms import PriceTerms
from subscriptions.queries.terms import list_price_terms

AnyLine = InvoiceLine | CreditNoteLine


@dataclass(frozen=True, slots=True)
class RecountedDocument:
    """A document made again: its totals and its lines."""

    kind: str
    id: uuid.UUID
    number: str
    brand_code: str
    currency: str
    totals: tuple[Recount, ...]
    lines: tuple[RecountedLine, ...]

    @property
    def is_equal(self) -> bool:
        """Tell whether every number is what its proof makes."""
        return all(one.is_equal for one in self.totals) and all(one.is_equal for one in self.lines)


def recompute_numbered(number: str, brand_code: str = "") -> tuple[RecountedDocument, ...]:
    """Return the invoices and credit notes with a number, made again; brands may share a number.

    Raises NotFound when there is none.
    """
    wanted = {"number": number, **({"brand__code": brand_code} if brand_code else {})}
    invoices = Invoice.objects.select_related("brand").filter(**wanted).order_by("id")
    notes = CreditNote.objects.select_related("brand").filter(**wanted).order_by("id")
    made = (*map(recompute_invoice, invoices), *map(recompute_credit_note, notes))
    if not made:
        raise NotFound(f"No invoice and no credit note has the number {number}.")
    return made


def recompute_invoice(invoice: Invoice) -> RecountedDocument:
    """Return an invoice, its brand read, made again from its lines' proofs."""
    lines = recompute(stored_lines(list(invoice.lines.order_by("position"))))
    settled_minor = (
        invoice.balance_applied_minor
        + invoice.amount_paid_minor
        + invoice.amount_credited_minor
        + invoice.written_off_minor
    )
    totals = (
        *_totals(invoice, lines, 1),
        Recount("discount total", invoice.discount_total_minor, _sum("discount", lines)),
        Recount("amount due", invoice.amount_due_minor, invoice.total_minor - settled_minor),
    )
    return RecountedDocument(
        "invoice", invoice.id, invoice.number or "draft", invoice.brand.code, invoice.currency, totals, lines
    )


def recompute_credit_note(note: CreditNote) -> RecountedDocument:
    """Return a credit note, its brand read, made again from its lines' proofs."""
    lines = recompute(stored_lines(list(note.lines.select_related("invoice_line").order_by("position"))))
    given_minor = note.to_invoices_minor + note.to_balance_minor + note.refunded_minor
    totals = (*_totals(note, lines, -1), Recount("given back", note.total_minor, given_minor))
    return RecountedDocument("credit_note", note.id, note.number, note.brand.code, note.currency, totals, lines)


def _totals(paper: Invoice | CreditNote, lines: Sequence[RecountedLine], sign: int) -> Iterable[Recount]:
    """Yield what invoices and credit notes sum alike; a credit note's amounts are positive, its lines are not."""
    net_minor, tax_minor = sign * _sum("net", lines), sign * _sum("tax", lines)
    yield Recount("sub total", paper.sub_total_minor, net_minor)
    yield Recount("tax total", paper.tax_total_minor, tax_minor)
    yield Recount("total", paper.total_minor, net_minor + tax_minor)


def _sum(name: str, lines: Sequence[RecountedLine]) -> int:
    """Sum one number of the lines as it was made again; of a line that could not be made, as it is stored."""
    stored = {"net": "net_minor", "tax": "tax_minor", "discount": "discount_minor"}[name]
    total = 0
    for recounted in lines:
        made = {one.name: int(one.computed) for one in recounted.recounts}
        total += made.get(name, getattr(recounted.line, stored))
    return total


def stored_lines(lines: Sequence[AnyLine]) -> tuple[StoredLine, ...]:
    """Return stored lines as values, with their prices, by one further statement."""
    prices = list_price_terms({uuid.UUID(line.proof["price"]) for line in lines if "price" in line.proof})
    return tuple(_stored_line(line, prices) for line in lines)


def _stored_line(line: AnyLine, prices: dict[uuid.UUID, PriceTerms]) -> StoredLine:
    """Return one line as a value; the line it gives back with it."""
    original = line.invoice_line if isinstance(line, CreditNoteLine) else None
    proof: dict[str, Any] = line.proof
    return StoredLine(
        position=line.position,
        description=line.description,
        kind=line.kind,
        item=str(line.item_id or ""),
        period_start=line.period_start.isoformat() if line.period_start else "",
        tier=line.tier,
        quantity=line.quantity,
        unit_price=line.unit_price if isinstance(line, InvoiceLine) else None,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        net_minor=line.net_minor,
        tax_minor=line.tax_minor,
        gross_minor=line.gross_minor,
        including_tax=line.including_tax,
        tax_category=line.tax_category,
        tax_country=line.tax_country,
        tax_rate=line.tax_rate,
        proof=proof,
        price=prices.get(uuid.UUID(proof["price"])) if "price" in proof else None,
        gives_back=None if original is None else _stored_line(original, prices),
    )
