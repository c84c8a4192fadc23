"""The catalogue as the operations leave it."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Conflict, Invalid, NotFound
from core.models import OutboxEvent
from core.operations import SYSTEM
from subscriptions.domain.offer import PriceWanted
from subscriptions.domain.pricing import Rating, Tier, price_quantity
from subscriptions.models import Plan, Price, Product
from subscriptions.operations import catalogue, metrics
from subscriptions.operations.catalogue import PlanChanges, PlanWanted
from subscriptions.operations.metrics import FilterWanted
from subscriptions.queries.terms import list_price_terms

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIERS = (Tier(1, 10, Decimal(1500), Decimal(1000)), Tier(11, 20, Decimal(1000), Decimal(1500)))
OPEN_TIERS = (*TIERS, Tier(21, -1, Decimal(500), Decimal(2500)))


@pytest.fixture
def product() -> Product:
    """Return a product."""
    return catalogue.create_product({"name": "Cloud"}, actor=SYSTEM, now=NOW)


def create(product: Product, **fields: Any) -> Price:
    """Make a monthly price of 10.00 EUR, changed as asked."""
    wanted = PriceWanted(product.id, "EUR", **{"amount": Decimal(1000), "interval": "month", **fields})
    return catalogue.create_price(wanted, actor=SYSTEM, now=NOW)


def rating_of(price: Price) -> Rating:
    """Return a stored price as the engine reads it."""
    return list_price_terms([price.id])[price.id].rating


@pytest.mark.parametrize(
    ("fields", "quantity", "amount"),
    [
        ({}, 50, 50000),
        ({"type": "one_off", "interval": "one_off", "amount": Decimal(50000)}, 1, 50000),
        ({"type": "unit"}, 50, 50000),
        ({"type": "unit", "amount": Decimal("0.03")}, 17, 1),
        ({"type": "package", "units": 10}, 50, 5000),
        ({"type": "package", "amount": Decimal(250), "units": 10}, 99, 2500),
        ({"type": "tiered_graduated", "amount": None, "tiers": OPEN_TIERS}, 25, 32500),
    ],
)
def test_a_stored_price_prices_as_the_rules_say(
    product: Product, fields: dict[str, Any], quantity: int, amount: int
) -> None:
    price = create(product, **fields)
    parts = price_quantity(rating_of(price), Decimal(quantity))
    assert sum(part.amount_minor for part in parts) == amount


def test_a_price_that_cannot_be_is_not_stored(product: Product) -> None:
    with pytest.raises(Invalid) as raised:
        create(product, type="tiered_volume", tiers=TIERS, units=5)
    assert set(raised.value.fields) == {"amount", "tiers", "units"}
    with pytest.raises(NotFound):
        catalogue.create_price(PriceWanted(uuid.uuid4(), "EUR", amount=Decimal(1)), actor=SYSTEM, now=NOW)
    assert not Price.objects.exists()


def test_a_price_is_retired_and_taken_back(product: Product) -> None:
    price = create(product)
    assert catalogue.update_price(price.id, active=False, actor=SYSTEM, now=NOW).retired_at == NOW
    catalogue.update_price(price.id, active=False, actor=SYSTEM, now=NOW)
    assert catalogue.update_price(price.id, active=True, actor=SYSTEM, now=NOW).retired_at is None
    events = list(OutboxEvent.objects.values_list("type", flat=True))
    assert events == ["price.created", "price.retired"]


def test_a_plan_joins_only_what_fits(product: Product) -> None:
    other = catalogue.create_product({"name": "Other"}, actor=SYSTEM, now=NOW)
    mine, foreign = create(product), create(other)
    with pytest.raises(Invalid) as raised:
        catalogue.create_plan(
            PlanWanted(product.id, "Team", "team", price_ids=[mine.id, foreign.id]), actor=SYSTEM, now=NOW
        )
    assert set(raised.value.fields) == {"prices.1"}
    plan = catalogue.create_plan(PlanWanted(product.id, "Team", "team", price_ids=[mine.id]), actor=SYSTEM, now=NOW)
    with pytest.raises(Conflict):
        catalogue.create_plan(PlanWanted(product.id, "Team", "team"), actor=SYSTEM, now=NOW)
    with pytest.raises(Invalid):
        catalogue.update_plan(plan.id, PlanChanges(price_ids=[foreign.id]), actor=SYSTEM, now=NOW)
    with pytest.raises(Invalid):
        catalogue.update_plan(plan.id, PlanChanges({"has_trial": True}), actor=SYSTEM, now=NOW)
    assert list(Plan.objects.get().prices.all()) == [mine]


def test_a_change_of_a_plan_to_what_it_is_writes_nothing(product: Product) -> None:
    plan = catalogue.create_plan(PlanWanted(product.id, "Team", "team"), actor=SYSTEM, now=NOW)
    catalogue.update_plan(plan.id, PlanChanges({"name": "Team"}, active=True), actor=SYSTEM, now=NOW)
    assert list(OutboxEvent.objects.values_list("type", flat=True)) == ["plan.created"]


def test_a_metric_in_use_keeps_its_meaning(product: Product) -> None:
    facts = {"name": "Calls", "code": "calls", "aggregation": "sum"}
    keep = FilterWanted("zone", "eu", "inclusive")
    metric = metrics.create_metric(facts, filters=[keep], actor=SYSTEM, now=NOW)
    create(product, metric_id=metric.id)
    for changes, filters in (({"aggregation": "max"}, None), ({"code": "x"}, None), ({}, [])):
        with pytest.raises(Conflict):
            metrics.update_metric(metric.id, changes, filters=filters, actor=SYSTEM, now=NOW)
    renamed = metrics.update_metric(metric.id, {"name": "Requests"}, filters=[keep], actor=SYSTEM, now=NOW)
    assert (renamed.name, renamed.filters.count()) == ("Requests", 1)
    with pytest.raises(Conflict):
        metrics.delete_metric(metric.id, actor=SYSTEM, now=NOW)
