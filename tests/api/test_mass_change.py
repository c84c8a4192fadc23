"""Mass changes as the API takes and shows them."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from billing.operations import mass_changes
from core.clock import wall_now
from tests.api.client import Caller

DATE = "2190-01-02"
MOMENT = "2190-01-02T00:00:00+00:00"


@pytest.fixture
def shop(api: Caller) -> dict[str, Any]:
    """Return two plans of a product, and Alice on the first."""
    product = api.post("/product", {"name": "Cloud"})["id"]

    def price(amount: int, **values: Any) -> str:
        body = {"amount": amount, "currency": "EUR", "recurring": True, "schedule": "month", **values}
        return str(api.post(f"/product/{product}/price", body)["id"])

    prices = [price(1000), price(1500)]
    for name, own in (("small", prices[0]), ("big", prices[1])):
        api.post("/plan", {"product": product, "name": name, "code_name": name, "per_seat": True, "prices": [own]})
    customer = api.post("/customer", {"email": "alice@example.org", "billing_type": "invoice"})["id"]
    start = {"subscription_plan": "small", "price": prices[0], "seat_number": 3}
    subscription = api.post(f"/customer/{customer}/subscription/start", start)["id"]
    return {"prices": prices, "customer": customer, "subscription": subscription}


WANTED = {"plan": "small", "new_plan": "big"}


def test_estimated_scheduled_read_and_listed(api: Caller, shop: dict[str, Any]) -> None:
    told = api.post("/mass-change/estimate", WANTED, status=200)
    moved = {"currency": "EUR", "monthly_before": 3000, "monthly_after": 4500, "monthly_change": 1500}
    assert told == {"subscriptions": 1, "changes": [moved], "impossible": []}
    response = api.call("POST", "/mass-change", {**WANTED, "date": DATE})
    made = response.json()
    assert (response.status_code, response["Location"]) == (201, f"/api/v1/mass-change/{made['id']}")
    assert (made["status"], made["date"], made["waiting"], made["done"]) == ("scheduled", MOMENT, 0, 0)
    assert api.get(f"/mass-change/{made['id']}") == {**made, "failures": []}
    page = api.get("/mass-change?status=scheduled")
    assert (page["has_more"], page["last_key"]) == (False, made["id"])
    assert page["data"] == [made]
    assert api.get("/mass-change?status=completed")["data"] == []


def test_run_and_told(api: Caller, shop: dict[str, Any]) -> None:
    # Soon: up to then the months are billed first.
    day = wall_now().date() + timedelta(days=2)
    made = api.post("/mass-change", {**WANTED, "new_price": shop["prices"][1], "date": day.isoformat()})
    api.post(
        f"/customer/{shop['customer']}/subscription/start", {"subscription_plan": "small", "price": shop["prices"][0]}
    )
    api.post(f"/subscription/{shop['subscription']}/seats/add", {"seats": 1}, status=200)
    mass_changes.run_due(datetime.combine(day, time(), UTC), limit=1)
    seen = api.get(f"/mass-change/{made['id']}")
    assert (seen["status"], seen["done"], seen["waiting"]) == ("running", 1, 1)
    assert api.call("POST", f"/mass-change/{made['id']}/cancel").status_code == 409


def test_called_off(api: Caller, shop: dict[str, Any]) -> None:
    made = api.post("/mass-change", {**WANTED, "date": DATE})
    cancelled = api.post(f"/mass-change/{made['id']}/cancel", status=200)
    assert (cancelled["status"], "cancelled_at" in cancelled) == ("cancelled", True)
    assert api.call("POST", f"/mass-change/{made['id']}/cancel").status_code == 409


def test_a_day_begins_in_the_brands_zone(api: Caller, shop: dict[str, Any]) -> None:
    brand = api.get("/brand")["data"][0]
    api.put(f"/brand/{brand['id']}", {"time_zone": "Europe/Berlin"})
    assert api.post("/mass-change", {**WANTED, "date": DATE})["date"] == "2190-01-01T23:00:00+00:00"


def test_what_is_wrong_is_said_where(api: Caller, shop: dict[str, Any]) -> None:
    past = wall_now().date().isoformat()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"new_plan": "big", "date": DATE}, "plan"),
        ({"plan": "small", "date": DATE}, "new_plan"),
        ({**WANTED, "new_price": shop["prices"][0], "date": DATE}, "new_price"),
        ({**WANTED, "date": past}, "date"),
        (WANTED, "date"),
        ({**WANTED, "date": DATE, "country": "XX"}, "country"),
        ({**WANTED, "date": DATE, "brand": "nobody"}, "brand"),
    ]
    for body, field in cases:
        assert set(api.errors("POST", "/mass-change", body)) == {field}
    assert set(api.errors("POST", "/mass-change/estimate", {"new_plan": "big"})) == {"plan"}
    unknown = {**WANTED, "date": DATE, "test_clock": shop["customer"]}
    assert api.call("POST", "/mass-change", unknown).status_code == 404


def test_reading_needs_no_more_than_read(api: Caller, shop: dict[str, Any]) -> None:
    reader = Caller("read")
    assert reader.get("/mass-change")["data"] == []
    assert reader.call("POST", "/mass-change", {**WANTED, "date": DATE}).status_code == 403
