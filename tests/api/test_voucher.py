"""GET, POST `/voucher`; GET, PUT, DELETE `/voucher/{id}`; POST `disable`, `enable`; POST `/customer/{id}/voucher`."""

from typing import Any

import pytest

from core.clock import wall_now
from core.models import TestClock
from subscriptions.models import Voucher, VoucherRedemption
from tests.api.client import Caller
from tests.api.conftest import Shop

HALF = {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF"}


def test_a_voucher_shows_what_it_gives(api: Caller, shop: Shop) -> None:
    plan_id = shop.plan(shop.product(), code_name="team")
    body: dict[str, Any] = {
        "name": "Five off",
        "type": "fixed_discount",
        "code": "FIVE",
        "duration": "repeating",
        "duration_count": 3,
        "amounts": [{"currency": "USD", "amount": 600}, {"currency": "EUR", "amount": 500, "minimum": 1000}],
        "plans": ["team"],
        "expires_at": "2099-01-01T01:00:00+01:00",
        "maximum_redemptions": 10,
    }
    created = api.post("/voucher", body)
    assert created["plans"] == [{"id": plan_id, "name": "Plan 1", "code_name": "team"}]
    assert created["amounts"] == body["amounts"][::-1]
    assert created["expires_at"] == "2099-01-01T00:00:00+00:00"
    assert (created["entry"], created["once_per_customer"], created["redemptions"]) == ("manual", True, 0)
    assert api.get(f"/voucher/{created['id']}") == created
    percent = api.post("/voucher", {**HALF, "percent": "12.5"})
    assert percent["percent"] == 12.5
    assert [row["id"] for row in api.get("/voucher")["data"]] == [percent["id"], created["id"]]
    automatic = api.post(
        "/voucher",
        {
            "name": "Welcome back",
            "type": "percentage",
            "percent": 10,
            "entry": "automatic",
            "event": "expired_card_added",
        },
    )
    assert "code" not in automatic


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"code": None}, {"code"}),
        ({"percent": None}, {"percent"}),
        ({"percent": 0}, {"percent"}),
        ({"percent": 101}, {"percent"}),
        ({"percent": 0.5}, {"percent"}),
        ({"type": "fixed_credit"}, {"percent", "amounts"}),
        ({"amounts": [{"currency": "EUR", "amount": 5}]}, {"amounts.0.amount"}),
        ({"duration": "repeating"}, {"duration_count"}),
        ({"duration_count": 2}, {"duration_count"}),
        ({"event": "expired_card_added"}, {"event"}),
        ({"entry": "automatic"}, {"code", "event"}),
        ({"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at"}),
        ({"expires_at": "2026-02-30T00:00:00Z"}, {"expires_at"}),
        ({"maximum_redemptions": 0}, {"maximum_redemptions"}),
        ({"plans": ["nothing"]}, {"plans.0"}),
    ],
)
def test_what_makes_no_voucher_is_refused(api: Caller, change: dict[str, Any], fields: set[str]) -> None:
    assert set(api.errors("POST", "/voucher", {**HALF, **change})) == fields
    assert not Voucher.objects.exists()


def test_a_code_is_taken_once_in_any_case(api: Caller) -> None:
    api.post("/voucher", HALF)
    assert api.post("/voucher", {**HALF, "code": "half"}, 409)["error"] == "voucher_code_taken"


def test_a_voucher_is_redeemed_by_its_code_in_any_case(api: Caller, shop: Shop) -> None:
    voucher = api.post("/voucher", HALF)
    alice = shop.customer("alice")
    assert api.post(f"/customer/{alice}/voucher", {"code": "hAlF"}, 202) == {}
    redemption = VoucherRedemption.objects.get()
    assert (str(redemption.customer_id), redemption.remaining, redemption.ended_at) == (alice, 1, None)
    assert api.get(f"/voucher/{voucher['id']}")["redemptions"] == 1


def test_every_bound_of_a_redemption_is_named(api: Caller, shop: Shop) -> None:
    alice, bob = shop.customer("alice"), shop.customer("bob")
    shop.plan(shop.product(), code_name="team")
    voucher = api.post("/voucher", {**HALF, "maximum_redemptions": 1})
    api.post("/voucher", {**HALF, "code": "SCOPED", "plans": ["team"]})
    expired = api.post("/voucher", {**HALF, "code": "OLD"})
    Voucher.objects.filter(id=expired["id"]).update(expires_at=wall_now())

    def refused(customer_id: str, code: str) -> str:
        faults = api.errors("POST", f"/customer/{customer_id}/voucher", {"code": code})
        assert set(faults) == {"code"}
        return faults["code"]

    assert "no voucher" in refused(alice, "NOTHING")
    assert "plans" in refused(alice, "SCOPED")
    assert "expired" in refused(alice, "OLD")
    api.post(f"/customer/{alice}/voucher", {"code": "HALF"}, 202)
    assert "exhausted" in refused(bob, "HALF")
    Voucher.objects.filter(id=voucher["id"]).update(maximum_redemptions=5)
    assert "already" in refused(alice, "HALF")
    assert api.post(f"/voucher/{voucher['id']}/disable", status=200)["status"] == "disabled"
    assert api.post(f"/voucher/{voucher['id']}/disable", status=409)["error"] == "already_disabled"
    assert "disabled" in refused(bob, "HALF")
    assert api.post(f"/voucher/{voucher['id']}/enable", status=200)["status"] == "active"
    assert api.post(f"/voucher/{voucher['id']}/enable", status=409)["error"] == "not_disabled"
    api.post(f"/customer/{bob}/voucher", {"code": "HALF"}, 202)
    assert VoucherRedemption.objects.count() == 2


def test_a_voucher_expires_by_the_customers_clock(api: Caller) -> None:
    api.post("/voucher", {**HALF, "expires_at": "2099-01-01T00:00:00Z"})
    import datetime

    late = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    clock = TestClock.objects.create(now_at=late, created_at=late)
    alice = api.post("/customer", {"email": "a@example.org", "test_clock": str(clock.id)})["id"]
    assert "expired" in api.errors("POST", f"/customer/{alice}/voucher", {"code": "HALF"})["code"]


def test_a_credit_goes_onto_the_balance_in_the_customers_currency(api: Caller, shop: Shop) -> None:
    amounts = [{"currency": "USD", "amount": 1000}, {"currency": "GBP", "amount": 800}]
    api.post("/voucher", {"name": "Credit", "type": "fixed_credit", "code": "CREDIT", "amounts": amounts})
    product_id = shop.product()
    shop.plan(product_id, shop.price(product_id, currency="GBP"), code_name="british")
    alice = shop.customer("alice", billing_type="invoice")
    bob = shop.customer("bob")
    api.post(f"/customer/{alice}/subscription/start", {"plan": "british", "schedule": "month", "currency": "GBP"})
    api.post(f"/customer/{alice}/voucher", {"code": "CREDIT"}, 202)
    assert api.get(f"/customer/{alice}/balance")["data"] == [{"currency": "GBP", "amount": 800, "receivable": 1000}]
    assert [row["origin"] for row in api.get(f"/customer/{alice}/credit")["data"]] == ["voucher"]
    assert "no credit in EUR" in api.errors("POST", f"/customer/{bob}/voucher", {"code": "CREDIT"})["code"]
    assert VoucherRedemption.objects.count() == 1


def test_redemptions_are_listed_and_taken_back(api: Caller, shop: Shop) -> None:
    voucher = api.post("/voucher", HALF)["id"]
    alice, bob = shop.customer("alice"), shop.customer("bob")
    for customer in (alice, bob):
        api.post(f"/customer/{customer}/voucher", {"code": "half"}, 202)
    page = api.get(f"/voucher/{voucher}/redemption?limit=1")
    assert page["has_more"]
    (bobs,) = page["data"]
    assert (bobs["customer"], bobs["voucher"], bobs["remaining"]) == (bob, voucher, 1)
    assert "ended_at" not in bobs
    assert api.call("DELETE", f"/customer/{alice}/voucher/{bobs['id']}").status_code == 404
    assert api.delete(f"/customer/{bob}/voucher/{bobs['id']}") is None
    assert api.call("DELETE", f"/customer/{bob}/voucher/{bobs['id']}").status_code == 404
    assert [row["customer"] for row in api.get(f"/voucher/{voucher}/redemption")["data"]] == [alice]
    assert api.call("GET", f"/voucher/{alice}/redemption").status_code == 404


def test_a_voucher_is_changed_while_nobody_was_promised_it(api: Caller, shop: Shop) -> None:
    voucher = api.post("/voucher", HALF)
    path = f"/voucher/{voucher['id']}"
    shop.plan(shop.product(), code_name="team")
    amounts = [{"currency": "USD", "minimum": 600}, {"currency": "EUR", "minimum": 500}]
    changed = api.put(path, {"percent": 12.5, "plans": ["team"], "amounts": amounts, "code": "EIGHTH"})
    assert (changed["percent"], changed["code"], changed["plans"][0]["code_name"]) == (12.5, "EIGHTH", "team")
    assert changed["amounts"] == amounts[::-1]
    assert api.put(path, {}) == changed
    assert set(api.errors("PUT", path, {"percent": 101})) == {"percent"}
    assert set(api.errors("PUT", path, {"type": "fixed_credit"})) == {"percent", "amounts.0.amount", "amounts.1.amount"}
    api.post("/voucher", HALF)
    assert api.call("PUT", path, {"code": "half"}).status_code == 409


def test_what_a_redeemed_voucher_promises_stays(api: Caller, shop: Shop) -> None:
    voucher = api.post("/voucher", HALF)
    path = f"/voucher/{voucher['id']}"
    api.post(f"/customer/{shop.customer()}/voucher", {"code": "HALF"}, 202)
    changes = {"percent": 60, "code": "OTHER", "duration": "forever"}
    assert set(api.errors("PUT", path, changes)) == set(changes)
    assert api.put(path, {**HALF, "name": "Half off", "maximum_redemptions": 1})["maximum_redemptions"] == 1
    assert api.call("DELETE", path).status_code == 409
    assert api.get(path)["name"] == "Half off"


def test_a_voucher_that_nobody_redeemed_can_be_deleted(api: Caller) -> None:
    path = f"/voucher/{api.post('/voucher', HALF)['id']}"
    assert api.delete(path) is None
    assert api.call("GET", path).status_code == 404
