"""The figures of the home page: few statements, each bounded by an index."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate

from backoffice.domain.recent import first_id_from
from billing.models import BillingRun, ParkedCustomer, Payment, PaymentAttempt
from customers.models import Customer
from invoicing.models import Invoice

RECENT_DAYS = 7
SHOWN = 8


@dataclass(slots=True)
class CurrencyFigures:
    """What was done lately in one currency."""

    currency: str
    invoices: dict[str, int] = field(default_factory=dict)
    payments: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[dict[str, int], ...]:
        """Return the three figures in the order of their columns."""
        return self.invoices, self.payments, self.failed


def list_open_invoices(today: date) -> list[dict[str, Any]]:
    """Return the open invoices of each currency: how many, what is due, and how much of it is overdue.

    A customer on a test clock is late by that clock.
    """
    own_day = Coalesce(TruncDate("customer__test_clock__now_at", tzinfo=UTC), Value(today))
    overdue = Q(due_date__lt=own_day)
    rows = (
        Invoice.objects.filter(status=Invoice.Status.OPEN)
        .values("currency")
        .annotate(
            count=Count("id"),
            due_minor=Sum("amount_due_minor"),
            overdue_count=Count("id", filter=overdue),
            overdue_minor=Sum("amount_due_minor", filter=overdue, default=0),
        )
        .order_by("currency")
    )
    return [dict(row) for row in rows]


def list_recent_figures(now: datetime) -> list[CurrencyFigures]:
    """Return what was invoiced, paid and refused in the last days of the wall clock, by currency."""
    since = first_id_from(now - timedelta(days=RECENT_DAYS))
    figures: dict[str, CurrencyFigures] = {}
    invoices = Invoice.objects.filter(id__gte=since).exclude(status=Invoice.Status.DRAFT)
    payments = Payment.objects.filter(id__gte=since).exclude(status=Payment.Status.PENDING)
    failed = PaymentAttempt.objects.filter(id__gte=since, status=PaymentAttempt.Status.FAILED)
    for name, rows, amount in (
        ("invoices", invoices, "total_minor"),
        ("payments", payments, "amount_minor"),
        ("failed", failed, "amount_minor"),
    ):
        for row in _count_and_sum(rows, amount):
            setattr(figures.setdefault(row["currency"], CurrencyFigures(row["currency"])), name, row)
    return [figures[currency] for currency in sorted(figures)]


def _count_and_sum(rows: QuerySet[Any], amount: str) -> Iterable[dict[str, Any]]:
    """Return the number and the sum of rows by currency."""
    sums = rows.order_by().values("currency").annotate(count=Count("id"), sum_minor=Sum(amount))
    return [dict(row) for row in sums]


def list_failed_attempts(now: datetime) -> list[PaymentAttempt]:
    """Return the newest failed tries of the last days."""
    since = first_id_from(now - timedelta(days=RECENT_DAYS))
    failed = PaymentAttempt.objects.filter(id__gte=since, status=PaymentAttempt.Status.FAILED)
    return list(failed.select_related("customer", "invoice").order_by("-id")[:SHOWN])


def list_parked_customers() -> list[ParkedCustomer]:
    """Return the customers that failed last."""
    return list(ParkedCustomer.objects.select_related("customer").order_by("-last_failed_at")[:SHOWN])


def list_billing_runs() -> list[BillingRun]:
    """Return the newest billing runs."""
    return list(BillingRun.objects.order_by("-id")[:SHOWN])


def has_customers() -> bool:
    """Tell whether there is anybody to bill."""
    return Customer.objects.exists()
