"""Invoices and what was bought with them, as Flowglad shows them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from core.domain.schedule import instant_of, start_of_day
from customers.models import Customer
from integrations.domain import flowglad as shapes
from integrations.domain import flowglad_words as words
from integrations.domain.shape import whole
from integrations.queries.agreed import Agreed
from integrations.queries.flowglad_catalogue import instant, interval_of, price_type, unit_price
from integrations.queries.flowglad_history import InvoiceRow, LineRow, PastInvoice
from integrations.queries.mode import is_live
from invoicing.models import InvoiceLine
from subscriptions.models import SubscriptionTerms
from subscriptions.queries.subscriptions import RunningItem


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
    subscription_id = str(kind.subscription.subscription.id) if kind.subscription is not None else None
    calendar = kind.subscription.calendar if kind.subscription is not None else None
    recurs = calendar is not None and calendar.interval in words.INTERVALS
    start = row.supply_start or row.due_moment_at
    taxed = next((line for line in lines if line.tax_country), None)
    parts = [part for line in lines for part in line.proof__tax__parts or ()]
    rates = {line.tax_rate for line in lines}
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
        billing_interval=calendar.interval if calendar is not None and recurs else None,
        subscription_id=subscription_id,
        billing_period_start_date=instant(row.supply_start) if row.supply_start else None,
        billing_period_end_date=instant(row.supply_end) if row.supply_end else None,
        billing_interval_count=calendar.interval_count if calendar is not None and recurs else None,
        billing_anchor_date=_anchor(calendar) if calendar is not None and recurs else None,
        owner_membership_id=None,
        pdf_url=f"{api}/invoice/{row.id}/download" if row.number else None,
        receipt_pdf_url=f"{api}/receipt/{receipts[-1]}/download" if receipts else None,
        memo=" ".join(row.notes) or None,
        bank_payment_only=row.billing_type == Customer.BillingType.INVOICE,
        type=kind.type,
        currency=row.currency,
        tax_amount=row.tax_total_minor,
        subtotal=row.sub_total_minor,
        tax_type=words.tax_type([part[1] for part in parts], taxed.tax_country if taxed else "", row.tax_total_minor),
        tax_country=taxed.tax_country if taxed is not None and taxed.tax_country in words.COUNTRIES else None,
        tax_state=_state_of([part[2] for part in parts]),
        tax_rate_percentage=f"{rates.pop().normalize():f}" if len(rates) == 1 else None,
        application_fee=None,
    )
    return shapes.InvoiceWithLines(invoice=shown, invoice_line_items=[_line(line, row) for line in lines])


def _anchor(calendar: SubscriptionTerms) -> datetime:
    return instant(instant_of(calendar.anchor_wall, calendar.time_zone))


def _state_of(jurisdictions: Iterable[str]) -> str | None:
    """Return the state of the first part of a tax that is a state's: QC of CA-QC."""
    return next((one.partition("-")[2] for one in jurisdictions if "-" in one), None)


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


# --- Purchases ------------------------------------------------------------------------------------------------------


def show_purchases(
    customer: Customer, agreed: Iterable[Agreed], invoices: Sequence[PastInvoice]
) -> list[shapes.Purchase]:
    """Return each price that a customer bought, newest subscriptions first; its first invoice tells how it stands."""
    first: dict[uuid.UUID, PastInvoice] = {}
    for invoice in reversed(invoices):
        for line in invoice.lines:
            if line.item_id is not None:
                first.setdefault(line.item_id, invoice)
    return [_purchase(customer, one, item, first.get(item.id)) for one in agreed for item in one.items]


def _purchase(customer: Customer, agreed: Agreed, item: RunningItem, first: PastInvoice | None) -> shapes.Purchase:
    subscription, price = agreed.subscription, item.price
    kind = price_type(price)
    value = sum(line.gross_minor for line in first.lines if line.item_id == item.id) if first is not None else 0
    trial_days = 0
    if subscription.trial_end_at is not None:
        trial_days = (subscription.trial_end_at - subscription.started_at).days
    return shapes.Purchase(
        id=str(item.id),
        created_at=instant(subscription.created_at),
        updated_at=instant(subscription.updated_at),
        livemode=is_live(),
        name=subscription.plan.name,
        status=words.purchase_status(first.status if first else None, failure=first.failure if first else None),
        customer_id=str(customer.id),
        organization_id=str(customer.brand_id),
        billing_cycle_anchor=_anchor(agreed.calendar) if interval_of(price) is not None else None,
        price_id=str(price.id),
        quantity=item.quantity,
        price_type=kind,
        trial_period_days=trial_days if kind == "subscription" else None,
        price_per_billing_cycle=unit_price(price) * item.quantity if kind == "subscription" else None,
        interval_unit=interval_of(price) if kind == "subscription" else None,
        interval_count=price.interval_count if kind == "subscription" else None,
        first_invoice_value=value,
        total_purchase_value=value if kind == "single_payment" else None,
        bank_payment_only=customer.billing_type == Customer.BillingType.INVOICE,
        purchase_date=instant(subscription.started_at),
        end_date=instant(subscription.ended_at) if subscription.ended_at is not None else None,
        proposal=None,
        archived=subscription.ended_at is not None,
        billing_address=None,
        metadata={},
    )
