"""GET, POST `/subscription/{id}/item`; GET, PUT, DELETE `/subscription/{id}/item/{itemId}`."""

import uuid
from typing import Any

import pytest

from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.api.world import count_rows
from tests.contract.shapes import check_page, check_shape


def add(running: Running, **fields: Any) -> str:
    """Add an item of 10.00 and return its id."""
    made: str = running.api.post(f"{running.path}/item", {"price": running.extra, **fields})["id"]
    return made


def test_added_changed_and_ended(running: Running) -> None:
    """1000 for half of June: two are 1000, a third 500 more; one ended with a third left gives 333 back."""
    running.advance("2026-06-16")
    response = running.api.call("POST", f"{running.path}/item", {"price": running.extra, "quantity": 2})
    item = response.json()
    check_shape("subscription_item", item)
    assert response.status_code == 201
    assert running.api.get(response["Location"].removeprefix("/api/v1")) == item
    assert (item["quantity"], running.totals()) == (2, [3000, 1000])
    page = running.api.get(f"{running.path}/item")
    check_page("subscription_item", page)
    assert [(one["price"]["id"], one["quantity"]) for one in page["data"]] == [(running.small, 1), (running.extra, 2)]
    changed = running.api.put(f"{running.path}/item/{item['id']}", {**item, "quantity": 3})
    assert (changed["quantity"], running.totals()) == (3, [3000, 1000, 500])
    running.advance("2026-06-21")
    running.api.delete(f"{running.path}/item/{item['id']}")
    assert (len(running.now()["items"]), running.credits()) == (1, [1000])
    running.advance("2026-07-01")
    assert running.totals() == [3000, 1000, 500, 3000]
    gone = f"{running.path}/item/{item['id']}"
    for method, body in (("GET", {}), ("PUT", {"quantity": 1}), ("DELETE", {})):
        assert running.api.call(method, gone, body).status_code == 404


def test_changed_later(running: Running) -> None:
    running.advance("2026-06-16")
    item = add(running)
    later = {"quantity": 4, "when": "next-cycle"}
    assert running.api.put(f"{running.path}/item/{item}", later)["quantity"] == 1
    waiting = running.now()["pending_change"]
    assert (waiting["kind"], waiting["item"], waiting["quantity"]) == ("item", item, 4)
    running.advance("2026-07-01")
    assert running.totals() == [3000, 500, 3000 + 4000]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"price"}),
        ({"price": "nothing", "quantity": 0}, {"price", "quantity"}),
        ({"price": "{dollars}"}, {"price"}),
        ({"price": "{yearly}"}, {"price"}),
        ({"price": "{extra}", "quantity": 10**9}, {"quantity"}),
        ({"price": "{extra}", "seats": 1}, {"seats"}),
    ],
)
def test_refusals_store_nothing(running: Running, body: dict[str, Any], named: set[str]) -> None:
    filled = {name: value.format(**vars(running)) if isinstance(value, str) else value for name, value in body.items()}
    assert set(running.refused("POST", "/item", filled)) == named


def test_a_retired_price_is_not_added(running: Running) -> None:
    item = add(running)
    running.api.delete(f"/price/{running.extra}")
    assert set(running.refused("POST", "/item", {"price": running.extra})) == {"price"}
    assert running.api.put(f"{running.path}/item/{item}", {"quantity": 2})["quantity"] == 2, "who has it keeps it"


def test_changes_that_make_no_sense(running: Running) -> None:
    item = add(running)
    for body, named in (
        ({}, {"quantity"}),
        ({"quantity": 0}, {"quantity"}),
        ({"quantity": 2, "when": "specific-date"}, {"date"}),
        ({"quantity": 2, "when": "specific-date", "date": "2026-06-01"}, {"date"}),
        ({"quantity": 2, "date": "2026-06-20"}, {"date"}),
    ):
        assert set(running.refused("PUT", f"/item/{item}", body)) == named


def test_the_plans_own_item_is_the_plans(running: Running) -> None:
    own = running.now()["items"][0]["id"]
    assert running.conflict("PUT", f"/item/{own}", {"quantity": 2}) == "plan_item"
    assert running.conflict("DELETE", f"/item/{own}") == "plan_item"


def test_items_of_somebody_else_are_not_found(api: Caller, shop: Shop, running: Running) -> None:
    item = add(running)
    charlies = running.start(running.customer("charlie"), "team", running.small)
    before = count_rows()
    for method in ("GET", "PUT", "DELETE"):
        for item_id in (item, uuid.uuid4()):
            answer = api.call(method, f"/subscription/{charlies}/item/{item_id}", {"quantity": 2})
            assert answer.status_code == 404
    assert count_rows() == before


def test_what_does_not_run_takes_no_item(running: Running) -> None:
    running.api.post(f"{running.path}/pause", status=200)
    assert running.conflict("POST", "/item", {"price": running.extra}) == "subscription_not_active"
