"""What a company's customers were billed, per currency and per month."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.models import Payment, PaymentAttempt, Receipt
from core.domain.money import Money, format_money
from invoicing.models import CreditNote, Invoice


@dataclass(frozen=True, slots=True)
class Billed:
    """One currency's documents and money, in minor units; `declined` counts tries at open invoices."""

    currency: str
    invoices: int
    paid: int
    open: int
    declined: int
    total_minor: int
    received_minor: int
    due_minor: int
    credit_notes: int
    credited_minor: int
    receipts: int


@dataclass(frozen=True, slots=True)
class MonthBilled:
    """One currency's invoices of one month, by date of issue."""

    month: date
    currency: str
    invoices: int
    total_minor: int


def list_billed(clock_id: uuid.UUID) -> list[Billed]:
    """Return what the customers on a clock were billed, a row per currency."""
    mine = Q(customer__test_clock_id=clock_id)
    invoices = _by_currency(
        Invoice.objects.filter(mine).exclude(status="draft"),
        count=Count("id"),
        paid=Count("id", filter=Q(status="paid")),
        total=Sum("total_minor"),
        due=Sum("amount_due_minor"),
        open=Count("id", filter=Q(status="open")),
    )
    received = _by_currency(Payment.objects.filter(mine, status="completed"), total=Sum("amount_minor"))
    credits = _by_currency(CreditNote.objects.filter(mine), count=Count("id"), total=Sum("total_minor"))
    receipts = _by_currency(
        Receipt.objects.filter(payment__customer__test_clock_id=clock_id), "payment__currency", count=Count("id")
    )
    declined = _by_currency(
        PaymentAttempt.objects.filter(mine, status="failed", invoice__isnull=False), count=Count("id")
    )
    return [
        Billed(
            currency=currency,
            invoices=row["count"],
            paid=row["paid"],
            open=row["open"],
            declined=declined.get(currency, {}).get("count", 0),
            total_minor=row["total"],
            received_minor=received.get(currency, {}).get("total", 0),
            due_minor=row["due"],
            credit_notes=credits.get(currency, {}).get("count", 0),
            credited_minor=credits.get(currency, {}).get("total", 0),
            receipts=receipts.get(currency, {}).get("count", 0),
        )
        for currency, row in invoices.items()
    ]


def list_months(clock_id: uuid.UUID) -> list[MonthBilled]:
    """Return what the customers on a clock were billed, a row per month and currency."""
    rows = (
        Invoice.objects.filter(customer__test_clock_id=clock_id)
        .exclude(status="draft")
        .annotate(month=TruncMonth("issue_date"))
        .values("month", "currency")
        .annotate(count=Count("id"), total=Coalesce(Sum("total_minor"), 0))
        .order_by("month", "currency")
    )
    return [MonthBilled(row["month"], row["currency"], row["count"], row["total"]) for row in rows]


def _by_currency(rows: QuerySet[Any], column: str = "currency", **sums: Any) -> dict[str, dict[str, Any]]:
    return {row[column]: row for row in rows.order_by().values(column).annotate(**sums).order_by(column)}


def summary_text(billed: Sequence[Billed], months: Sequence[MonthBilled]) -> str:
    """Return both as tables of text."""
    head = ("", "invoices", "paid", "open", "declined", "billed", "received", "still due", "credit notes", "receipts")
    rows = [
        (
            row.currency,
            str(row.invoices),
            str(row.paid),
            str(row.open),
            str(row.declined),
            _money(row.total_minor, row.currency),
            _money(row.received_minor, row.currency),
            _money(row.due_minor, row.currency),
            str(row.credit_notes),
            str(row.receipts),
        )
        for row in billed
    ]
    currencies = [row.currency for row in billed]
    cells = {(row.month, row.currency): _money(row.total_minor, row.currency) for row in months}
    by_month = [
        (f"{month:%B %Y}", *(cells.get((month, currency), "-") for currency in currencies))
        for month in dict.fromkeys(row.month for row in months)
    ]
    return f"{_table([head, *rows])}\n\n{_table([('', *currencies), *by_month])}"


def _money(amount_minor: int, currency: str) -> str:
    return format_money(Money(amount_minor, currency), "en")


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(f"  {line}".rstrip() for line in lines)
