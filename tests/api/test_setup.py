"""CRUD `/brand`, `/tax/country` with rules and states, `/test-clock`, `/api-key`."""

import uuid
from datetime import date
from typing import Any

import pytest

from billing import tasks
from billing.api import clocks as clock_api
from core.models import ApiKey, IdempotencyRecord, TestClock
from customers.models import Brand
from invoicing.models import TaxRule
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop

BRAND: dict[str, Any] = {
    "code": "acme",
    "name": "Acme",
    "legal_name": "Acme GmbH",
    "address": {"street_line_one": "Weg 1", "city": "Berlin", "country": "DE", "postcode": "10115"},
    "email": "billing@acme.example",
    "tax_number": "DE136695976",
    "vat_registered": True,
    "tax_registrations": ["GB", "NO"],
    "one_stop_shop": True,
    "tax_point": "period_end",
    "export": "seller_rate",
    "time_zone": "Europe/Berlin",
    "locale": "de",
    "currency": "EUR",
    "payment_terms_days": 14,
    "dunning": {
        "retry_days": [1, 5],
        "final_action": "keep",
        "reminder_days": [0, 10],
        "disable_after_days": 20,
    },
    "announcements": {"trial_days": 3, "renewal_days": 0, "expiring_cards": False},
    "colour": "#123abc",
    "accent_colour": "#000000",
    "footer": "Danke!",
    "payment_instructions": "By transfer",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
}


def test_a_brand_is_read_back_as_it_was_written(api: Caller) -> None:
    created = api.post("/brand", BRAND)
    assert {name: created[name] for name in BRAND} == BRAND
    path = f"/brand/{created['id']}"
    assert api.get(path) == created
    assert api.put(path, created) == created
    changed = api.put(path, {"name": "Acme 2", "address": {"city": "Bonn"}, "iban": "DE89 3704 0044 0532 0130 00"})
    assert changed == {**created, "name": "Acme 2", "address": {**BRAND["address"], "city": "Bonn"}}
    small = api.post("/brand", {"code": "small", "name": "Small"})
    assert (small["address"], small["currency"], small["time_zone"]) == ({"country": ""}, "EUR", "UTC")
    assert [row["code"] for row in api.get("/brand")["data"]] == ["small", "acme"]


def test_a_brand_says_all_that_is_wrong(api: Caller) -> None:
    wrong = {
        "code": "a b",
        "name": "",
        "address": {"country": "XX"},
        "email": "x",
        "tax_registrations": ["DE", "XX"],
        "tax_point": "later",
        "time_zone": "Mars",
        "currency": "EURO",
        "payment_terms_days": -1,
        "colour": "blue",
        "iban": "DE00",
        "bic": "x",
    }
    expected = {*wrong, "address.country", "tax_registrations.1"} - {"address", "tax_registrations"}
    assert set(api.errors("POST", "/brand", wrong)) == expected
    assert set(api.errors("POST", "/brand", {**BRAND, "address": {"company_name": "x"}})) == {"address.company_name"}


def test_a_brands_dunning_is_changed_in_parts_and_must_make_sense(api: Caller) -> None:
    created = api.post("/brand", {"code": "small", "name": "Small"})
    default = {
        "retry_days": [3, 6, 9, 12, 15],
        "final_action": "cancel",
        "reminder_days": [0, 7, 14],
        "disable_after_days": 30,
    }
    assert created["dunning"] == default
    path = f"/brand/{created['id']}"
    assert api.put(path, {"dunning": {"disable_after_days": None}})["dunning"] == {
        **default,
        "disable_after_days": None,
    }
    wrong = {
        "retry_days": [3, "x"],
        "final_action": "shout",
        "reminder_days": [-1],
        "disable_after_days": 1000,
        "later": 1,
    }
    fields = {"retry_days.1", "final_action", "reminder_days.0", "disable_after_days", "later"}
    assert set(api.errors("PUT", path, {"dunning": wrong})) == {f"dunning.{name}" for name in fields}
    assert set(api.errors("PUT", path, {"dunning": {"retry_days": [3, 3]}})) == {"dunning.retry_days"}
    assert set(api.errors("PUT", path, {"announcements": {"trial_days": 91}})) == {"announcements.trial_days"}
    assert set(api.errors("PUT", path, {"dunning": {"disable_after_days": 14}})) == {"dunning.disable_after_days"}
    assert api.get(path)["dunning"] == {**default, "disable_after_days": None}


def test_a_brand_in_use_stays(api: Caller, shop: Shop) -> None:
    shop.customer("alice")
    used, free = Brand.objects.get(), api.post("/brand", BRAND)
    assert api.post("/brand", BRAND, 409)["error"] == "brand_code_taken"
    assert api.put(f"/brand/{free['id']}", {"code": "other"}, 400)["errors"] == {"code": "cannot be changed"}
    assert api.call("DELETE", f"/brand/{used.id}").status_code == 409
    api.delete(f"/brand/{free['id']}")
    for method in ("GET", "PUT", "DELETE"):
        assert api.call(method, f"/brand/{free['id']}", {}).status_code == 404


@pytest.fixture
def germany(api: Caller) -> str:
    """Return the id of a country, with a tax type to make rules of."""
    api.post("/tax/type", {"name": "services"})
    country: str = api.post("/tax/country", {"code": "DE", "name": "Germany", "collecting": True, "in_eu": True})["id"]
    return country


def test_a_country_is_set_up(api: Caller, germany: str) -> None:
    path = f"/tax/country/{germany}"
    created = api.get(path)
    assert (created["code"], created["collecting"], created["threshold"]) == ("DE", True, None)
    assert api.put(path, {"threshold": 1000000, "threshold_period": "rolling"})["threshold"] == 1000000
    assert api.put(path, {"threshold": None})["threshold"] is None
    assert set(api.errors("PUT", path, {"code": "FR"})) == {"code"}
    assert api.post("/tax/country", {"code": "DE", "name": "x"}, 409)["error"] == "tax_country_taken"
    assert set(api.errors("POST", "/tax/country", {"code": "de", "name": "x", "threshold": 1.5})) == {
        "code",
        "threshold",
    }
    assert [row["id"] for row in api.get("/tax/country?limit=1")["data"]] == [germany]
    api.delete(path)
    assert api.call("GET", path).status_code == 404


def test_a_new_rule_closes_the_open_one_and_never_overlaps(api: Caller, germany: str) -> None:
    path = f"/tax/country/{germany}/rule"
    first = api.post(path, {"tax_type": "services", "rate": 19, "valid_from": "2020-01-01"})
    assert (first["rate"], first["valid_until"], first["country"]) == (19, None, germany)
    second = api.post(
        path, {"tax_type": "services", "rate": "16", "valid_from": "2020-07-01", "valid_until": "2021-01-01"}
    )
    assert api.get(f"{path}/{first['id']}")["valid_until"] == "2020-07-01"
    body = {"tax_type": "services", "rate": 5}
    for dates in (
        {"valid_from": "2020-12-31"},
        {"valid_from": "2020-01-01"},
        {"valid_from": "2019-01-01", "valid_until": "2020-01-02"},
    ):
        assert set(api.errors("POST", path, {**body, **dates})) == {"valid_from"}
    backwards = {"valid_from": "2022-01-01", "valid_until": "2022-01-01"}
    assert set(api.errors("POST", path, {**body, **backwards})) == {"valid_until"}
    third = api.post(path, {**body, "valid_from": "2021-01-01"})
    assert [row["id"] for row in api.get(path)["data"]] == [third["id"], second["id"], first["id"]]
    assert api.put(f"{path}/{third['id']}", {"rate": 7.5})["rate"] == 7.5
    assert set(api.errors("PUT", f"{path}/{third['id']}", {"valid_from": "2020-08-01"})) == {"valid_from"}
    api.delete(f"{path}/{second['id']}")
    assert TaxRule.objects.get(id=first["id"]).valid_until == date(2020, 7, 1)
    assert set(api.errors("POST", path, {**body, "rate": 101, "valid_from": "2020"})) == {"rate", "valid_from"}


def test_a_state_has_rules_of_its_own(api: Caller, germany: str) -> None:
    canada = api.post("/tax/country", {"code": "CA", "name": "Canada"})["id"]
    states = f"/tax/country/{canada}/state"
    quebec = api.post(states, {"code": "QC", "name": "Quebec", "collecting": True})
    assert quebec["country"] == canada
    assert api.post(states, {"code": "QC", "name": "x"}, 409)["error"] == "tax_state_taken"
    assert api.put(f"{states}/{quebec['id']}", {"threshold": 5})["threshold"] == 5
    rules = f"/tax/state/{quebec['id']}/rule"
    rule = api.post(rules, {"tax_type": "services", "rate": "9.975", "valid_from": "2020-01-01"})
    assert (rule["rate"], rule["state"], rule["country"]) == (9.975, quebec["id"], canada)
    assert api.get(rules)["data"] == [rule]
    assert api.get(f"/tax/country/{canada}/rule")["data"] == []
    federal = api.post(f"/tax/country/{canada}/rule", {"tax_type": "services", "rate": 5, "valid_from": "2020-01-01"})
    elsewhere = (
        f"/tax/country/{germany}/state/{quebec['id']}",
        f"/tax/country/{germany}/rule/{federal['id']}",
        f"/tax/country/{canada}/rule/{rule['id']}",
        f"/tax/state/{quebec['id']}/rule/{federal['id']}",
    )
    for path in elsewhere:
        for method in ("GET", "PUT", "DELETE"):
            assert api.call(method, path, {}).status_code == 404
    assert api.put(f"{rules}/{rule['id']}", {"rate": 10})["rate"] == 10
    api.delete(f"{rules}/{rule['id']}")
    api.delete(f"{states}/{quebec['id']}")
    assert api.get(states) == {"data": [], "has_more": False}


def test_a_clock_moves_only_ahead(api: Caller, shop: Shop) -> None:
    clock = api.post("/test-clock", {"now": "2026-01-31T10:17:00+01:00", "name": "year"})
    assert (clock["now"], clock["status"]) == ("2026-01-31T09:17:00+00:00", "ready")
    path = f"/test-clock/{clock['id']}"
    assert api.get(path) == clock
    product_id = shop.product()
    shop.plan(product_id, shop.price(product_id), code_name="flat")
    alice = shop.customer("alice", billing_type="invoice", test_clock=clock["id"])
    api.post(f"/customer/{alice}/subscription/start", {"plan": "flat", "schedule": "month", "currency": "EUR"})
    moved = api.post(f"{path}/advance", {"now": "2026-03-31T10:17:00Z"}, 200)
    assert (moved["now"], moved["status"]) == ("2026-03-31T10:17:00+00:00", "ready")
    invoices = api.get(f"/customer/{alice}/invoices")["data"]
    assert [row["created_at"][:10] for row in invoices] == ["2026-03-31", "2026-02-28", "2026-01-31"]
    assert set(api.errors("POST", f"{path}/advance", {"now": "2026-03-30T00:00:00Z"})) == {"now"}
    assert set(api.errors("POST", f"{path}/advance", {"now": "tomorrow"})) == {"now"}
    assert api.call("POST", f"/test-clock/{uuid.uuid4()}/advance", {"now": "2026-03-30T00:00:00Z"}).status_code == 404
    assert api.call("DELETE", path).status_code == 409
    free = api.post("/test-clock", {"now": "2026-01-01T00:00:00Z"})
    assert [row["id"] for row in api.get("/test-clock")["data"]] == [free["id"], clock["id"]]
    api.delete(f"/test-clock/{free['id']}")
    assert TestClock.objects.count() == 1


def test_clocks_need_an_instance_in_test_mode(api: Caller, monkeypatch) -> None:
    monkeypatch.setattr("core.operations_test_clocks.instance_mode", lambda: "live")
    assert api.post("/test-clock", {"now": "2026-01-01T00:00:00Z"}, 409)["error"] == "not_in_test_mode"
    assert not TestClock.objects.exists()


def test_a_long_advance_is_finished_by_a_worker(api: Caller, shop: Shop, monkeypatch) -> None:
    queued: list[tuple[str, ...]] = []
    monkeypatch.setattr(clock_api, "SECONDS_AT_MOST", -1.0)
    monkeypatch.setattr(tasks.advance_test_clock, "delay", lambda *arguments: queued.append(arguments))
    clock = api.post("/test-clock", {"now": "2026-01-01T00:00:00Z"})
    product_id = shop.product()
    shop.plan(product_id, shop.price(product_id), code_name="flat")
    alice = shop.customer("alice", billing_type="invoice", test_clock=clock["id"])
    api.post(f"/customer/{alice}/subscription/start", {"plan": "flat", "schedule": "month", "currency": "EUR"})
    path = f"/test-clock/{clock['id']}/advance"
    waiting = api.post(path, {"now": "2026-03-15T00:00:00Z"}, 202)
    assert (waiting["status"], waiting["target"]) == ("advancing", "2026-03-15T00:00:00+00:00")
    assert queued == [(clock["id"], "2026-03-15T00:00:00+00:00")]
    assert api.post(path, {"now": "2026-04-15T00:00:00Z"}, 409)["error"] == "clock_advancing"
    tasks.advance_test_clock(*queued[0])
    assert api.get(f"/test-clock/{clock['id']}")["status"] == "ready"
    assert len(api.get(f"/customer/{alice}/invoices")["data"]) == 3


def test_a_key_makes_shows_rotates_and_disables_keys(api: Caller) -> None:
    made = api.post("/api-key", {"name": "shop", "scope": "write", "rate_limit": 0})
    assert (made["scope"], made["rate_limit"]) == ("write", None)
    assert made["key"].startswith(made["prefix"])
    shop = Caller(key=made["key"])
    shop.get("/customer")
    assert shop.call("GET", "/api-key").status_code == 403
    listed = api.get("/api-key")["data"]
    assert made["key"] not in str(listed)
    assert [row["name"] for row in listed] == ["shop", "admin"]
    rotated = api.post(f"/api-key/{made['id']}/rotate", {"overlap_hours": 1}, 200)
    assert rotated["rotated_from"] == made["id"]
    shop.get("/customer")
    Caller(key=rotated["key"]).get("/customer")
    assert "disabled_at" in api.post(f"/api-key/{made['id']}/disable", status=200)
    assert shop.call("GET", "/customer").status_code == 401
    assert api.post(f"/api-key/{made['id']}/disable", status=409)["error"] == "already_disabled"
    assert api.post(f"/api-key/{made['id']}/rotate", status=409)["error"] == "api_key_not_in_force"
    assert set(api.errors("POST", "/api-key", {"name": " ", "scope": "root", "rate_burst": -1})) == {
        "name",
        "scope",
        "rate_burst",
    }
    assert set(api.errors("POST", "/api-key", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"})) == {"expires_at"}
    for action in ("rotate", "disable"):
        assert api.call("POST", f"/api-key/{uuid.uuid4()}/{action}").status_code == 404


def test_a_replayed_key_is_stored_under_the_callers_own(api: Caller) -> None:
    first = api.post("/api-key", {"name": "shop"}, **idempotent("once"))
    again = api.post("/api-key", {"name": "shop"}, **idempotent("once"))
    assert again == first
    assert ApiKey.objects.filter(name="shop").count() == 1
    assert first["key"].encode() not in bytes(IdempotencyRecord.objects.get().response_body or b"")
