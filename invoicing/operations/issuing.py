"""Store proposals as finalised invoices and credit notes, in bulk; one is a bulk of one.

Numbers come last (Billing rules, section 8): `store_lines` writes lines, entries and what open invoices lose; after it
the caller writes its own rows; `finalize` then takes the numbers and writes the documents, and the caller commits.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Q

from core.copying import copy_rows
from core.domain.outbox import OutboxDraft
from core.faults import reach
from core.identifiers import new_id
from core.operations import emit, require_transaction
from customers.models import Brand
from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.credit import taken_off
from invoicing.domain.invoice_state import InvoiceAction, InvoiceStatus, next_invoice_status, status_when_issued
from invoicing.domain.postings import credit_note_entry, deferred_minor, invoice_entry, write_off_credited_entry
from invoicing.domain.tax_world import place_of_sale
from invoicing.domain.write_offs import Recovered, recover
from invoicing.models import Invoice, NumberSeries
from invoicing.operations.numbering import NumberRequest, allocate_numbers, ensure_series
from invoicing.operations.tax_collecting import begin_to_collect
from invoicing.operations.tax_turnover import Sale, count_sales
from invoicing.queries import write_offs as write_off_queries
from ledger import operations as ledger_operations

CHARGE_COLUMNS = (
    "id", "position", "subscription_id", "item_id", "kind", "period_start", "period_end", "tier", "revision",
    "description", "quantity", "currency", "amount_minor", "discount_minor", "net_minor", "tax_minor", "gross_minor",
    "deferred_minor", "including_tax", "tax_rate", "tax_category", "tax_country", "proof",
)  # fmt: skip
LINE_COLUMNS = (*CHARGE_COLUMNS, "invoice_id", "unit_price", "corrects_id")
CREDIT_LINE_COLUMNS = (*CHARGE_COLUMNS, "credit_note_id", "invoice_id")
DOCUMENT_COLUMNS = (
    "id", "customer_id", "brand_id", "origin", "currency", "issue_date", "sub_total_minor", "tax_total_minor",
    "total_minor", "seller", "buyer", "locale", "time_zone", "created_at",
)  # fmt: skip
# Last, because the rest of a row is made before the series is locked.
NUMBER_COLUMNS = ("series_id", "number_year", "sequence", "number")
NO_NUMBER = (None, None, None, None)
INVOICE_COLUMNS = (
    *DOCUMENT_COLUMNS, "status", "due_moment_at", "due_date", "supply_start", "supply_end", "discount_total_minor",
    "balance_applied_minor", "amount_paid_minor", "amount_credited_minor", "amount_due_minor", "billing_type",
    "payment_method_id", "notes", "finalized_at", "paid_at", *NUMBER_COLUMNS,
)  # fmt: skip
VOUCHER_USE_COLUMNS = ("id", "invoice_id", "redemption_id")
CREDIT_NOTE_COLUMNS = (
    *DOCUMENT_COLUMNS, "to_invoices_minor", "to_balance_minor", "refunded_minor", "reason", *NUMBER_COLUMNS,
)  # fmt: skip


UNPAID = (Invoice.Status.OPEN, Invoice.Status.UNCOLLECTIBLE)
PayOut = Callable[[uuid.UUID, Proposal, int], int]
"""Schedules refunds for a credit note: takes its id, its proposal and what is left of it, returns what is paid out."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A proposal on its way into the database, with the id its document will have.

    `to_invoices_minor` is what a credit note lowered open invoices by, `settled_ids` are those with nothing left due;
    `refunded_minor` is what of it will be paid out, `recovered` what of it had been given up.
    """

    id: uuid.UUID
    proposal: Proposal
    to_invoices_minor: int = 0
    settled_ids: tuple[uuid.UUID, ...] = ()
    refunded_minor: int = 0
    recovered: tuple[Recovered, ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether it is an invoice that still has to be paid."""
        return not self.proposal.is_credit and self.proposal.amount_due_minor > 0


def store_lines(
    proposals: Sequence[Proposal],
    *,
    as_of: datetime,
    kept_ids: Sequence[uuid.UUID | None] = (),
    pay_out: PayOut | None = None,
) -> tuple[Issued, ...]:
    """Write the lines and book entries of proposals, in the caller's transaction, the customers locked.

    A credit note lowers the open invoices its lines correct; what is left is paid out as far as `pay_out` says, else it
    goes to the balance. `kept_ids` are ids that documents keep, place by place: those of drafts they replace. Raises
    IntegrityError (`a_charge_is_billed_once`) when a charge is billed already.
    """
    require_transaction()
    issued = tuple(
        _issued(kept_id or new_id(), proposal, as_of)
        for proposal, kept_id in zip_longest(proposals, kept_ids[: len(proposals)])
    )
    if pay_out is not None:
        issued = tuple(_with_refunds(document, pay_out) for document in issued)
    invoices = [document for document in issued if not document.proposal.is_credit]
    credits = [document for document in issued if document.proposal.is_credit]
    copy_rows("invoicing_invoiceline", LINE_COLUMNS, [row for document in invoices for row in _lines(document)])
    copy_rows(
        "invoicing_creditnoteline",
        CREDIT_LINE_COLUMNS,
        [row for document in credits for row in _credit_lines(document)],
    )
    copy_rows("invoicing_voucheruse", VOUCHER_USE_COLUMNS, [row for document in invoices for row in _uses(document)])
    reach("issuing.lines_written")
    entries = [invoice_entry(document.proposal, document.id, as_of) for document in invoices]
    entries += [
        credit_note_entry(
            document.proposal,
            document.id,
            as_of,
            to_invoices_minor=document.to_invoices_minor,
            refunded_minor=document.refunded_minor,
        )
        for document in credits
    ]
    entries += [
        write_off_credited_entry(document.proposal, document.id, as_of, document.recovered)
        for document in credits
        if document.recovered
    ]
    # A zero invoice, or one whose lines cancel in every account, is a paper trail only.
    ledger_operations.post_entries([entry for entry in entries if entry.postings])
    reach("issuing.entries_written")
    return issued


def finalize(issued: Sequence[Issued], *, as_of: datetime) -> None:
    """Give the documents their numbers and write them; nothing but the commit should follow.

    Everything is prepared before the series are locked.
    """
    require_transaction()
    if not issued:
        return
    rows = [
        _credit_note_row(document, as_of) if document.proposal.is_credit else _invoice_row(document, as_of)
        for document in issued
    ]
    facts = [draft for document in issued for draft in _events(document, as_of)]
    count_sales([_sale(document) for document in issued])
    events = [*begin_to_collect(_crossings(issued), as_of=as_of), *facts]
    series = _series(issued, as_of)
    numbers = allocate_numbers([_request(document, series) for document in issued])
    reach("issuing.numbered")
    invoices: list[tuple[Any, ...]] = []
    credits: list[tuple[Any, ...]] = []
    for document, row, number in zip(issued, rows, numbers, strict=True):
        kind = credits if document.proposal.is_credit else invoices
        kind.append((*row, number.series_id, number.year, number.sequence, number.number))
    copy_rows("invoicing_invoice", INVOICE_COLUMNS, invoices)
    copy_rows("invoicing_creditnote", CREDIT_NOTE_COLUMNS, credits)
    reach("issuing.documents_written")
    emit(*events)


def store_draft(proposal: Proposal, *, as_of: datetime, invoice_id: uuid.UUID | None = None) -> uuid.UUID:
    """Write a proposal as a draft with its lines: no number, no entry, no voucher or balance used; return its id.

    `invoice_id` is the id it keeps when it takes another draft's place.
    """
    return store_drafts([Issued(invoice_id or new_id(), proposal)], as_of=as_of)[0]


def store_drafts(drafts: Sequence[Issued], *, as_of: datetime) -> tuple[uuid.UUID, ...]:
    """Write proposals as drafts in bulk, in the caller's transaction; return their ids."""
    require_transaction()
    copy_rows("invoicing_invoiceline", LINE_COLUMNS, [row for draft in drafts for row in _lines(draft)])
    copy_rows("invoicing_invoice", INVOICE_COLUMNS, [_draft_row(draft, as_of) for draft in drafts])
    return tuple(draft.id for draft in drafts)


def delete_draft(invoice_id: uuid.UUID) -> None:
    """Take a draft and its lines away; foreign keys are deferred, so its id may be used again in this transaction.

    Raises IntegrityError (`finalised_invoice_is_fixed`) when it is no draft.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM invoicing_invoiceline WHERE invoice_id = %s", [invoice_id])
        cursor.execute("DELETE FROM invoicing_invoice WHERE id = %s", [invoice_id])


def _issued(document_id: uuid.UUID, proposal: Proposal, as_of: datetime) -> Issued:
    """Return a proposal on its way; a credit note has lowered the invoices it corrects."""
    if not proposal.is_credit:
        return Issued(document_id, proposal)
    lowered = _lower_open_invoices(proposal, as_of)
    return Issued(document_id, proposal, lowered.minor, lowered.settled_ids, recovered=lowered.recovered)


def _with_refunds(document: Issued, pay_out: PayOut) -> Issued:
    """Let what is left of a credit note be paid out. Raises ValueError when more is paid out than that."""
    left_minor = -document.proposal.total_minor - document.to_invoices_minor
    if not document.proposal.is_credit or left_minor <= 0:
        return document
    refunded_minor = pay_out(document.id, document.proposal, left_minor)
    if not 0 <= refunded_minor <= left_minor:
        raise ValueError(f"{refunded_minor} is paid out of {left_minor}")
    return replace(document, refunded_minor=refunded_minor)


@dataclass(frozen=True, slots=True)
class _Lowered:
    """What a credit note took off invoices: how much, which ask for nothing now, and what of it had been given up."""

    minor: int = 0
    settled_ids: tuple[uuid.UUID, ...] = ()
    recovered: tuple[Recovered, ...] = ()


def _lower_open_invoices(proposal: Proposal, as_of: datetime) -> _Lowered:
    """Credit a negative proposal to the invoices its lines correct: what is due on them, or was given up."""
    if not proposal.corrected_ids:
        return _Lowered()
    unpaid = Q(amount_due_minor__gt=0) | Q(written_off_minor__gt=0)
    corrected = Invoice.objects.select_for_update().filter(unpaid, id__in=proposal.corrected_ids, status__in=UNPAID)
    invoices = {invoice.id: invoice for invoice in corrected.order_by("id")}
    wanted = {one.id: one.amount_due_minor + one.written_off_minor for one in invoices.values()}
    taken = taken_off(-proposal.total_minor, wanted)
    settled, recovered = [], []
    for invoice_id, minor in taken.items():
        invoice = invoices[invoice_id]
        if invoice.written_off_minor:
            given_up = write_off_queries.given_up(invoice.id)
            before_minor = given_up.amount_minor - invoice.written_off_minor
            recovered.append(recover(given_up, before_minor=before_minor, amount_minor=minor))
            invoice.written_off_minor -= minor
        else:
            invoice.amount_due_minor -= minor
        invoice.amount_credited_minor += minor
        if wanted[invoice_id] == minor:
            invoice.status, invoice.paid_at = next_invoice_status(invoice.status, InvoiceAction.PAY), as_of
            settled.append(invoice.id)
        invoice.save(
            update_fields=["amount_credited_minor", "amount_due_minor", "written_off_minor", "status", "paid_at"]
        )
    return _Lowered(sum(taken.values()), tuple(settled), tuple(recovered))


def _sale(document: Issued) -> Sale:
    """Return a document as tax turnover counts it."""
    proposal = document.proposal
    account = proposal.account
    country, region = place_of_sale(account.seller.tax, account.buyer)
    return Sale(
        account.seller.brand_id,
        country,
        region,
        proposal.occasion.issue_date,
        proposal.currency,
        proposal.total_minor > 0,
        proposal.sub_total_minor,
        account.buyer.is_checked_business,
    )


def _crossings(issued: Sequence[Issued]) -> dict[str, uuid.UUID]:
    """Return the places whose threshold is reached, each with the first document that does it."""
    crossings: dict[str, uuid.UUID] = {}
    for document in issued:
        for place in document.proposal.begins_to_collect:
            crossings.setdefault(place, document.id)
    return crossings


def _lines(document: Issued) -> list[tuple[Any, ...]]:
    """Return the rows of an invoice's lines."""
    return [
        (*_charge_row(position, line, document.proposal), document.id, line.charge.unit_price, line.charge.corrects)
        for position, line in enumerate(document.proposal.lines, start=1)
    ]


def _uses(document: Issued) -> list[tuple[Any, ...]]:
    """Return the rows of the vouchers an invoice uses up, so that a void can give them back."""
    used = document.proposal.used_vouchers
    return [(new_id(), document.id, uuid.UUID(voucher.redemption_id)) for voucher in used if voucher.consumes]


def _credit_lines(document: Issued) -> list[tuple[Any, ...]]:
    """Return the rows of a credit note's lines, signed as proposed."""
    return [
        (*_charge_row(position, line, document.proposal), document.id, line.charge.corrects)
        for position, line in enumerate(document.proposal.lines, start=1)
    ]


def _charge_row(position: int, line: ProposedLine, proposal: Proposal) -> tuple[Any, ...]:
    """Return what lines of invoices and of credit notes have in common, in the order of CHARGE_COLUMNS."""
    charge, tax, treatment = line.charge, line.tax, line.treatment
    return (
        new_id(),
        position,
        charge.subscription_id,
        charge.item_id,
        charge.kind,
        charge.period_start,
        charge.period_end,
        charge.tier,
        charge.revision,
        charge.description,
        charge.quantity,
        proposal.currency,
        charge.amount_minor,
        line.discount_minor,
        tax.net_minor,
        tax.tax_minor,
        tax.gross_minor,
        deferred_minor(line, proposal),
        charge.price.including_tax,
        treatment.rate,
        str(treatment.category),
        treatment.country,
        line.proof(),
    )


def _series(issued: Sequence[Issued], as_of: datetime) -> dict[tuple[uuid.UUID, str], NumberSeries]:
    """Return the series of every brand and kind at hand, made where a brand has none yet."""
    wanted = {(document.proposal.account.seller.brand_id, _kind(document)) for document in issued}
    found = {
        (series.brand_id, series.kind): series
        for series in NumberSeries.objects.filter(brand_id__in={brand_id for brand_id, _ in wanted})
    }
    # In one order for everybody: two runs that make the first series of two brands must not wait for each other.
    for brand_id, kind in sorted(wanted - found.keys()):
        found[brand_id, kind] = ensure_series(brand=Brand.objects.get(id=brand_id), kind=kind, now=as_of)
    return found


def _kind(document: Issued) -> str:
    """Return which kind of series numbers a document."""
    return "credit_note" if document.proposal.is_credit else "invoice"


def _request(document: Issued, series: dict[tuple[uuid.UUID, str], NumberSeries]) -> NumberRequest:
    """Return the request for a document's number."""
    seller = document.proposal.account.seller
    return NumberRequest(series[seller.brand_id, _kind(document)], seller.code, document.proposal.occasion.issue_date)


def _document_row(document: Issued, issue_date: date | None, as_of: datetime) -> tuple[Any, ...]:
    """Return what invoices and credit notes have in common, in the order of DOCUMENT_COLUMNS."""
    proposal = document.proposal
    account = proposal.account
    sign = -1 if proposal.is_credit else 1
    return (
        document.id,
        account.customer_id,
        account.seller.brand_id,
        proposal.occasion.origin,
        proposal.currency,
        issue_date,
        sign * proposal.sub_total_minor,
        sign * proposal.tax_total_minor,
        sign * proposal.total_minor,
        account.seller.party,
        account.party,
        account.locale,
        account.zone,
        as_of,
    )


def _invoice_row(document: Issued, as_of: datetime) -> tuple[Any, ...]:
    """Return the row of an invoice that is issued, in the order of INVOICE_COLUMNS, without its number."""
    proposal = document.proposal
    issue_date = proposal.occasion.issue_date
    return _row_of_lines(document, issue_date, status_when_issued(proposal.amount_due_minor), proposal.due_date, as_of)


def _draft_row(draft: Issued, as_of: datetime) -> tuple[Any, ...]:
    """Return the row of a draft, in the order of INVOICE_COLUMNS."""
    return (*_row_of_lines(draft, None, InvoiceStatus.DRAFT, None, as_of), *NO_NUMBER)


def _row_of_lines(
    document: Issued, issue_date: date | None, status: InvoiceStatus, due_date: date | None, as_of: datetime
) -> tuple[Any, ...]:
    """Return the row of an invoice of some status, in the order of INVOICE_COLUMNS, without its number."""
    proposal = document.proposal
    charges = [line.charge for line in proposal.lines]
    return (
        *_document_row(document, issue_date, as_of),
        status.value,
        proposal.occasion.moment,
        due_date,
        min(charge.period_start for charge in charges),
        max(charge.period_end for charge in charges),
        proposal.discount_total_minor,
        proposal.balance_applied_minor,
        0,
        0,
        proposal.amount_due_minor,
        proposal.account.billing_type,
        proposal.payment_method_id,
        list(proposal.notes),
        None if status is InvoiceStatus.DRAFT else as_of,
        as_of if status is InvoiceStatus.PAID else None,
    )


def _credit_note_row(document: Issued, as_of: datetime) -> tuple[Any, ...]:
    """Return the row of a credit note, amounts positive, in the order of CREDIT_NOTE_COLUMNS, without its number."""
    given_back = -document.proposal.total_minor
    return (
        *_document_row(document, document.proposal.occasion.issue_date, as_of),
        document.to_invoices_minor,
        given_back - document.to_invoices_minor - document.refunded_minor,
        document.refunded_minor,
        "",
    )


def _events(document: Issued, as_of: datetime) -> list[OutboxDraft]:
    """Return the facts a document makes true."""
    proposal = document.proposal
    payload = {
        "customer": str(proposal.account.customer_id),
        "currency": proposal.currency,
        "total": abs(proposal.total_minor),
        "amount_due": max(proposal.amount_due_minor, 0),
    }
    if proposal.is_credit:
        settled = {"customer": payload["customer"], "currency": proposal.currency, "amount_due": 0}
        return [
            OutboxDraft("credit_note.created", "credit_note", document.id, as_of, payload),
            *(OutboxDraft("invoice.paid", "invoice", one, as_of, settled) for one in document.settled_ids),
        ]
    finalized = OutboxDraft("invoice.finalized", "invoice", document.id, as_of, payload)
    if document.is_open:
        return [finalized]
    return [finalized, OutboxDraft("invoice.paid", "invoice", document.id, as_of, payload)]
