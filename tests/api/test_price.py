"""GET, POST `/product/{id}/price`; GET `/price`; GET, PUT, DELETE `/price/{id}` (Billing rules, section 3)."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.models import OutboxEvent
from subscriptions.models import Price
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape

MONTHLY = {"currency": "EUR", "recurring": True, "schedule": "month"}
TIERS = [
    {"first_unit": 1, "last_unit": 10, "unit_price": "1500", "flat_fee": 1000},
    {"first_unit": 11, "last_unit": 20, "unit_price": 1000, "flat_fee": 1500},
    {"first_unit": 21, "last_unit": -1, "unit_price": 500.5, "flat_fee": 2500},
]


def test_the_contracts_price_is_a_fixed_price_per_seat(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    created = api.post(f"/product/{product_id}/price", {**MONTHLY, "amount": 1000})
    check_shape("price", created)
    assert (created["amount"], created["unit_price"]) == (1000, "1000")
    assert (created["type"], created["interval"], created["interval_count"]) == ("fixed_price", "month", 1)
    assert (created["schedule"], created["recurring"]) == ("month", True)
    assert (created["including_tax"], created["public"], created["active"], created["usage"]) == (
        False,
        True,
        True,
        False,
    )
    assert (created["billing_timing"], created["proration_up"]) == ("advance", "day")
    assert not {"tiers", "units", "rate", "metric", "metric_type"} & set(created)
    assert api.get(f"/price/{created['id']}") == created


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 50000, "currency": "EUR", "recurring": False},
        {"amount": 50000, "currency": "EUR", "recurring": False, "schedule": "one-off"},
        {"amount": 50000, "currency": "EUR", "recurring": False, "schedule": None},
        {"amount": 50000, "currency": "EUR", "type": "one-off"},
        {"amount": 50000, "currency": "EUR", "interval": "one-off"},
        {"amount": 50000, "currency": "EUR", "type": "one_off", "interval": "one_off"},
    ],
)
def test_a_price_charged_once_has_many_spellings(api: Caller, shop: Shop, body: dict[str, Any]) -> None:
    created = api.post(f"/product/{shop.product()}/price", body)
    check_shape("price", created)
    assert (created["type"], created["interval"], created["schedule"]) == ("one_off", "one_off", "one-off")
    assert created["recurring"] is False


def test_intervals_beyond_the_contracts_words_have_no_schedule(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    for interval, count, schedule in (
        ("month", 3, None),
        ("day", 1, None),
        ("week", 2, None),
        ("year", 1, "year"),
        ("week", 1, "week"),
    ):
        body = {"amount": 1, "currency": "EUR", "interval": interval, "interval_count": count}
        created = api.post(f"/product/{product_id}/price", body)
        check_shape("price", created)
        assert (created["interval"], created["interval_count"], created["schedule"]) == (interval, count, schedule)


def test_a_price_finer_than_the_minor_unit_has_amount_zero(api: Caller, shop: Shop) -> None:
    for unit_price, text in (("0.03", "0.03"), (0.5, "0.5"), ("0.000000000001", "0.000000000001")):
        created = api.post(f"/product/{shop.product()}/price", {**MONTHLY, "unit_price": unit_price})
        check_shape("price", created)
        assert (created["amount"], created["unit_price"]) == (0, text)
    fine = api.errors("POST", f"/product/{shop.product()}/price", {**MONTHLY, "unit_price": "0.0000000000001"})
    assert set(fine) == {"unit_price"}


def test_every_type_of_price_can_be_made_and_sent_back(api: Caller, shop: Shop) -> None:
    product_id, metric_id = shop.product(), shop.metric()
    bodies: dict[str, dict[str, Any]] = {
        "fixed_price": {"amount": 1000, "minimum_commitment": 10000, "proration_down": "none"},
        "one_off": {"amount": 1000, "recurring": False, "schedule": "one-off"},
        "unit": {"unit_price": "0.03", "metric": metric_id, "metric_type": "continuous"},
        "package": {"amount": 250, "units": 10, "free_units": 5, "metric": "calls"},
        "tiered_volume": {"tiers": TIERS, "metric": {"id": metric_id}},
        "tiered_graduated": {"tiers": TIERS, "including_tax": True, "public": False},
        "percentage": {"rate": "2.9", "fixed": 30, "free_events": 3, "min": 5, "max": 900, "metric": {"code": "calls"}},
    }
    for type_, fields in bodies.items():
        created = api.post(f"/product/{product_id}/price", {**MONTHLY, "type": type_, **fields})
        check_shape("price", created)
        assert created["type"] == type_
        assert created["usage"] is ("metric" in fields)
        assert created["billing_timing"] == ("arrears" if "metric" in fields else "advance")
        again = api.post(f"/product/{product_id}/price", created)
        assert again == {**created, "id": again["id"]}
    assert [tier["last_unit"] for tier in api.get("/price?limit=100")["data"][3]["tiers"]] == [10, 20, None]


def test_per_unit_is_a_spelling_of_unit(api: Caller, shop: Shop) -> None:
    created = api.post(f"/product/{shop.product()}/price", {**MONTHLY, "type": "per_unit", "amount": 5})
    assert created["type"] == "unit"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"currency": "EUR", "amount": 1, "recurring": True}, {"schedule"}),
        ({"currency": "EUR", "amount": 1}, {"schedule"}),
        ({"currency": "EUR", "amount": 1, "recurring": True, "schedule": "one-off"}, {"schedule"}),
        ({"currency": "EUR", "amount": 1, "recurring": False, "schedule": "month"}, {"schedule"}),
        ({"currency": "EUR", "recurring": True, "schedule": "month"}, {"amount"}),
        ({**MONTHLY, "amount": -1}, {"amount"}),
        ({**MONTHLY, "amount": "1000"}, {"amount"}),
        ({**MONTHLY, "amount": 10.5}, {"amount"}),
        ({**MONTHLY, "amount": 10**30}, {"amount"}),
        ({**MONTHLY, "amount": True}, {"amount"}),
        ({**MONTHLY, "amount": 10, "currency": "eur"}, {"currency"}),
        ({**MONTHLY, "amount": 10, "currency": "XXX"}, {"currency"}),
        ({**MONTHLY, "amount": 10, "unit_price": 11}, {"unit_price"}),
        ({**MONTHLY, "amount": 10, "interval": "year"}, {"interval"}),
        ({**MONTHLY, "amount": 10, "interval_count": 0}, {"interval_count"}),
        ({**MONTHLY, "amount": 10, "type": "flat"}, {"type"}),
        ({**MONTHLY, "amount": 10, "type": "one_off"}, {"type"}),
        ({**MONTHLY, "amount": 10, "units": 5}, {"units"}),
        ({**MONTHLY, "amount": 10, "rate": 5, "min": 3}, {"rate", "min"}),
        ({**MONTHLY, "tiers": TIERS}, {"type"}),
        ({**MONTHLY, "type": "tiered_volume"}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": []}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": TIERS[:2]}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": TIERS[1:]}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": [TIERS[0], TIERS[2]]}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": [TIERS[0], TIERS[0], TIERS[2]]}, {"tiers"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": TIERS, "amount": 5}, {"amount"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": [{"first_unit": 1, "unit_price": -1}]}, {"tiers.0.unit_price"}),
        ({**MONTHLY, "type": "tiered_volume", "tiers": [5, {"first_unit": "1"}]}, {"tiers.0", "tiers.1.first_unit"}),
        ({**MONTHLY, "amount": 10, "usage": True}, {"metric"}),
        ({**MONTHLY, "amount": 10, "metric": "nothing"}, {"metric"}),
        ({**MONTHLY, "amount": 10, "metric": "calls", "type": "fixed_price"}, {"type"}),
        ({**MONTHLY, "amount": 10, "metric": "calls", "usage": False}, {"usage"}),
        ({**MONTHLY, "amount": 10, "metric": "calls", "billing_timing": "advance"}, {"billing_timing"}),
        ({**MONTHLY, "amount": 10, "metric_type": "continuous"}, {"metric_type"}),
        ({**MONTHLY, "type": "percentage", "rate": 1}, {"metric"}),
        ({**MONTHLY, "type": "percentage", "rate": 1, "metric": "calls", "min": 5, "max": 3}, {"min"}),
        ({**MONTHLY, "type": "percentage", "rate": 1, "metric": "calls", "amount": 5}, {"amount"}),
        ({"currency": "EUR", "amount": 1, "recurring": False, "minimum_commitment": 5}, {"minimum_commitment"}),
        ({**MONTHLY, "amount": 1, "minimum_commitment": -5}, {"minimum_commitment"}),
        ({**MONTHLY, "amount": 1, "proration_up": "monthly"}, {"proration_up"}),
    ],
)
def test_numbers_that_make_no_price_are_refused_where_they_stand(
    api: Caller, shop: Shop, body: dict[str, Any], fields: set[str]
) -> None:
    shop.metric()
    assert set(api.errors("POST", f"/product/{shop.product()}/price", body)) == fields
    assert not Price.objects.exists()


def test_prices_are_listed_by_product_and_all(api: Caller, shop: Shop, django_assert_num_queries) -> None:
    first, second = shop.product("First"), shop.product("Second")
    metric_id = shop.metric(filters=[{"name": "zone", "value": "eu", "type": "inclusive"}])
    mine = [shop.price(first), shop.price(first, type="unit", metric=metric_id), shop.price(first)]
    other = shop.price(second)
    with django_assert_num_queries(4):
        page = api.get(f"/product/{first}/price")
    check_page("price", page)
    assert [row["id"] for row in page["data"]] == mine[::-1]
    with django_assert_num_queries(3):
        every = api.get("/price")
    assert [row["id"] for row in every["data"]] == [other, *mine[::-1]]
    assert api.call("GET", f"/product/{uuid.uuid4()}/price").status_code == 404
    assert api.call("POST", f"/product/{uuid.uuid4()}/price", {**MONTHLY, "amount": 1}).status_code == 404


def test_only_what_decides_no_amount_can_be_changed(api: Caller, shop: Shop) -> None:
    created = api.get(f"/price/{shop.price(shop.product())}")
    path = f"/price/{created['id']}"
    changed = api.put(path, {**created, "amount": 5, "public": False, "metadata": {"a": 1}})
    assert changed == {**created, "public": False, "metadata": {"a": 1}}
    retired = api.put(path, {"active": False})
    assert retired == {**changed, "active": False}
    assert OutboxEvent.objects.filter(type="price.retired").count() == 1
    assert api.put(path, {"active": True}) == changed
    api.delete(path)
    assert api.get(path) == retired
    api.delete(path)
    assert OutboxEvent.objects.filter(type="price.retired").count() == 2


def test_the_database_itself_refuses_to_change_a_price(api: Caller, shop: Shop) -> None:
    shop.price(shop.product())
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        Price.objects.update(unit_price=5)
