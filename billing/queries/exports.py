"""Whole tables as text, streamed as the database reads them: memory holds a piece, however long the table."""

from collections.abc import Iterator, Mapping

from django.db import connection, models

from billing.models import (
    BillingRun,
    MassChange,
    MassChangePart,
    ParkedCustomer,
    Payment,
    PaymentAttempt,
    Receipt,
    Refund,
)
from core.models import AuditEntry, ExchangeRate
from customers.models import Brand, Customer, DisabledStretch, PaymentMethod
from invoicing.models import (
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    NumberSeries,
    Quote,
    RequestedLine,
    ScheduleRow,
    TaxCountry,
    TaxRule,
    TaxState,
    VoucherUse,
)
from ledger.models import CustomerBalance, Entry, Posting
from subscriptions.models import (
    Feature,
    ItemTerms,
    Metric,
    MetricFilter,
    PendingChange,
    Plan,
    PlanLimit,
    Price,
    Product,
    Subscription,
    SubscriptionEvent,
    SubscriptionItem,
    SubscriptionTerms,
    TaxType,
    Voucher,
    VoucherAmount,
    VoucherRedemption,
)
from usage.models import UsageEvent, UsageLimit

PIECE_BYTES = 64 * 1024
# What the company has agreed, counted, billed and booked. Keys, passwords and plumbing are no part of it.
TABLES: Mapping[str, type[models.Model]] = {
    "audit-entry": AuditEntry,
    "billing-run": BillingRun,
    "brand": Brand,
    "credit-note": CreditNote,
    "credit-note-line": CreditNoteLine,
    "customer": Customer,
    "customer-balance": CustomerBalance,
    "disabled-stretch": DisabledStretch,
    "exchange-rate": ExchangeRate,
    "feature": Feature,
    "invoice": Invoice,
    "invoice-line": InvoiceLine,
    "item-terms": ItemTerms,
    "ledger-entry": Entry,
    "ledger-posting": Posting,
    "mass-change": MassChange,
    "mass-change-part": MassChangePart,
    "metric": Metric,
    "metric-filter": MetricFilter,
    "number-series": NumberSeries,
    "parked-customer": ParkedCustomer,
    "payment": Payment,
    "payment-attempt": PaymentAttempt,
    "payment-method": PaymentMethod,
    "pending-change": PendingChange,
    "plan": Plan,
    "plan-feature": Plan.features.through,
    "plan-limit": PlanLimit,
    "plan-price": Plan.prices.through,
    "price": Price,
    "product": Product,
    "quote": Quote,
    "receipt": Receipt,
    "refund": Refund,
    "requested-line": RequestedLine,
    "revenue-schedule": ScheduleRow,
    "subscription": Subscription,
    "subscription-event": SubscriptionEvent,
    "subscription-item": SubscriptionItem,
    "subscription-terms": SubscriptionTerms,
    "tax-country": TaxCountry,
    "tax-rule": TaxRule,
    "tax-state": TaxState,
    "tax-type": TaxType,
    "usage-event": UsageEvent,
    "usage-limit": UsageLimit,
    "voucher": Voucher,
    "voucher-amount": VoucherAmount,
    "voucher-redemption": VoucherRedemption,
    "voucher-use": VoucherUse,
}


def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns of a table of `TABLES`, named and ordered as the database has them."""
    return tuple(str(field.column) for field in TABLES[table]._meta.concrete_fields)


def stream_csv(table: str) -> Iterator[bytes]:
    """Yield a table of `TABLES` as CSV with a line of names: UTF-8, an empty text quoted, null not.

    One statement, so one moment of the table. Rows come in the order of their ids; usage events, which lie in
    partitions, in none.
    """
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns_of(table)))
    key = [str(field.column) for field in TABLES[table]._meta.pk_fields]
    order = f" ORDER BY {quote(key[0])}" if len(key) == 1 else ""
    rows = f"SELECT {names} FROM {quote(TABLES[table]._meta.db_table)}{order}"  # noqa: S608 - names of our own models
    gathered = bytearray()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for row in copy:
            gathered += row
            if len(gathered) >= PIECE_BYTES:
                yield bytes(gathered)
                gathered.clear()
    yield bytes(gathered)
