"""Invoices, as Flowglad shows them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from django.conf import settings

from core.domain.schedule import start_of_day
from customers.models import Customer
from integrations.domain import flowglad as shapes
from integrations.domain import flowglad_words as words
from integrations.domain.shape import instant, instant_or_none, whole
from integrations.queries.agreed import Agreed
from integrations.queries.flowglad_history import InvoiceRow, LineRow, PastInvoice
from integrations.queries.mode import is_live
from invoicing.models import InvoiceLine


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which of the three types an invoice is, and what it names."""

    type: str
    purchase_id: str | None = None
    subscription: Agreed | None = None


def _kind_of(lines: Sequence[LineRow], agreed: Mapping[uuid.UUID, Agreed]) -> _Kind:
    """Tell what an invoice is for: a subscription that recurs, a single payment, or neither."""
    of_items = [line for line in lines if line.item_id is not None]
    recurring = [line for line in of_items if line.kind != InvoiceLine.Kind.ONE_OFF]
    if recurring:
        return _Kind("subscription", subscription=agreed.get(recurring[0].subscription_id or uuid.UUID(int=0)))
    if of_items:
        return _Kind("purchase", purchase_id=str(of_items[0].item_id))
    return _Kind("standalone")


def show_invoices(
    customer: Customer, invoices: Iterable[PastInvoice], agreed: Sequence[Agreed]
) -> list[shapes.InvoiceWithLines]:
    """Return invoices with their lines."""
    by_id = {one.subscription.id: one for one in agreed}
    return [_with_lines(customer, invoice, by_id) for invoice in invoices]


def _with_lines(
    customer: Customer, invoice: PastInvoice, agreed: Mapping[uuid.UUID, Agreed]
) -> shapes.InvoiceWithLines:
    row, lines = invoice.row, invoice.lines
    kind = _kind_of(lines, agreed)
    held = kind.subscription
    subscription_id = str(held.subscription.id) if held is not None else None
    calendar = held.calendar if held is not None and held.calendar.interval in words.INTERVALS else None
    start = row.supply_start or row.due_moment_at
    tax = _tax_of(lines, row.tax_total_minor)
    receipts = [one.receipt__id for one in invoice.payments if one.receipt__id is not None]
    api = f"{settings.PUBLIC_URL}/api/v1"
    shown = shapes.Invoice(
        id=str(row.id),
        created_at=instant(row.created_at),
        updated_at=instant(row.paid_at or row.voided_at or row.uncollectible_at or row.finalized_at or row.created_at),
        livemode=is_live(),
        purchase_id=kind.purchase_id,
        invoice_number=row.number or "",
        invoice_date=instant(start_of_day(row.issue_date, row.time_zone) if row.issue_date else row.created_at),
        billing_period_id=f"{subscription_id}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}" if subscription_id else None,
        due_date=instant(start_of_day(row.due_date, row.time_zone)) if row.due_date else None,
        customer_id=str(customer.id),
        organization_id=str(row.brand_id),
        status=invoice.status,
        billing_interval=calendar.interval if calendar is not None else None,
        subscription_id=subscription_id,
        billing_period_start_date=instant_or_none(row.supply_start),
        billing_period_end_date=instant_or_none(row.supply_end),
        billing_interval_count=calendar.interval_count if calendar is not None else None,
        billing_anchor_date=instant(held.anchor_at) if held is not None and calendar is not None else None,
        owner_membership_id=None,
        pdf_url=f"{api}/invoice/{row.id}/download" if row.number else None,
        receipt_pdf_url=f"{api}/receipt/{receipts[-1]}/download" if receipts else None,
        memo=" ".join(row.notes) or None,
        bank_payment_only=row.billing_type == Customer.BillingType.INVOICE,
        type=kind.type,
        currency=row.currency,
        tax_amount=row.tax_total_minor,
        subtotal=row.sub_total_minor,
        tax_type=tax.type,
        tax_country=tax.country,
        tax_state=tax.state,
        tax_rate_percentage=tax.rate,
        application_fee=None,
    )
    return shapes.InvoiceWithLines(invoice=shown, invoice_line_items=[_line(line, row) for line in lines])


@dataclass(frozen=True, slots=True)
class _Tax:
    """The tax of an invoice: its kind, where it is owed, and its rate in percent where all lines have one."""

    type: str
    country: str | None
    state: str | None
    rate: str | None


def _tax_of(lines: Sequence[LineRow], tax_minor: int) -> _Tax:
    parts = [part for line in lines for part in line.proof__tax__parts or ()]
    country = next((line.tax_country for line in lines if line.tax_country), "")
    # Of a state's tax the part says both: CA-QC.
    states = (jurisdiction.partition("-")[2] for _, _, jurisdiction, *_ in parts)
    rates = {line.tax_rate for line in lines}
    return _Tax(
        type=words.tax_type([name for _, name, *_ in parts], country, tax_minor),
        country=country if country in words.COUNTRIES else None,
        state=next(filter(None, states), None),
        rate=f"{rates.pop().normalize():f}" if len(rates) == 1 else None,
    )


def _line(line: LineRow, row: InvoiceRow) -> shapes.InvoiceLineItem:
    quantity = whole(line.quantity) or 1
    is_even = quantity > 0 and line.net_minor % quantity == 0
    return shapes.InvoiceLineItem(
        id=str(line.id),
        created_at=instant(row.created_at),
        updated_at=instant(row.created_at),
        livemode=is_live(),
        invoice_id=str(row.id),
        quantity=quantity if is_even else 1,
        price_id=line.proof__price,
        description=line.description,
        price=line.net_minor // quantity if is_even else line.net_minor,
    )
