"""Read what stands of the documents that an end or a credit concerns, as values."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q, QuerySet

from billing.domain.ending import PERIOD_KINDS, Ended
from billing.domain.refunds import Refundable
from billing.domain.standing import ChargedInvoice, ChargedLine, Note, NoteLine, Standing
from billing.queries import refunds
from customers.models import Customer
from invoicing.domain.giving_back import LineRest
from invoicing.models import CreditNoteLine, Invoice, InvoiceLine
from invoicing.queries import giving_back

STANDING = (Invoice.Status.OPEN, Invoice.Status.PAID)
UNPAID = (Invoice.Status.OPEN, Invoice.Status.UNCOLLECTIBLE)


def read_standing(ended: Sequence[Ended], invoice_ids: Iterable[uuid.UUID] = (), *, lock: bool = False) -> Standing:
    """Return the invoices that the ends with `full` are about and others named, and the credit notes over them.

    With `lock` the invoices and their payments are locked, their customers by the caller. Older periods are not read.
    """
    ended = [one for one in ended if one.gives_full]
    noted = _note_lines_of(ended) if ended else []
    ids = {
        *invoice_ids,
        *(_invoices_of(ended) if ended else ()),
        *(line.invoice_id for line in noted if line.invoice_id is not None),
    }
    if not ids:
        return Standing({})
    links = refunds.list_paid_by(ids)
    ids |= links.keys()
    rows = Invoice.objects.filter(id__in=ids).order_by("id")
    invoices = list(rows.select_for_update() if lock else rows)
    payments = _payments(invoices, lock=lock)
    lines = giving_back.list_named_rests(ids)
    return Standing(
        {
            one.id: ChargedInvoice(
                one.id,
                one.customer_id,
                str(one.currency),
                tuple(_charged(line, rest) for line, rest in lines[one.id]),
                due_minor=one.amount_due_minor if one.status in UNPAID else 0,
                given_up_minor=one.written_off_minor if one.status in UNPAID else 0,
                payments=payments.get(one.id, ()),
                stands=one.status in STANDING,
                gives_back_minor=links[one.id],
            )
            for one in invoices
        },
        _notes(ids, noted),
    )


def _period_of(ended: Sequence[Ended]) -> Q:
    """Return what picks the lines that the ends with `full` may give back."""
    wanted = Q(pk__in=())
    for one in ended:
        if periods := one.periods():
            begin = min(period.start for period in periods)
            wanted |= Q(subscription_id=one.agreement.subscription_id, period_start__gte=begin)
    return wanted & Q(kind__in=PERIOD_KINDS)


def _invoices_of(ended: Sequence[Ended]) -> QuerySet[InvoiceLine, uuid.UUID]:
    """Return the invoices on which the period's lines stand."""
    lines = InvoiceLine.objects.filter(_period_of(ended), invoice__status__in=STANDING)
    return lines.values_list("invoice_id", flat=True).distinct()


def _note_lines_of(ended: Sequence[Ended]) -> list[CreditNoteLine]:
    """Return the period's lines that changes put on credit notes, with those beside them.

    In an order of their own: the models' joins the credit notes, and those issued with the end are written last.
    """
    own = CreditNoteLine.objects.filter(_period_of(ended), invoice_line__isnull=True).order_by("id")
    note_ids = own.values_list("credit_note_id", flat=True)
    return list(CreditNoteLine.objects.filter(credit_note_id__in=list(note_ids)).order_by("id"))


def _notes(invoice_ids: Collection[uuid.UUID], noted: Sequence[CreditNoteLine]) -> tuple[Note, ...]:
    """Return the credit notes of changes that correct invoices, or were read already, oldest first."""
    over = CreditNoteLine.objects.filter(invoice_id__in=invoice_ids, invoice_line__isnull=True).order_by("id")
    note_ids = {line.credit_note_id for line in noted} | set(over.values_list("credit_note_id", flat=True))
    found: dict[uuid.UUID, list[NoteLine]] = defaultdict(list)
    for line in CreditNoteLine.objects.filter(credit_note_id__in=note_ids, invoice_line__isnull=True).order_by("id"):
        found[line.credit_note_id].append(_note_line(line))
    return tuple(tuple(lines) for lines in found.values())


def _payments(invoices: Sequence[Invoice], *, lock: bool) -> dict[uuid.UUID, tuple[Refundable, ...]]:
    """Return what may be paid out of the payments of card customers' invoices, the newest first."""
    by_card = Customer.objects.filter(
        id__in={one.customer_id for one in invoices}, billing_type=Customer.BillingType.CARD
    ).values_list("id", flat=True)
    customers = set(by_card)
    paying = [one.id for one in invoices if one.customer_id in customers]
    payments = refunds.lock_payments_of(paying) if lock else refunds.list_payments_of(paying)
    found: dict[uuid.UUID, list[Refundable]] = defaultdict(list)
    for payment, refundable in zip(payments, refunds.refundable(payments), strict=True):
        if payment.invoice_id is not None:
            found[payment.invoice_id].append(refundable)
    return {invoice_id: tuple(parts) for invoice_id, parts in found.items()}


def _charged(line: InvoiceLine, rest: LineRest) -> ChargedLine:
    return ChargedLine(
        subscription_id=line.subscription_id,
        kind=line.kind,
        price_id=_price_id(line),
        description=line.description,
        quantity=line.quantity,
        tax_rate=line.tax_rate,
        gross_minor=line.gross_minor,
        rest=rest,
    )


def _note_line(line: CreditNoteLine) -> NoteLine:
    return NoteLine(
        invoice_id=line.invoice_id,
        subscription_id=line.subscription_id,
        item_id=line.item_id,
        kind=line.kind,
        price_id=_price_id(line),
        period_start=line.period_start,
        gross_minor=line.gross_minor,
        tax_minor=line.tax_minor,
    )


def _price_id(line: InvoiceLine | CreditNoteLine) -> uuid.UUID | None:
    """Return the price that a line charges by, as its proof has it."""
    found = line.proof.get("price")
    return None if found is None else uuid.UUID(found)
