"""Invoices, as Connectable shows them, by a constant number of statements whatever their number."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Prefetch, QuerySet

from billing.models import Payment, PaymentAttempt
from core.domain.schedule import start_of_day
from core.errors import NotFound
from customers.models import Customer
from integrations.domain import connectable as shapes
from integrations.domain.connectable_words import billing_word
from integrations.domain.shape import epoch, whole
from integrations.queries.agreed import plans_and_prices
from integrations.queries.connectable_billing import list_redemptions, show_discount, show_plan
from integrations.queries.mode import is_live
from invoicing.models import Invoice, InvoiceLine
from ledger.models import Account, CustomerBalance, Entry, Posting
from subscriptions.models import Plan, Price, VoucherRedemption

BY_HAND = frozenset({InvoiceLine.Kind.MANUAL, InvoiceLine.Kind.CREDIT})
FINISHED = frozenset({Invoice.Status.PAID, Invoice.Status.VOID, Invoice.Status.UNCOLLECTIBLE})


@dataclass(frozen=True, slots=True)
class _Balances:
    """What stood on a customer's balance before and after one invoice, in minor units; negative: credit."""

    before_minor: int
    after_minor: int | None


@dataclass(frozen=True, slots=True)
class _Around:
    """What invoices show and other rows hold: prices and plans by id, redemptions by id, balances by invoice."""

    plans: Mapping[str, Plan]
    prices: Mapping[str, Price]
    redemptions: Mapping[str, VoucherRedemption]
    balances: Mapping[uuid.UUID, _Balances]
    now: datetime


def list_invoices(customer: Customer, *, limit: int, page: int, now: datetime) -> list[shapes.Invoice]:
    """Return one page of a customer's invoices, newest first; pages count from 1."""
    first = (page - 1) * limit
    return _shown(customer, list(_invoices_of(customer)[first : first + limit]), now)


def get_invoice(customer: Customer, invoice_id: uuid.UUID, *, now: datetime) -> shapes.Invoice:
    """Return one invoice of a customer. Raises NotFound, for those of others too."""
    found = list(_invoices_of(customer).filter(id=invoice_id))
    if not found:
        raise NotFound("The user has no invoice with this id.")
    return _shown(customer, found, now)[0]


def _invoices_of(customer: Customer) -> QuerySet[Invoice]:
    payments = Payment.objects.select_related("receipt").order_by("-id")
    return (
        Invoice.objects.filter(customer_id=customer.id)
        .prefetch_related(
            Prefetch("lines", queryset=InvoiceLine.objects.order_by("position")),
            Prefetch("attempts", queryset=PaymentAttempt.objects.order_by("number")),
            Prefetch("payments", queryset=payments),
        )
        .order_by("-id")
    )


def _shown(customer: Customer, invoices: Sequence[Invoice], now: datetime) -> list[shapes.Invoice]:
    lines = [line for invoice in invoices for line in invoice.lines.all()]
    plans, prices = plans_and_prices((line.proof.get("plan"), line.proof.get("price")) for line in lines)
    used = [str(voucher[0]) for line in lines for voucher in line.proof.get("vouchers", ())]
    redemptions = {str(one.id): one for one in list_redemptions(customer.id, ids=used)}
    around = _Around(plans, prices, redemptions, _balances(customer, invoices), now)
    return [_invoice(invoice, around) for invoice in invoices]


def _balances(customer: Customer, invoices: Sequence[Invoice]) -> Mapping[uuid.UUID, _Balances]:
    """Return what stood on the balance around each invoice, read from the books; before a draft stands what is there.

    Entries are in the order in which they were made, and the first of an invoice is the one that issued it.
    """
    issued: dict[uuid.UUID, uuid.UUID] = {}
    entries = Entry.objects.filter(object_id__in=[one.id for one in invoices], object_kind="invoice")
    for entry_id, invoice_id in entries.order_by("-id").values_list("id", "object_id"):
        issued[invoice_id] = entry_id
    moves = list(
        Posting.objects.filter(entry__customer_id=customer.id, account=Account.CUSTOMER_BALANCE).values_list(
            "entry_id", "currency", "amount_minor"
        )
    )
    held = CustomerBalance.objects.filter(customer_id=customer.id).values_list("currency", "balance_minor")
    now_minor = {currency: -balance_minor for currency, balance_minor in held}
    found = {}
    for invoice in invoices:
        entry_id = issued.get(invoice.id)
        if entry_id is None:
            found[invoice.id] = _Balances(now_minor.get(invoice.currency, 0), None)
            continue
        own = [(one, amount) for one, currency, amount in moves if currency == invoice.currency]
        before = sum(amount for one, amount in own if one < entry_id)
        found[invoice.id] = _Balances(before, before + sum(amount for one, amount in own if one == entry_id))
    return found


def _invoice(row: Invoice, around: _Around) -> shapes.Invoice:
    lines = [_line(line, around) for line in row.lines.all()]
    attempts = [one for one in row.attempts.all() if one.status != PaymentAttempt.Status.CANCELLED]
    tried = [one for one in attempts if one.status != PaymentAttempt.Status.SCHEDULED]
    scheduled = [one.due_at for one in attempts if one.status == PaymentAttempt.Status.SCHEDULED]
    payments = list(row.payments.all())
    receipts = [payment.receipt.number for payment in payments if hasattr(payment, "receipt")]
    is_invoiced = row.billing_type == Customer.BillingType.INVOICE
    rates = {line.tax_rate for line in row.lines.all()}
    balances = around.balances[row.id]
    return shapes.Invoice(
        id=str(row.id),
        amount_due=row.amount_due_minor,
        application_fee=None,
        attempt_count=len(tried),
        attempted=bool(tried),
        billing=billing_word(row.billing_type),
        charge=str(payments[0].id) if payments else None,
        closed=row.status in FINISHED,
        currency=row.currency.lower(),
        customer=str(row.customer_id),
        date=epoch(row.created_at),
        description=None,
        discount=_discount(row, around),
        due_date=_day(row.due_date, row.time_zone) if is_invoiced else None,
        ending_balance=balances.after_minor,
        forgiven=row.status == Invoice.Status.UNCOLLECTIBLE,
        lines=shapes.Lines(data=lines, has_more=False, url=f"/api/users/{row.customer_id}/billing/invoices/{row.id}"),
        livemode=is_live(),
        next_payment_attempt=epoch(min(scheduled)) if scheduled and not is_invoiced else None,
        number=row.number,
        paid=row.status == Invoice.Status.PAID,
        period_end=epoch(row.supply_end or row.due_moment_at),
        period_start=epoch(row.supply_start or row.due_moment_at),
        receipt_number=receipts[0] if receipts else None,
        starting_balance=balances.before_minor,
        statement_descriptor=None,
        subscription=next((str(line.subscription_id) for line in row.lines.all() if line.subscription_id), None),
        subtotal=sum(line.amount_minor for line in row.lines.all()),
        tax=row.tax_total_minor if rates - {Decimal(0)} else None,
        tax_percent=whole(next(iter(rates))) if len(rates) == 1 and rates != {Decimal(0)} else None,
        total=row.total_minor,
        webhooks_delivered_at=epoch(row.created_at),
    )


def _discount(row: Invoice, around: _Around) -> shapes.Discount | None:
    """Return the first voucher that worked on an invoice."""
    for line in row.lines.all():
        for voucher in line.proof.get("vouchers", ()):
            redemption = around.redemptions.get(str(voucher[0]))
            if redemption is not None:
                return show_discount(redemption, row.currency, around.now)
    return None


def _day(day: date | None, time_zone: str) -> int | None:
    return None if day is None else epoch(start_of_day(day, time_zone))


def _line(line: InvoiceLine, around: _Around) -> shapes.LineItem:
    price = around.prices.get(line.proof.get("price", ""))
    start, end = line.period_start or line.invoice.due_moment_at, line.period_end or line.invoice.due_moment_at
    is_item = line.kind in BY_HAND
    is_prorated = line.kind == InvoiceLine.Kind.CREDIT or _is_part(line)
    return shapes.LineItem(
        id=str(line.id),
        amount=line.amount_minor,
        currency=line.currency.lower(),
        description=line.description,
        discountable=not is_prorated,
        livemode=is_live(),
        period=shapes.LinePeriod(start=epoch(start), end=epoch(end)),
        plan=show_plan(around.plans.get(line.proof.get("plan", "")), price) if price is not None else None,
        proration=is_prorated,
        quantity=whole(line.quantity),
        subscription=str(line.subscription_id) if is_item and line.subscription_id else None,
        subscription_item=str(line.item_id) if line.item_id else None,
        type="invoiceitem" if is_item else "subscription",
    )


def _is_part(line: InvoiceLine) -> bool:
    """Tell whether a line is for a part of its period."""
    numerator, denominator = line.proof.get("fraction", (1, 1))
    return bool(numerator != denominator)
