"""What hangs under one parent is never read or changed under another's path (every path of the URL table)."""

import re
from typing import Any

import pytest

from invoicing.models import Invoice
from tests.api.client import Caller
from tests.api.routes import Route, routes
from tests.api.world import World, count_rows

NESTED = [route for route in routes() if re.findall(r"<id:", route.template)[1:]]
LISTS = [
    route
    for route in routes()
    if "<id:" in route.template and "GET" in route.methods and not route.template.endswith(">")
]
# Lists in which the first parent has nothing in `both`: its test is one of those of `NESTED`.
EMPTY = {
    "customer/<id:customer_id>/payment", "customer/<id:customer_id>/refund", "invoice/<id:invoice_id>/payment",
    "webhook-endpoint/<id:webhook_endpoint_id>/delivery",
}  # fmt: skip


@pytest.fixture
def both(api: Caller) -> tuple[World, dict[str, str]]:
    """Return one of everything, and another of each that can be a parent."""
    world = World(api)
    ids = world.ids
    api.post(f"/customer/{ids['customer_id']}/voucher", {"code": "HALF"}, 202)
    api.post(f"/customer/{ids['customer_id']}/credit", {"type": "credit", "amount": 1, "currency": "EUR"})
    bob = api.post("/customer", {"email": "bob@example.org", "billing_type": "invoice"})["id"]
    start = {"subscription_plan": "team", "price": ids["price_id"]}
    subscription = api.post(f"/customer/{bob}/subscription/start", start)["id"]
    country = api.post("/tax/country", {"code": "US", "name": "United States"})["id"]
    others = {
        "customer_id": bob,
        "subscription_id": subscription,
        "invoice_id": str(Invoice.objects.get(customer_id=bob).id),
        "product_id": api.post("/product", {"name": "Other"})["id"],
        "voucher_id": api.post("/voucher", {"name": "x", "type": "percentage", "percent": 1, "code": "X"})["id"],
        "country_id": country,
        "webhook_endpoint_id": api.post("/webhook-endpoint", {"url": "https://example.com/other"})["id"],
        "state_id": api.post(f"/tax/country/{country}/state", {"code": "TX", "name": "Texas"})["id"],
    }
    return world, others


def under(route: Route, world: World, others: dict[str, str]) -> str:
    """Return the path of a route with its own ids, but another's parent."""
    parent = re.findall(r"<id:(\w+)>", route.template)[0]
    return world.path(route).replace(world.ids[parent], others[parent], 1)


def test_nothing_is_reached_under_anothers_path(both: tuple[World, dict[str, str]]) -> None:
    world, others = both
    stored = count_rows()
    assert len(NESTED) >= 10
    for route in NESTED:
        path = under(route, world, others)
        for method in route.methods:
            answer = world.api.call(method, path, {})
            assert answer.status_code == 404, f"{method} {path}: {answer.content!r}"
        # It is there, under its own.
        if "GET" in route.methods:
            assert world.api.call("GET", world.path(route)).status_code == 200, route.template
    assert count_rows() == stored


def ids_in(answer: Any) -> set[str]:
    """Return the ids of the rows an answer lists."""
    return {row["id"] for row in answer["data"] if "id" in row}


def test_lists_under_a_parent_hold_what_is_its_own(both: tuple[World, dict[str, str]]) -> None:
    world, others = both
    asked = 0
    for route in LISTS:
        own = world.api.call("GET", world.path(route))
        told = own.json() if "json" in own["Content-Type"] and own.status_code == 200 else {}
        if not isinstance(told, dict) or "has_more" not in told:
            continue
        asked += 1
        mine, theirs = ids_in(told), ids_in(world.api.get(under(route, world, others)))
        assert mine or route.template in EMPTY, route.template
        assert not mine & theirs, route.template
    assert asked > 10


def test_lists_narrowed_to_a_customer_hold_nothing_of_anothers(both: tuple[World, dict[str, str]]) -> None:
    world, others = both
    for path in ("/invoice", "/payment-attempt", "/refund", "/credit-note", "/quote", "/subscription"):
        mine, theirs = (
            ids_in(world.api.get(f"{path}?customer={one}")) for one in (world.ids["customer_id"], others["customer_id"])
        )
        assert mine, path
        assert not mine & theirs, path
    entries = world.api.get(f"/ledger/entry?customer={others['customer_id']}&limit=100")["data"]
    assert {entry["customer"] for entry in entries} == {others["customer_id"]}
