"""Store credit notes over an invoice's lines: by hand, for a refund, by a void.

Numbers come last (Billing rules, section 8): `store_credit` writes lines, the book entry and what the invoice loses;
after it the caller writes its own rows; `finish_credits` then takes the numbers and writes the documents, and the
caller commits.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.faults import reach
from core.identifiers import new_id
from core.operations import emit, require_transaction
from invoicing.domain.giving_back import GivenBack
from invoicing.domain.invoice_state import InvoiceAction, next_invoice_status
from invoicing.domain.postings import CreditUsed, GivenBackPosting, given_back_postings
from invoicing.domain.recognition import taken_from_deferred
from invoicing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, NumberSeries
from invoicing.operations.numbering import NumberRequest, allocate_numbers, ensure_series
from invoicing.operations.tax_turnover import Sale, count_sales
from ledger import operations as ledger_operations
from ledger.domain.entry import EntryDraft


@dataclass(frozen=True, slots=True)
class CreditWanted:
    """A credit note over the lines of one locked invoice, and what is done with its total; amounts in minor units.

    One that `voids` another has that one's amounts below 0.
    """

    id: uuid.UUID
    invoice: Invoice
    origin: str
    given_back: tuple[GivenBack, ...]
    used: CreditUsed
    reason: str = ""
    rebills: bool = False
    voids: CreditNote | None = None

    @property
    def total_minor(self) -> int:
        """Return the gross that is given back."""
        return sum(part.gross_minor for part in self.given_back)

    @property
    def tax_minor(self) -> int:
        """Return the tax in it."""
        return sum(part.tax_minor for part in self.given_back)


@dataclass(frozen=True, slots=True)
class StoredCredit:
    """A credit note whose lines and entry are written, waiting for its number."""

    wanted: CreditWanted
    issue_date: date


def store_credit(wanted: CreditWanted, *, now: datetime) -> StoredCredit:
    """Write a credit note's lines and book entry and lower the invoice, in the caller's transaction, all locked.

    An open invoice with nothing left due is paid; a void's is void. Raises RuntimeError outside a transaction,
    IntegrityError (`credit_stays_within_its_line`) when a line is given back beyond what it charged.
    """
    require_transaction()
    invoice = wanted.invoice
    issue_date = local_date(now, invoice.brand.time_zone)
    lines = {line.id: line for line in InvoiceLine.objects.filter(id__in=[part.line_id for part in wanted.given_back])}
    rows = [
        _line(wanted, lines[part.line_id], part, position, issue_date)
        for position, part in enumerate(wanted.given_back, start=1)
    ]
    CreditNoteLine.objects.bulk_create(rows)
    postings = given_back_postings(
        invoice.customer_id,
        invoice.currency,
        [GivenBackPosting(-row.net_minor, -row.tax_minor, row.tax_country, -row.deferred_minor) for row in rows],
        wanted.used,
    )
    if postings:
        ledger_operations.post_entries(
            [EntryDraft("credit_note", "credit_note", wanted.id, invoice.customer_id, now, issue_date, postings)]
        )
    _lower(wanted, now)
    reach("giving_back.stored")
    return StoredCredit(wanted, issue_date)


def finish_credits(stored: Sequence[StoredCredit], *, now: datetime) -> list[CreditNote]:
    """Give credit notes their numbers and write them; nothing but the commit should follow."""
    require_transaction()
    requests = []
    for credit in stored:
        brand = credit.wanted.invoice.brand
        series = ensure_series(brand=brand, kind=NumberSeries.Kind.CREDIT_NOTE, now=now)
        requests.append(NumberRequest(series, brand.code, credit.issue_date))
    count_sales([_sale(credit) for credit in stored])
    events = [event for credit in stored for event in _events(credit.wanted, now)]
    numbers = allocate_numbers(requests)
    notes = CreditNote.objects.bulk_create(
        CreditNote(
            **_document(credit.wanted),
            series_id=number.series_id,
            number_year=number.year,
            sequence=number.sequence,
            number=number.number,
            issue_date=credit.issue_date,
            created_at=now,
        )
        for credit, number in zip(stored, numbers, strict=True)
    )
    emit(*events)
    return notes


def _sale(credit: StoredCredit) -> Sale:
    """Return a credit note as tax turnover counts it: where its invoice was counted, negative."""
    wanted, seller, buyer = credit.wanted, credit.wanted.invoice.seller, credit.wanted.invoice.buyer
    is_abroad = buyer.get("country", "") not in {"", seller.get("country", "")}
    return Sale(
        brand_id=wanted.invoice.brand_id,
        country=buyer.get("country") or seller.get("country", ""),
        region=buyer.get("region") or ("" if is_abroad else seller.get("region", "")),
        day=credit.issue_date,
        currency=wanted.invoice.currency,
        is_payment=False,
        net_minor=wanted.tax_minor - wanted.total_minor,
        to_checked_business=bool(buyer.get("checked_business")),
    )


def _lower(wanted: CreditWanted, now: datetime) -> None:
    """Take a credit off what its invoice asks for; one that is voided is asked for again."""
    invoice, minor = wanted.invoice, wanted.used.to_invoices_minor
    invoice.amount_credited_minor += minor
    invoice.amount_due_minor -= minor
    if wanted.origin == CreditNote.Origin.VOID:
        invoice.status, invoice.voided_at = next_invoice_status(invoice.status, InvoiceAction.VOID), now
    elif minor < 0 and invoice.status == Invoice.Status.PAID:
        invoice.status, invoice.paid_at = next_invoice_status(invoice.status, InvoiceAction.REOPEN), None
    elif minor and not invoice.amount_due_minor:
        invoice.status, invoice.paid_at = next_invoice_status(invoice.status, InvoiceAction.PAY), now
    invoice.save(update_fields=["amount_credited_minor", "amount_due_minor", "status", "paid_at", "voided_at"])


def _line(wanted: CreditWanted, line: InvoiceLine, part: GivenBack, position: int, issue_date: date) -> CreditNoteLine:
    """Return the row that gives back a line, under the line's own key."""
    is_whole = part.gross_minor == line.gross_minor
    return CreditNoteLine(
        id=new_id(),
        credit_note_id=wanted.id,
        invoice=wanted.invoice,
        invoice_line=line,
        position=position,
        subscription_id=line.subscription_id,
        item_id=line.item_id,
        kind=line.kind,
        period_start=line.period_start,
        period_end=line.period_end,
        tier=line.tier,
        revision=line.revision,
        description=line.description,
        quantity=line.quantity if is_whole or wanted.rebills else 1,
        currency=line.currency,
        amount_minor=-part.amount_minor,
        discount_minor=-part.discount_minor,
        net_minor=-part.net_minor,
        tax_minor=-part.tax_minor,
        gross_minor=-part.gross_minor,
        deferred_minor=_deferred_minor(line, part, wanted.invoice.time_zone, issue_date),
        including_tax=line.including_tax,
        tax_rate=line.tax_rate,
        tax_category=line.tax_category,
        tax_country=line.tax_country,
        proof=_proof(line, part, charged_again=wanted.voids is not None),
    )


def _deferred_minor(line: InvoiceLine, part: GivenBack, zone: str, issue_date: date) -> int:
    """Return what a credit takes from deferred revenue, signed as the credit: what lies ahead of its issue.

    What is charged again is deferred whole, as the line was: what is earned of it is recognised next.
    """
    if not line.deferred_minor or line.period_start is None or line.period_end is None:
        return 0
    if part.net_minor < 0 < line.net_minor:
        return -part.net_minor
    return taken_from_deferred(-part.net_minor, (line.period_start, line.period_end), zone=zone, issue_date=issue_date)


def _proof(line: InvoiceLine, part: GivenBack, *, charged_again: bool) -> dict[str, Any]:
    """Return what makes the amounts again: the line given back, and the shares of its tax."""
    proof: dict[str, Any] = {name: line.proof[name] for name in ("price", "plan", "terms") if name in line.proof}
    proof["gives_back"] = {"line": str(line.id), "gross": part.gross_minor, "of": line.gross_minor}
    if charged_again:
        proof["gives_back"]["charged_again"] = True
    tax = line.proof.get("tax")
    if tax is not None:
        parts = [
            [*stored[:-1], -minor] for stored, minor in zip(tax.get("parts", ()), part.tax_parts_minor, strict=True)
        ]
        proof["tax"] = {**tax, "parts": parts}
    return proof


def _document(wanted: CreditWanted) -> dict[str, Any]:
    """Return a credit note's columns but for its number: who sells and buys is as it was on the invoice."""
    invoice, used = wanted.invoice, wanted.used
    return {
        "id": wanted.id,
        "customer_id": invoice.customer_id,
        "brand": invoice.brand,
        "origin": wanted.origin,
        "currency": invoice.currency,
        "sub_total_minor": wanted.total_minor - wanted.tax_minor,
        "tax_total_minor": wanted.tax_minor,
        "total_minor": wanted.total_minor,
        "to_invoices_minor": used.to_invoices_minor,
        "to_balance_minor": used.to_balance_minor,
        "refunded_minor": used.refunded_minor,
        "seller": invoice.seller,
        "buyer": invoice.buyer,
        "locale": invoice.locale,
        "time_zone": invoice.time_zone,
        "reason": wanted.reason,
        "rebills": wanted.rebills,
        "voids": wanted.voids,
    }


def _events(wanted: CreditWanted, now: datetime) -> list[OutboxDraft]:
    """Return the facts a credit note makes true."""
    invoice = wanted.invoice
    payload = {
        "customer": str(invoice.customer_id),
        "invoice": str(invoice.id),
        "invoice_number": invoice.number,
        "currency": invoice.currency,
        "total": wanted.total_minor,
        "amount_due": invoice.amount_due_minor,
        **({"voids": wanted.voids.number} if wanted.voids is not None else {}),
    }
    events = [OutboxDraft("credit_note.created", "credit_note", wanted.id, now, payload)]
    if wanted.origin == CreditNote.Origin.VOID:
        events.append(OutboxDraft("invoice.voided", "invoice", invoice.id, now, payload))
    elif wanted.used.to_invoices_minor and not invoice.amount_due_minor:
        events.append(OutboxDraft("invoice.paid", "invoice", invoice.id, now, payload))
    return events
