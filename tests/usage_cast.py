"""Who uses something in the tests of usage: subscriptions with a calendar, metrics, events."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.identifiers import new_id
from core.models import TestClock
from customers.models import Brand, Customer
from subscriptions.models import (
    ItemTerms,
    Metric,
    MetricFilter,
    Plan,
    Price,
    Product,
    Subscription,
    SubscriptionItem,
    SubscriptionTerms,
)
from usage.domain.event import EventDraft

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
APRIL = datetime(2025, 4, 1, tzinfo=UTC)


def make_metric(code: str = "calls", aggregation: str = "sum", property: str = "", **filters: str) -> Metric:
    """Store a metric; each filter is name=value, kept unless the name begins with `not_`."""
    metric = Metric.objects.create(
        name=code.title(), code=code, aggregation=aggregation, aggregation_property=property, created_at=START
    )
    for name, value in filters.items():
        kind = MetricFilter.Type.EXCLUSIVE if name.startswith("not_") else MetricFilter.Type.INCLUSIVE
        MetricFilter.objects.create(metric=metric, name=name.removeprefix("not_"), value=value, type=kind)
    return metric


def make_plan(code: str = "basic") -> Plan:
    """Store a plan of a product of its own."""
    product = Product.objects.create(name=code.title(), created_at=START)
    return Plan.objects.create(product=product, name=code.title(), code_name=code, created_at=START)


def make_customer(name: str = "Alice", clock: TestClock | None = None) -> Customer:
    """Store a customer of the one brand."""
    brand, _ = Brand.objects.get_or_create(
        code="acme", defaults={"name": "Acme", "country": "DE", "created_at": START, "updated_at": START}
    )
    return Customer.objects.create(brand=brand, name=name, test_clock=clock, created_at=START, updated_at=START)


def make_subscription(
    customer: Customer | None = None,
    plan: Plan | None = None,
    *,
    billed_to_at: datetime | None = MARCH,
    started_at: datetime = START,
    interval: str = "month",
    phase: str | None = "paid",
    **fields: Any,
) -> Subscription:
    """Store an active subscription, monthly from 1 January 2025 in UTC, invoiced up to 1 March.

    With `phase` None it has no terms.
    """
    plan = plan or Plan.objects.filter(code_name="basic").first() or make_plan()
    subscription = Subscription.objects.create(
        customer=customer or make_customer(),
        plan=plan,
        currency="EUR",
        status=fields.pop("status", "active"),
        started_at=started_at,
        current_period_start=MARCH,
        current_period_end=APRIL,
        billed_to_at=billed_to_at,
        created_at=started_at,
        updated_at=started_at,
        **fields,
    )
    if phase is not None:
        add_terms(subscription, started_at, phase, interval=interval)
    return subscription


def add_terms(
    subscription: Subscription,
    from_at: datetime,
    phase: str = "paid",
    *,
    anchor: datetime | None = None,
    interval: str = "month",
) -> SubscriptionTerms:
    """Add a calendar version; the anchor stays unless given."""
    before = subscription.terms.order_by("-version").first()
    anchor_wall = before.anchor_wall if before and anchor is None else (anchor or from_at).replace(tzinfo=None)
    return SubscriptionTerms.objects.create(
        subscription=subscription,
        version=before.version + 1 if before else 1,
        from_at=from_at,
        phase=phase,
        plan=subscription.plan,
        anchor_wall=anchor_wall,
        interval=interval,
        interval_count=1,
        time_zone="UTC",
        reason="test",
        recorded_at=from_at,
    )


def add_usage_item(
    subscription: Subscription, metric: Metric, *, interval: str = "month", metric_type: str = "resettable"
) -> SubscriptionItem:
    """Add an item whose price measures a metric."""
    price = Price.objects.create(
        product=subscription.plan.product,
        type=Price.Type.UNIT,
        currency="EUR",
        unit_price=Decimal(1),
        interval=interval,
        billing_timing=Price.Timing.ARREARS,
        usage=True,
        metric=metric,
        metric_type=metric_type,
        created_at=START,
    )
    item = SubscriptionItem.objects.create(
        subscription=subscription, position=subscription.items.count(), created_at=START
    )
    ItemTerms.objects.create(
        item=item,
        version=1,
        from_at=subscription.started_at,
        price=price,
        quantity=1,
        delta=1,
        change=ItemTerms.Change.STARTED,
        recorded_at=START,
    )
    return item


def draft(subscription: Subscription | uuid.UUID, event_id: str = "", **fields: Any) -> EventDraft:
    """Make an event of one call, ten minutes ago unless told otherwise."""
    return EventDraft(
        event_id=event_id or str(new_id()),
        subscription_id=subscription if isinstance(subscription, uuid.UUID) else subscription.id,
        **{"code": "calls", "value": Decimal(1), "timestamp": NOW - timedelta(minutes=10), **fields},
    )
