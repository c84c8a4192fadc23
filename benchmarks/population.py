"""Fill a database with customers who are all due: a flat, a seat and a usage price each."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.core.management import call_command
from django.db import transaction

from benchmarks.databases import tidy
from benchmarks.processes import Gate
from core.copying import copy_rows
from core.domain.schedule import Interval, boundary, local_wall
from core.identifiers import new_id
from customers.models import Brand
from invoicing.models import TaxCountry, TaxRule
from invoicing.operations.numbering import ensure_series
from subscriptions.models import Metric, Plan, Price, Product, TaxType

START = datetime(2026, 1, 15, 10, 17, tzinfo=UTC)
# Everybody has started when this has passed.
LATEST_START = timedelta(days=7)
ZONE = "Europe/Berlin"
MONTH = Interval("month")
METRIC_CODE = "calls"
EVENTS_A_MONTH = 5
_SECOND = timedelta(seconds=1)
_ROWS_AT_ONCE = 5_000


def due_at(month: int) -> datetime:
    """Return a moment at which everybody is due for that month and nobody for the next."""
    return boundary(local_wall(START + LATEST_START, ZONE), MONTH, month, ZONE)


@dataclass(frozen=True, slots=True)
class Member:
    """A customer with a subscription; no two begin at the same second, so nothing learnt of one serves the next."""

    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    start: datetime

    def month(self, number: int) -> datetime:
        """Return when a period begins, so many months after the first."""
        return boundary(local_wall(self.start, ZONE), MONTH, number, ZONE)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What everybody subscribes to."""

    brand: Brand
    plan: Plan
    prices: tuple[Price, ...]
    metric: Metric


def migrate(gate: Gate) -> None:
    """Make the tables."""
    gate()
    call_command("migrate", interactive=False, verbosity=0)


def populate(gate: Gate, count: int, start: datetime, events_a_month: int) -> list[uuid.UUID]:
    """Add customers, each with a subscription since `start` or soon after, due a month later; return those."""
    gate()
    catalogue = _make_catalogue(start)
    stride = LATEST_START / count
    members = [Member(new_id(), new_id(), start + n * stride // _SECOND * _SECOND) for n in range(count)]
    for first in range(0, count, _ROWS_AT_ONCE):
        some = members[first : first + _ROWS_AT_ONCE]
        with transaction.atomic():
            _add_customers(catalogue, some)
            _add_items(catalogue, some)
            _add_events(catalogue, some, events_a_month)
    tidy()
    return [member.subscription_id for member in members]


def _make_catalogue(start: datetime) -> Catalogue:
    """Make a brand with its tax, a plan, and a flat, a seat and a usage price."""
    brand = Brand.objects.create(
        code="bench", name="Bench", country="DE", vat_registered=True, created_at=start, updated_at=start
    )
    ensure_series(brand=brand, kind="invoice", now=start)
    tax_type = TaxType.objects.create(name="standard", default=True, digital=True, created_at=start)
    germany = TaxCountry.objects.create(code="DE", name="Germany", collecting=True, in_eu=True, created_at=start)
    TaxRule.objects.create(
        country=germany, tax_type=tax_type, rate=Decimal(19), valid_from=start.date(), created_at=start
    )
    product = Product.objects.create(name="Bench", tax_type=tax_type, created_at=start)
    metric = Metric.objects.create(name="Calls", code=METRIC_CODE, aggregation="sum", created_at=start)
    common = {"product": product, "currency": "EUR", "interval": "month", "created_at": start}
    prices = (
        Price.objects.create(type="fixed_price", unit_price=Decimal(4900), **common),
        Price.objects.create(type="unit", unit_price=Decimal(1000), **common),
        Price.objects.create(
            type="unit", unit_price=Decimal("0.5"), usage=True, metric=metric, billing_timing="arrears", **common
        ),
    )
    plan = Plan.objects.create(product=product, name="Bench", code_name="bench", per_seat=True, created_at=start)
    plan.prices.set(prices)
    return Catalogue(brand, plan, prices, metric)


def _add_customers(catalogue: Catalogue, members: Sequence[Member]) -> None:
    """Add customers who pay by invoice, and their subscriptions."""
    copy_rows(
        "customers_customer",
        ("id", "brand_id", "email", "name", "status", "billing_type", "type", "reference", "external_reference",
         "company_name", "street_line_one", "street_line_two", "city", "region", "postcode", "country", "tax_number",
         "tax_number_check", "tax_exempt", "locale", "time_zone", "invoice_format", "buyer_reference",
         "marketing_opt_in", "metadata", "created_at", "updated_at"),
        [
            (one.customer_id, catalogue.brand.id, f"{one.customer_id}@example.com", f"Customer {one.customer_id}",
             "active", "invoice", "individual", "", "", "", "1 Street", "", "Berlin", "", "10115", "DE", "", "", False,
             "en", ZONE, "pdf", "", False, {}, one.start, one.start)
            for one in members
        ],
    )  # fmt: skip
    copy_rows("customers_agenda", ("customer_id", "due_at"), [(one.customer_id, one.month(1)) for one in members])
    copy_rows(
        "subscriptions_subscription",
        ("id", "customer_id", "plan_id", "currency", "status", "started_at", "current_period_start",
         "current_period_end", "billed_to_at", "next_due_at", "main_external_reference", "child_external_reference",
         "metadata", "created_at", "updated_at"),
        [
            (one.subscription_id, one.customer_id, catalogue.plan.id, "EUR", "active", one.start, one.start,
             one.month(1), one.start, one.month(1), "", "", {}, one.start, one.start)
            for one in members
        ],
    )  # fmt: skip
    copy_rows(
        "subscriptions_subscriptionterms",
        ("id", "subscription_id", "version", "from_at", "phase", "plan_id", "anchor_wall", "interval",
         "interval_count", "time_zone", "alignment", "reason", "actor", "recorded_at"),
        [
            (new_id(), one.subscription_id, 1, one.start, "paid", catalogue.plan.id, local_wall(one.start, ZONE),
             "month", 1, ZONE, "anniversary", "start", "", one.start)
            for one in members
        ],
    )  # fmt: skip


def _add_items(catalogue: Catalogue, members: Sequence[Member]) -> None:
    """Add each subscription's items: one of every price, and five seats."""
    items = [(new_id(), one, position) for one in members for position in range(len(catalogue.prices))]
    copy_rows(
        "subscriptions_subscriptionitem", ("id", "subscription_id", "position", "created_at"),
        [(item_id, one.subscription_id, position, one.start) for item_id, one, position in items],
    )  # fmt: skip
    copy_rows(
        "subscriptions_itemterms",
        ("id", "item_id", "version", "from_at", "price_id", "quantity", "delta", "change", "proration", "actor",
         "recorded_at"),
        [
            (new_id(), item_id, 1, one.start, catalogue.prices[position].id, 1 + 4 * (position == 1),
             1 + 4 * (position == 1), "started", "", "", one.start)
            for item_id, one, position in items
        ],
    )  # fmt: skip


def _add_events(catalogue: Catalogue, members: Sequence[Member], count: int) -> None:
    """Add so many events to each subscription, one a day."""
    copy_rows(
        "usage_event",
        ("subscription_id", "event_id", "metric_id", "value", "timestamp", "received_at"),
        [
            (one.subscription_id, f"first-{n}", catalogue.metric.id, Decimal(100), at, at)
            for one in members
            for n in range(count)
            for at in (one.start + timedelta(days=n),)
        ],
    )
