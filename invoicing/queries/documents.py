"""Read invoices and credit notes as the values that are printed."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.domain.schedule import local_date
from core.errors import NotFound
from customers.models import Brand
from invoicing.domain.document import (
    BrandLook,
    CreditUse,
    Document,
    DocumentKind,
    DocumentLine,
    DocumentPayment,
    DocumentStatus,
    Party,
    ProratedShare,
    ShareUnit,
    TaxRow,
    TierSpan,
)
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from subscriptions.models import Price

# A local day of 23 hours, when the clocks go forward.
FEWEST_SECONDS = 82_800

AnyLine = InvoiceLine | CreditNoteLine


@dataclass(frozen=True, slots=True)
class Settlement:
    """What had settled an invoice when its paper is drawn; amounts in minor units."""

    status: DocumentStatus
    payments: tuple[DocumentPayment, ...] = ()
    credited_minor: int = 0

    @property
    def paid_minor(self) -> int:
        """Return the sum of the payments."""
        return sum(payment.amount_minor for payment in self.payments)


def get_invoice(invoice_id: uuid.UUID) -> Invoice:
    """Return an invoice with what its paper needs. Raises NotFound."""
    found = Invoice.objects.select_related("brand", "payment_method").filter(id=invoice_id).first()
    if found is None:
        raise NotFound(f"No invoice has the id {invoice_id}.")
    return found


def get_credit_note(credit_note_id: uuid.UUID) -> CreditNote:
    """Return a credit note with what its paper needs. Raises NotFound."""
    found = CreditNote.objects.select_related("brand").filter(id=credit_note_id).first()
    if found is None:
        raise NotFound(f"No credit note has the id {credit_note_id}.")
    return found


def settlement_of(invoice: Invoice) -> Settlement:
    """Return what has settled an invoice so far: a draft and an open invoice are printed as issued."""
    status = DocumentStatus(invoice.status) if invoice.status in set(DocumentStatus) else DocumentStatus.OPEN
    if invoice.status != Invoice.Status.PAID or invoice.paid_at is None:
        return Settlement(status)
    payments: tuple[DocumentPayment, ...] = ()
    if invoice.amount_paid_minor:
        paid_date = local_date(invoice.paid_at, invoice.brand.time_zone)
        payments = (DocumentPayment(paid_date, invoice.amount_paid_minor, method_words(invoice)),)
    return Settlement(DocumentStatus.PAID, payments, invoice.amount_credited_minor)


def method_words(invoice: Invoice) -> str:
    """Return the means of payment as printed: `Visa •••• 4242`, or the transfer an invoice customer makes."""
    method = invoice.payment_method
    if invoice.billing_type == "card" and method is not None:
        return f"{method.brand.capitalize()} •••• {method.last_four}"
    return "SEPA" if invoice.brand.iban else "—"


def document_of_invoice(
    invoice: Invoice, settlement: Settlement, *, kind: DocumentKind = DocumentKind.INVOICE, number: str = ""
) -> Document:
    """Return an invoice (or a receipt for it, under its own number) as printed with what had settled it."""
    lines = list(invoice.lines.order_by("position"))
    is_receipt = kind is DocumentKind.RECEIPT
    settled = invoice.balance_applied_minor + settlement.credited_minor + settlement.paid_minor
    return Document(
        kind=kind,
        number=number or invoice.number or "",
        status=settlement.status,
        issue_date=invoice.issue_date or local_date(invoice.created_at, invoice.brand.time_zone),
        due_date=None if is_receipt else invoice.due_date,
        **_supply(invoice.supply_start, invoice.supply_end, invoice.time_zone),
        **_parties(invoice),
        lines=_lines(lines, invoice.time_zone),
        tax_rows=_tax_rows(lines, 1),
        sub_total_minor=invoice.sub_total_minor,
        discount_total_minor=invoice.discount_total_minor,
        tax_total_minor=invoice.tax_total_minor,
        total_minor=invoice.total_minor,
        balance_applied_minor=invoice.balance_applied_minor,
        credited_minor=settlement.credited_minor,
        paid_minor=settlement.paid_minor,
        amount_due_minor=invoice.total_minor - settled,
        payments=settlement.payments,
        related_numbers=(invoice.number,) if is_receipt and invoice.number else (),
        notes=tuple(invoice.notes),
    )


def document_of_credit_note(credit_note: CreditNote) -> Document:
    """Return a credit note as printed: its amounts positive, with the invoices it corrects."""
    lines = list(credit_note.lines.select_related("invoice").order_by("position"))
    related = dict.fromkeys(line.invoice.number for line in lines if line.invoice and line.invoice.number)
    if credit_note.voids is not None:
        related[credit_note.voids.number] = None
    return Document(
        kind=DocumentKind.CREDIT_NOTE,
        number=credit_note.number,
        status=DocumentStatus.OPEN,
        issue_date=credit_note.issue_date,
        **_parties(credit_note),
        lines=_lines(lines, credit_note.time_zone),
        tax_rows=_tax_rows(lines, -1),
        sub_total_minor=credit_note.sub_total_minor,
        discount_total_minor=-sum(line.discount_minor for line in lines),
        tax_total_minor=credit_note.tax_total_minor,
        total_minor=credit_note.total_minor,
        credit_use=CreditUse(credit_note.to_invoices_minor, credit_note.to_balance_minor, credit_note.refunded_minor),
        related_numbers=tuple(related),
    )


def _supply(start: datetime | None, end: datetime | None, zone: str) -> dict[str, Any]:
    """Return the first and the last day served."""
    if start is None or end is None:
        return {}
    return {"supply_start": local_date(start, zone), "supply_end": _last_day(start, end, zone)}


def _last_day(start: datetime, end: datetime, zone: str) -> date:
    """Return the last day served: the day of the end is not (Billing rules, section 2), so periods do not touch."""
    return max(local_date(start, zone), local_date(end, zone) - timedelta(days=1))


def _parties(paper: Invoice | CreditNote) -> dict[str, Any]:
    """Return who sells, who buys and how the paper looks; identities are those of the issue."""
    return {
        "currency": paper.currency,
        "locale": paper.locale,
        "brand": _look(paper.brand),
        "seller": _party(paper.seller),
        "buyer": _party(paper.buyer),
    }


def _look(brand: Brand) -> BrandLook:
    """Return how a brand's paper looks."""
    return BrandLook(
        name=brand.name,
        colour=brand.colour,
        accent_colour=brand.accent_colour,
        logo=bytes(brand.logo) if brand.logo else None,
        logo_type=brand.logo_type,
        footer=brand.footer,
        payment_instructions=brand.payment_instructions,
        iban=brand.iban,
        bic=brand.bic,
    )


def _party(stored: Mapping[str, str]) -> Party:
    """Return a party from its snapshot."""
    street = (stored.get("street_line_one", ""), stored.get("street_line_two", ""))
    return Party(
        name=stored.get("name") or ("" if stored.get("company_name") else stored.get("email", "")),
        company=stored.get("company_name", ""),
        street=tuple(line for line in street if line),
        postcode=stored.get("postcode", ""),
        city=stored.get("city", ""),
        region=stored.get("region", ""),
        country=stored.get("country", ""),
        tax_number=stored.get("tax_number", ""),
        email=stored.get("email", ""),
    )


def _lines(lines: Sequence[AnyLine], zone: str) -> tuple[DocumentLine, ...]:
    """Return lines as printed; a credit note's are turned positive."""
    tiers = _tiers(lines)
    return tuple(_line(line, zone, tiers) for line in lines)


def _line(line: AnyLine, zone: str, tiers: Mapping[str, list[dict[str, Any]]]) -> DocumentLine:
    """Return one line as printed."""
    sign = -1 if isinstance(line, CreditNoteLine) else 1
    fraction = line.proof.get("fraction")
    first_day, last_day = _period(line.period_start, line.period_end, zone)
    return DocumentLine(
        description=line.description,
        period_start=first_day,
        period_end=last_day,
        tier=_tier(tiers.get(line.proof.get("price", ""), []), line.tier),
        share=_share(*fraction) if fraction else None,
        seats_changed=int(line.quantity) if line.kind == InvoiceLine.Kind.SEATS else None,
        quantity=line.quantity.normalize() if line.quantity else line.quantity,
        unit_price=line.unit_price if isinstance(line, InvoiceLine) else None,
        including_tax=line.including_tax,
        discount_minor=sign * line.discount_minor,
        net_minor=sign * line.net_minor,
        tax_minor=sign * line.tax_minor,
        gross_minor=sign * line.gross_minor,
        tax_rate=line.tax_rate,
        tax_category=line.tax_category,
    )


def _share(part: int, whole: int) -> ProratedShare:
    """Return a prorated share: a whole of more than a day's seconds counts seconds, no period has as many days."""
    return ProratedShare(part, whole, ShareUnit.SECOND if whole >= FEWEST_SECONDS else ShareUnit.DAY)


def _period(start: datetime | None, end: datetime | None, zone: str) -> tuple[date | None, date | None]:
    """Return the first and the last day of a line; a line of one moment has none."""
    if start is None or end is None or start >= end:
        return None, None
    return local_date(start, zone), _last_day(start, end, zone)


def _tiers(lines: Iterable[AnyLine]) -> dict[str, list[dict[str, Any]]]:
    """Return the tiers of every price that priced a line by tier."""
    price_ids = {line.proof["price"] for line in lines if line.tier and "price" in line.proof}
    return {str(price.id): price.tiers for price in Price.objects.filter(id__in=price_ids)} if price_ids else {}


def _tier(tiers: list[dict[str, Any]], number: int) -> TierSpan | None:
    """Return the tier a line was priced by."""
    if not 1 <= number <= len(tiers):
        return None
    tier = tiers[number - 1]
    return TierSpan(number, int(tier["first_unit"]), tier["last_unit"], Decimal(tier.get("flat_fee", 0)))


def _tax_rows(lines: Sequence[AnyLine], sign: int) -> tuple[TaxRow, ...]:
    """Return net and tax per rate and category, in the order of the lines."""
    groups: dict[tuple[str, Decimal], list[AnyLine]] = defaultdict(list)
    for line in lines:
        groups[line.tax_category, line.tax_rate].append(line)
    return tuple(
        TaxRow(
            rate=rate,
            category=category,
            net_minor=sign * sum(line.net_minor for line in group),
            tax_minor=sign * sum(line.tax_minor for line in group),
            reason="" if category == "S" else group[0].proof["tax"]["reason"],
        )
        for (category, rate), group in groups.items()
    )
