"""CRUD `/quote`, POST `/quote/{id}/accept`."""

from typing import Any

import pytest

from invoicing.models import Quote
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop

ITEM = {"description": "Training", "amount": 5000, "currency": "EUR", "include_tax": False}


@pytest.fixture
def alice(shop: Shop) -> str:
    return shop.customer(billing_type="invoice")


def plan_line(shop: Shop, amount: int = 3000, seats: int = 30) -> dict[str, Any]:
    product = shop.product()
    price = shop.price(product, amount=amount)
    return {"plan": shop.plan(product, price, per_seat=True), "price": price, "seat_number": seats}


def test_a_quote_is_written_read_changed_accepted(api: Caller, shop: Shop, alice: str) -> None:
    line = plan_line(shop)
    body = {"customer": alice, "name": "Team", "subscriptions": [line], "items": [ITEM], "expires_at": "2199-01-31"}
    quote = api.post("/quote", body)
    path = f"/quote/{quote['id']}"
    assert (quote["status"], quote["total"], quote["paid"], quote["expires_at"]) == (
        "open",
        95000,
        False,
        "2199-01-31T00:00:00+00:00",
    )
    assert [one["total"] for one in quote["lines"]] == [90000, 5000]
    assert quote["subscriptions"] == [line]
    assert quote["items"] == [ITEM]
    assert api.get(path) == quote == api.get(f"/quote?customer={alice}&status=open")["data"][0]
    changed = api.put(path, {"items": [ITEM], "expires_at": None})
    assert (changed["total"], changed["subscriptions"], changed["name"], "expires_at" in changed) == (
        5000,
        [],
        "Team",
        False,
    )
    api.put(path, {"subscriptions": [line]})
    accepted = api.post(f"{path}/accept", status=200, **idempotent("yes"))
    assert api.post(f"{path}/accept", status=200, **idempotent("yes")) == accepted
    assert accepted["status"] == "accepted"
    invoice = api.get(f"/invoice/{accepted['invoice']}")
    assert (invoice["total"], invoice["status"]) == (90000, "open")
    started = api.get(f"/subscription/{accepted['subscriptions'][0]['subscription']}")
    assert (started["status"], started["seat_number"]) == ("active", 30)
    for method, tail in (("POST", "/accept"), ("PUT", ""), ("DELETE", "")):
        answer = api.call(method, path + tail, {})
        assert (answer.status_code, answer.json()["error"]) == (409, "quote_accepted")


def test_an_expired_quote_is_not_paid(api: Caller, alice: str) -> None:
    quote = api.post("/quote", {"customer": alice, "items": [ITEM]})
    Quote.objects.update(expires_at="2026-01-01T00:00:00Z")
    answer = api.call("POST", f"/quote/{quote['id']}/accept")
    assert (answer.status_code, answer.json()["error"]) == (406, "quote_expired")
    assert api.get(f"/quote/{quote['id']}")["status"] == "expired"
    assert api.get("/quote?status=open")["data"] == []
    assert len(api.get("/quote?status=expired")["data"]) == 1


def test_a_card_pays_or_it_stays_open(api: Caller, shop: Shop) -> None:
    bob = shop.customer("bob")
    quote = api.post("/quote", {"customer": bob, "subscriptions": [plan_line(shop, 1000, 2)]})
    path = f"/quote/{quote['id']}/accept"
    assert api.call("POST", path).status_code == 406
    cards = f"/customer/{bob}/payment-methods/frontend-payment-token"
    api.post(cards, {"token": "tok_declined"})
    declined = api.call("POST", path, **idempotent("no"))
    assert (declined.status_code, declined.json()["failure_reason"]) == (402, "general_decline")
    assert api.get(f"/quote/{quote['id']}")["status"] == "open"
    good = api.post(cards, {"token": "tok_visa"})
    api.call("POST", f"/customer/{bob}/payment-methods/{good['id']}/default")
    accepted = api.post(path, status=200)
    assert (accepted["status"], accepted["paid"]) == ("accepted", True)


def test_a_quote_is_deleted(api: Caller, alice: str) -> None:
    quote = api.post("/quote", {"customer": alice, "items": [ITEM]})
    api.delete(f"/quote/{quote['id']}")
    api.delete(f"/quote/{quote['id']}", 404)


def test_all_that_is_wrong_is_said(api: Caller, alice: str) -> None:
    assert api.errors("POST", "/quote", {"items": [ITEM]}) == {"customer": "is required"}
    assert list(api.errors("POST", "/quote", {"customer": alice})) == ["items"]
    wrong = {"customer": alice, "items": [ITEM], "expires_at": "2020-01-01"}
    assert api.errors("POST", "/quote", wrong) == {"expires_at": "must lie ahead"}
