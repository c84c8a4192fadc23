"""Thresholds over the API: set up, reached, told, and taken back by hand."""

from typing import Any

from core.models import OutboxEvent
from tests.api.client import Caller
from tests.api.conftest import Shop


def swiss(api: Caller, **facts: Any) -> str:
    """Set Switzerland up at 8.1 %, and return its path."""
    api.post("/tax/type", {"name": "services"})
    country = api.post("/tax/country", {"code": "CH", "name": "Switzerland", **facts})
    rule = {"tax_type": "services", "rate": "8.1", "valid_from": "2020-01-01"}
    api.post(f"/tax/country/{country['id']}/rule", rule)
    return f"/tax/country/{country['id']}"


def sell(api: Caller, shop: Shop, name: str, amount: int, **address: str) -> dict[str, Any]:
    """Sell a month of a plan to somebody who pays by invoice, and return the invoice."""
    product = shop.product()
    shop.plan(product, shop.price(product, amount=amount), code_name=name)
    customer = shop.customer(name, billing_type="invoice", address={"country": "CH", **address})
    start = {"plan": name, "schedule": "month", "currency": "EUR"}
    api.post(f"/customer/{customer}/subscription/start", start)
    invoice: dict[str, Any] = api.get(f"/customer/{customer}/invoices")["data"][0]
    return invoice


def test_the_invoice_that_reaches_an_amount_is_taxed_and_told(api: Caller, shop: Shop) -> None:
    path = swiss(api, threshold=7_000)
    before = sell(api, shop, "alice", 6_999)
    assert (before["tax_total"], api.get(path)["collecting"]) == (0, False)
    crossing = sell(api, shop, "bob", 7_000)
    assert (crossing["tax_total"], crossing["lines"][0]["tax_rate"]) == (567, 8.1)
    country = api.get(path)
    assert country["collecting"] is True
    assert country["collecting_since"] is not None
    (event,) = OutboxEvent.objects.filter(type="tax.threshold_reached")
    assert (event.payload["country"], event.payload["document"]) == ("CH", crossing["id"])
    assert sell(api, shop, "carla", 100)["tax_total"] == 8
    assert OutboxEvent.objects.filter(type="tax.threshold_reached").count() == 1
    assert api.get(f"/invoice/{before['id']}")["tax_total"] == 0
    # Sent back as it was read, it stays; said by hand, the moment is gone.
    assert api.put(path, country)["collecting_since"] == country["collecting_since"]
    assert api.put(path, {"collecting": False})["collecting_since"] is None
    assert api.put(path, {"collecting": True})["collecting_since"] is None


def test_a_number_of_payments_in_a_state(api: Caller, shop: Shop) -> None:
    api.post("/tax/type", {"name": "services"})
    country = api.post("/tax/country", {"code": "US", "name": "United States"})
    facts = {"code": "WA", "name": "Washington", "threshold_transactions": 1, "threshold_period": "rolling_quarters"}
    state = api.post(f"/tax/country/{country['id']}/state", facts)
    assert (state["threshold_period"], state["collecting_since"]) == ("rolling_quarters", None)
    rule = {"tax_type": "services", "rate": "6.5", "valid_from": "2020-01-01"}
    api.post(f"/tax/state/{state['id']}/rule", rule)
    assert sell(api, shop, "alice", 1_000, country="US", region="Oregon")["tax_total"] == 0
    assert sell(api, shop, "bob", 1_000, country="US", region="washington")["tax_total"] == 65
    assert api.get(f"/tax/country/{country['id']}/state/{state['id']}")["collecting"] is True
    assert api.get(f"/tax/country/{country['id']}")["collecting"] is False


def test_a_country_of_the_eu_says_so_by_itself(api: Caller) -> None:
    facts = {"code": "FR", "name": "France"}
    made = api.post("/tax/country", facts)
    assert (made["in_eu"], made["b2b_reverse_charge"], made["collecting"]) == (True, True, False)
    api.delete(f"/tax/country/{made['id']}")
    assert api.post("/tax/country", {**facts, "in_eu": False})["in_eu"] is False
    assert api.post("/tax/country", {"code": "US", "name": "x"})["b2b_reverse_charge"] is False


def test_what_cannot_be_a_threshold(api: Caller) -> None:
    wrong = {"code": "CH", "name": "x", "threshold": -1, "threshold_transactions": "3", "threshold_period": "monthly"}
    assert set(api.errors("POST", "/tax/country", wrong)) == {"threshold", "threshold_transactions", "threshold_period"}
