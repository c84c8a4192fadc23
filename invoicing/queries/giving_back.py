"""Read what invoices still charge: their lines less everything that was given back of them."""

import uuid
from collections import defaultdict
from collections.abc import Collection

from invoicing.domain.giving_back import Correction, GivenBack, LineRest, less_corrections
from invoicing.models import CreditNoteLine, Invoice, InvoiceLine


def lock_invoice(invoice_id: uuid.UUID) -> Invoice:
    """Lock an invoice, its customer locked by the caller, and return it with its brand; it must exist."""
    return Invoice.objects.select_for_update(of=("self",)).select_related("brand").get(id=invoice_id)


def list_line_rests(invoice_id: uuid.UUID) -> tuple[LineRest, ...]:
    """Return what each line of an invoice still charges, in their order."""
    rests = {line.id: _whole(line) for line in InvoiceLine.objects.filter(invoice_id=invoice_id).order_by("position")}
    corrections = []
    for credit in CreditNoteLine.objects.filter(invoice_id=invoice_id).order_by("id"):
        if credit.invoice_line_id is not None:
            rests[credit.invoice_line_id] = _after(rests[credit.invoice_line_id], credit)
        elif credit.gross_minor < 0:
            at = credit.period_start
            corrections.append(Correction(credit.item_id, at, -credit.gross_minor, -credit.tax_minor))
    return less_corrections(tuple(rests.values()), corrections)


def list_named_rests(invoice_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[InvoiceLine, LineRest]]]:
    """Return each line of invoices with what no credit note has named of it yet, in their order.

    What changes corrected without naming a line is not off.
    """
    lines = {line.id: line for line in InvoiceLine.objects.filter(invoice_id__in=invoice_ids).order_by("position")}
    rests = {line_id: _whole(line) for line_id, line in lines.items()}
    for credit in CreditNoteLine.objects.filter(invoice_id__in=invoice_ids, invoice_line__isnull=False).order_by("id"):
        if credit.invoice_line_id is not None:
            rests[credit.invoice_line_id] = _after(rests[credit.invoice_line_id], credit)
    found: dict[uuid.UUID, list[tuple[InvoiceLine, LineRest]]] = defaultdict(list)
    for line_id, line in lines.items():
        found[line.invoice_id].append((line, rests[line_id]))
    return found


def turned_round(line: CreditNoteLine) -> GivenBack:
    """Return what takes a credit note's line back: what it gave back of its invoice's line, below 0.

    Raises ValueError when it names no line.
    """
    if line.invoice_line_id is None:
        raise ValueError(f"line {line.id} names no line of an invoice")
    return GivenBack(
        line.invoice_line_id,
        line.gross_minor,
        line.tax_minor,
        line.discount_minor,
        line.including_tax,
        _tax_parts(line),
    )


def _whole(line: InvoiceLine) -> LineRest:
    mode = "with" if line.including_tax else "without"
    return LineRest(
        line_id=line.id,
        item_id=line.item_id,
        period_start=line.period_start,
        period_end=line.period_end,
        gross_minor=line.gross_minor,
        tax_minor=line.tax_minor,
        discount_minor=line.discount_minor,
        including_tax=line.including_tax,
        tax_group=f"{line.tax_category}|{line.tax_country}|{line.tax_rate.normalize():f}|{mode}",
        tax_parts_minor=_tax_parts(line),
    )


def _after(rest: LineRest, credit: CreditNoteLine) -> LineRest:
    """Return a line's rest after one credit that names it; the credit's amounts have the other sign."""
    given = _tax_parts(credit)
    return LineRest(
        line_id=rest.line_id,
        item_id=rest.item_id,
        period_start=rest.period_start,
        period_end=rest.period_end,
        gross_minor=rest.gross_minor + credit.gross_minor,
        tax_minor=rest.tax_minor + credit.tax_minor,
        discount_minor=rest.discount_minor + credit.discount_minor,
        including_tax=rest.including_tax,
        tax_group=rest.tax_group,
        tax_parts_minor=tuple(part + back for part, back in zip(rest.tax_parts_minor, given, strict=True)),
    )


def _tax_parts(line: InvoiceLine | CreditNoteLine) -> tuple[int, ...]:
    """Return the amounts of the parts of a line's tax, as its proof has them."""
    return tuple(part[-1] for part in line.proof.get("tax", {}).get("parts", ()))
