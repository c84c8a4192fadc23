"""GET, POST `/customer/{id}/usage-limit`, DELETE `/customer/{id}/usage-limit/{limitId}`; GET `/customer/{id}/costs`."""

from typing import Any

import pytest

from core.clock import wall_now
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_shape

NAMES = ["usage-limit", "usage-limits", "uasge-limit"]


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_is_set_listed_and_lifted(api: Caller, shop: Shop, name: str) -> None:
    alice, bob = shop.customer("alice"), shop.customer("bob")
    made = api.post(f"/customer/{alice}/{name}", {"amount": 2000, "action": "WARNING"})
    check_shape("usage_limit", made)
    assert made == {"id": made["id"], "name": "Warning at 2000", "amount": 2000, "action": "WARNING"}
    second = api.post(f"/customer/{alice}/{name}", {"amount": 3000, "action": "DISABLE", "name": "Hard stop"})
    assert (second["name"], second["action"]) == ("Hard stop", "DISABLE")
    page = api.get(f"/customer/{alice}/{name}")
    assert page == {"data": [second, made], "has_more": False, "last_key": made["id"]}
    assert api.get(f"/customer/{alice}/{name}?limit=1")["has_more"]
    assert api.call("DELETE", f"/customer/{bob}/{name}/{made['id']}").status_code == 404
    assert api.delete(f"/customer/{alice}/{name}/{made['id']}", 200) == {}
    assert api.call("DELETE", f"/customer/{alice}/{name}/{made['id']}").status_code == 404
    assert api.get(f"/customer/{alice}/{name}")["data"] == [second]
    assert api.get(f"/customer/{bob}/{name}") == {"data": [], "has_more": False}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"amount", "action"}),
        ({"amount": 0, "action": "WARNING"}, {"amount"}),
        ({"amount": -5, "action": "WARNING"}, {"amount"}),
        ({"amount": 1.5, "action": "WARNING"}, {"amount"}),
        ({"amount": 1, "action": "warn"}, {"action"}),
        ({"amount": 1, "action": "WARNING", "currency": "EUR"}, {"currency"}),
    ],
)
def test_what_is_refused(api: Caller, shop: Shop, body: dict[str, Any], fields: set[str]) -> None:
    assert set(api.errors("POST", f"/customer/{shop.customer()}/usage-limit", body)) == fields


def usage_customer(api: Caller, shop: Shop) -> tuple[str, str]:
    """Return a customer whose calls cost 2.5 each, and the subscription."""
    product = shop.product()
    shop.metric("calls", aggregation_method="sum")
    fee = shop.price(product)
    calls = shop.price(product, amount=None, unit_price="2.5", metric="calls", type="unit")
    shop.plan(product, fee, calls, code_name="team")
    alice = shop.customer("alice", billing_type="invoice")
    body = {"subscription_plan": "team", "price": fee, "items": [{"price": calls}]}
    return alice, api.post(f"/customer/{alice}/subscription/start", body)["id"]


def test_costs_are_what_the_period_would_cost_now(api: Caller, shop: Shop) -> None:
    alice, subscription = usage_customer(api, shop)
    empty = api.get(f"/customer/{alice}/costs")
    assert (empty["cost"], empty["total"]) == ({"amount": 0, "currency": "EUR"},) * 2
    for number, value in enumerate(("100", "1.2")):
        event = {"event_id": str(number), "subscription": subscription, "code": "calls", "value": value}
        api.post("/events", {**event, "timestamp": wall_now().isoformat()})
    answer = api.get(f"/customer/{alice}/costs")
    (cost,) = answer["costs"]
    # 101.2 x 2.5, rounded once.
    assert (cost["name"], cost["amount"], cost["currency"], cost["usage"]) == ("Calls", 253, "EUR", 101.2)
    assert cost["subscription"] == subscription
    for total in (answer["cost"], answer["total"]):
        check_shape("cost", total)
        assert total == {"amount": 253, "currency": "EUR"}


def test_costs_of_who_uses_nothing_by_measure_are_an_array_with_one_error(api: Caller, shop: Shop) -> None:
    bob = shop.customer("bob")
    response = api.call("GET", f"/customer/{bob}/costs")
    assert response.status_code == 422
    (error,) = response.json()
    assert error["error"] == "not_usage_based"
    assert api.call("GET", f"/customer/{shop.product()}/costs").status_code == 404
