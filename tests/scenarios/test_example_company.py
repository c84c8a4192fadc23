"""The example company, whole: its files are what the recipe writes, its three months cost what they cost.

Every figure here is what a reader of `make demo` sees. A change that moves one must be able to say why.
"""

import csv
import gzip
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db.models import Count

from billing.loading.papers import choose_papers
from billing.loading.summary import Billed, list_billed, list_months, summary_text
from billing.management.commands.load_example import EXAMPLE
from billing.models import ParkedCustomer, PaymentAttempt
from billing.operations.doctor import check_books
from core.models import TestClock
from customers.models import Customer
from examples.generate import make_files
from invoicing.models import Invoice, InvoiceLine
from subscriptions.models import Price, Subscription
from tests.cast import at
from tests.loading_cast import bad_rows, load, loaded
from usage.models import UsageEvent

TODAY = at("2026-04-10")
LARGEST_EXAMPLE_BYTES = 3_000_000
USAGE_LINES = 487
PAPERS = 13


LOADED = {
    "brands": 2,
    "tax_types": 3,
    "tax_countries": 12,
    "tax_states": 1,
    "tax_rules": 4,
    "products": 5,
    "metrics": 6,
    "prices": 72,
    "features": 5,
    "plans": 8,
    "vouchers": 5,
    "customers": 200,
    "cards": 141,
    "redemptions": 52,
    "subscriptions": 211,
    "seat_changes": 183,
    "events": 50000,
}
DECLINED = [(138, "The card has insufficient funds."), (164, "The card has expired.")]
STATUSES = {
    ("business", "active"): 23,
    ("community", "active"): 5,
    ("discovery", "trial_ended"): 11,
    ("enterprise", "active"): 12,
    ("growth", "active"): 41,
    ("growth", "overdue_payment_open"): 1,
    ("pulse", "active"): 11,
    ("solo", "active"): 58,
    ("solo", "overdue_payment_open"): 5,
    ("team", "active"): 41,
    ("team", "trial_active"): 1,
    ("team", "trial_ended"): 2,
}
BILLED = [
    Billed(
        currency="EUR",
        invoices=434,
        paid=307,
        open=127,
        declined=13,
        total_minor=35075569,
        received_minor=13434224,
        due_minor=21608593,
        credit_notes=1,
        credited_minor=25252,
        receipts=306,
    ),
    Billed(
        currency="GBP",
        invoices=64,
        paid=55,
        open=9,
        declined=0,
        total_minor=8347284,
        received_minor=7897783,
        due_minor=447501,
        credit_notes=0,
        credited_minor=0,
        receipts=55,
    ),
    Billed(
        currency="JPY",
        invoices=24,
        paid=9,
        open=15,
        declined=14,
        total_minor=1140221,
        received_minor=163616,
        due_minor=968805,
        credit_notes=1,
        credited_minor=38490,
        receipts=7,
    ),
    Billed(
        currency="USD",
        invoices=86,
        paid=56,
        open=30,
        declined=36,
        total_minor=5232212,
        received_minor=3771297,
        due_minor=1452627,
        credit_notes=1,
        credited_minor=20008,
        receipts=54,
    ),
]
MONTHS = {
    (date(2026, 1, 1), "EUR"): (126, 27388840),
    (date(2026, 1, 1), "GBP"): (19, 6910547),
    (date(2026, 1, 1), "JPY"): (8, 587620),
    (date(2026, 1, 1), "USD"): (26, 3452106),
    (date(2026, 2, 1), "EUR"): (141, 3145596),
    (date(2026, 2, 1), "GBP"): (21, 779821),
    (date(2026, 2, 1), "JPY"): (7, 259571),
    (date(2026, 2, 1), "USD"): (27, 808680),
    (date(2026, 3, 1), "EUR"): (153, 3492712),
    (date(2026, 3, 1), "GBP"): (21, 504203),
    (date(2026, 3, 1), "JPY"): (8, 258608),
    (date(2026, 3, 1), "USD"): (31, 912793),
    (date(2026, 4, 1), "EUR"): (14, 1048421),
    (date(2026, 4, 1), "GBP"): (3, 152713),
    (date(2026, 4, 1), "JPY"): (1, 34422),
    (date(2026, 4, 1), "USD"): (2, 58633),
}


def _content(name: str, content: bytes) -> bytes:
    # Compressed bytes differ between versions of zlib; what is inside does not.
    return gzip.decompress(content) if name.endswith(".gz") else content


def test_the_files_are_what_the_recipe_writes() -> None:
    made = make_files()
    on_disk = {path.name: path.read_bytes() for path in EXAMPLE.iterdir() if path.name != "logo.svg"}
    assert on_disk.keys() == made.keys()
    for name, content in made.items():
        assert _content(name, on_disk[name]) == _content(name, content), name
    assert sum(len(content) for content in on_disk.values()) < LARGEST_EXAMPLE_BYTES


@pytest.mark.django_db
def test_three_months_of_the_example_company() -> None:
    report = load(EXAMPLE, now=TODAY, play=True)
    clock = TestClock.objects.get()
    assert bad_rows(report) == []
    assert loaded(report) == LOADED
    assert [(row.place.line, row.reason) for row in report.declined] == DECLINED
    assert (clock.now_at, clock.status) == (at("2026-04-02"), "ready")
    _check_variety()
    assert list_billed(clock.id) == BILLED
    assert {(row.month, row.currency): (row.invoices, row.total_minor) for row in list_months(clock.id)} == MONTHS
    assert check_books(now=TODAY) == ()
    _check_usage_against_the_files()
    assert not ParkedCustomer.objects.exists()
    assert len(choose_papers(clock.id)) == PAPERS
    assert "April 2026" in summary_text(list_billed(clock.id), list_months(clock.id))


def _check_variety() -> None:
    """Assert that the company shows what it is there to show."""
    customers = Customer.objects.all()
    assert (customers.count(), customers.values("country").distinct().count()) == (200, 12)
    assert set(Invoice.objects.values_list("currency", flat=True)) == {"EUR", "GBP", "JPY", "USD"}
    assert set(customers.values_list("billing_type", flat=True)) == {"card", "invoice"}
    assert set(customers.values_list("tax_number_check", flat=True)) == {"", "format", "malformed"}
    used = Price.objects.filter(id__in=set(InvoiceLine.objects.values_list("proof__price", flat=True)))
    assert set(used.values_list("type", flat=True)) == {kind.value for kind in Price.Type}
    assert set(InvoiceLine.objects.values_list("kind", flat=True)) >= {
        "recurring", "one_off", "usage", "seats", "minimum",
    }  # fmt: skip
    assert set(InvoiceLine.objects.values_list("tax_category", flat=True)) == {"S", "AE", "O", "E"}
    assert UsageEvent.objects.count() == 50_000
    assert InvoiceLine.objects.filter(proof__late=True).exists()
    # The 31st of January, the 28th of February, the 31st of March.
    month_ends = Invoice.objects.filter(origin="cycle", issue_date__in=[date(2026, 2, 28), date(2026, 3, 31)])
    assert month_ends.count() > 20
    statuses = {
        (row["plan__code_name"], row["status"]): row["count"]
        for row in Subscription.objects.order_by().values("plan__code_name", "status").annotate(count=Count("id"))
    }
    assert statuses == STATUSES
    reasons = PaymentAttempt.objects.filter(status="failed").order_by("failure_reason")
    assert set(reasons.values_list("failure_reason", flat=True)) == {"expired_card", "general_decline", "lack_of_funds"}


# --- The same bills again, from the files alone ---------------------------------------------------------------------


def _check_usage_against_the_files() -> None:
    """Assert that every usage line costs what a reader would compute from the events' file, the plainest way."""
    events = _events_by_subscription_and_metric()
    billed: dict[tuple[Any, ...], int] = defaultdict(int)
    lines = InvoiceLine.objects.filter(kind="usage", revision=0)
    columns = ("subscription__metadata__reference", "proof__price", "period_start", "period_end", "amount_minor")
    for *key, amount_minor in lines.values_list(*columns):
        billed[tuple(key)] += amount_minor
    prices = {str(price.id): price for price in Price.objects.filter(usage=True)}
    codes = {str(price_id): code for price_id, code in Price.objects.values_list("id", "metric__code")}
    assert len(billed) == USAGE_LINES
    for (reference, price_id, start, end), amount_minor in billed.items():
        price, code = prices[price_id], codes[price_id]
        sent = [event for event in events[reference, code] if event.sent_at < end]
        assert _cost(price, code, sent, (start, end)) == amount_minor, (reference, code, start)


@dataclass(frozen=True)
class FileEvent:
    """An event as its file holds it."""

    event_id: str
    timestamp: datetime
    sent_at: datetime
    value: Decimal
    properties: dict[str, str]


def _events_by_subscription_and_metric() -> dict[tuple[str, str], list[FileEvent]]:
    events: dict[tuple[str, str], list[FileEvent]] = defaultdict(list)
    with gzip.open(EXAMPLE / "events.csv.gz", "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            timestamp = datetime.fromisoformat(row["timestamp"])
            sent_at = datetime.fromisoformat(row["sent_at"]) if row["sent_at"] else timestamp
            properties = json.loads(row["properties"] or "{}")
            event = FileEvent(row["event_id"], timestamp, sent_at, Decimal(row["value"]), properties)
            events[row["subscription"], row["code"]].append(event)
    return events


def _cost(price: Price, code: str, sent: list[FileEvent], period: tuple[datetime, datetime]) -> int:
    """Return what the events of a period cost, in minor units."""
    start, end = period
    inside = [event for event in sent if start <= event.timestamp < end]
    match code:
        case "api_requests":
            total = sum(event.value for event in inside if event.properties["environment"] == "production")
            return _rounded(price.unit_price * total)
        case "reports":
            rendered = sum(event.properties["kind"] != "preview" for event in inside)
            return _rounded(price.unit_price * max(0, math.ceil((rendered - price.free_units) / price.units)))
        case "active_users":
            users = {event.properties["user"] for event in inside if event.properties["role"] != "guest"}
            return _graduated(price, len(users))
        case "storage":
            highest = max(event.value for event in inside)
            tier = next(tier for tier in price.tiers if tier["last_unit"] is None or highest <= tier["last_unit"])
            return _rounded(Decimal(tier["unit_price"]) * highest + Decimal(tier["flat_fee"]))
        case "sources":
            # A level that stays until it changes: the last one before the end, from whichever period.
            last = max((event for event in sent if event.timestamp < end), key=lambda e: (e.timestamp, e.event_id))
            return _rounded(price.unit_price * last.value)
        case _:
            charged = sorted(inside, key=lambda e: (e.timestamp, e.event_id))[price.free_events :]
            cost = price.rate / 100 * sum(event.value for event in charged) + price.fixed * len(charged)
            return min(max(_rounded(cost), price.minimum_minor or 0), price.maximum_minor or 0)


def _graduated(price: Price, quantity: int) -> int:
    total = 0
    for tier in price.tiers:
        last = quantity if tier["last_unit"] is None else min(quantity, tier["last_unit"])
        units = last - tier["first_unit"] + 1
        if units > 0:
            total += _rounded(Decimal(tier["unit_price"]) * units + Decimal(tier["flat_fee"]))
    return total


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
