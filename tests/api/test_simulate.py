"""The months ahead, over the API and by the command."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.api.client import Caller
from tests.api.world import count_rows


@pytest.fixture
def shop(api: Caller) -> dict[str, Any]:
    """Return Alice on a plan per seat, by a test clock that stands at 10 March 2026."""
    product = api.post("/product", {"name": "Cloud"})["id"]
    prices = [
        api.post(
            f"/product/{product}/price",
            {"amount": amount, "currency": "EUR", "recurring": True, "schedule": "month"},
        )["id"]
        for amount in (1000, 1500)
    ]
    plan = {"product": product, "name": "Team", "code_name": "team", "per_seat": True, "prices": prices}
    api.post("/plan", plan)
    clock = api.post("/test-clock", {"now": "2026-03-10T08:00:00Z"})["id"]
    body = {"email": "alice@example.org", "billing_type": "invoice", "test_clock": clock}
    customer = api.post("/customer", body)["id"]
    start = {"subscription_plan": "team", "price": prices[0], "seat_number": 2}
    subscription = api.post(f"/customer/{customer}/subscription/start", start)["id"]
    return {"prices": prices, "customer": customer, "subscription": subscription}


def dates(told: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["type"], one["date"], one["total"]) for one in told["documents"]]


def test_upcoming_invoices(api: Caller, shop: dict[str, Any]) -> None:
    before = count_rows()
    told = api.get(f"/customer/{shop['customer']}/invoices/upcoming?months=2")
    assert dates(told) == [("invoice", "2026-04-10", 2000), ("invoice", "2026-05-10", 2000)]
    # The first invoice, of 10 March, is due on 9 April; the one of 10 April on 10 May.
    assert told["cash"] == [
        {"month": "2026-04", "currency": "EUR", "amount": 2000},
        {"month": "2026-05", "currency": "EUR", "amount": 2000},
    ]
    line = told["documents"][0]["lines"][0]
    assert (line["kind"], line["subscription"], line["quantity"]) == ("recurring", shop["subscription"], 2)
    assert len(api.get(f"/customer/{shop['customer']}/invoices/upcoming")["documents"]) == 12
    assert count_rows() == before
    assert set(api.errors("GET", f"/customer/{shop['customer']}/invoices/upcoming?months=0")) == {"months"}
    assert set(api.errors("GET", f"/customer/{shop['customer']}/invoices/upcoming?months=x")) == {"months"}


def test_where_payments_fail_dunning_does_what_the_brand_says(api: Caller, shop: dict[str, Any]) -> None:
    """The invoice of 10 March is due on 9 April: reminded of on the days after, the customer disabled 30 days later."""
    told = api.get(f"/customer/{shop['customer']}/invoices/upcoming?months=6&payments=fail")
    assert dates(told) == [("invoice", "2026-04-10", 2000)]
    assert told["cash"] == []
    assert [(one["date"], one["type"], one["amount"]) for one in told["dunning"]][:4] == [
        ("2026-04-10", "remind", 2000),
        ("2026-04-17", "remind", 2000),
        ("2026-04-24", "remind", 2000),
        ("2026-05-10", "disable", 2000),
    ]
    out = StringIO()
    call_command("simulate", customer=shop["customer"], months=3, payments="fail", stdout=out)
    assert "2026-05-10 dunning: disable, €20.00" in out.getvalue()
    assert set(api.errors("GET", f"/customer/{shop['customer']}/invoices/upcoming?payments=x")) == {"payments"}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"seats": 5, "date": "2026-04-10"}, [("invoice", "2026-04-10", 5000)]),
        ({"new_price": 1, "date": "2026-04-10"}, [("invoice", "2026-04-10", 3000)]),
        ({"new_price": 1}, [("invoice", "2026-03-10", 1000), ("invoice", "2026-04-10", 3000)]),
        ({"cancel": "end-of-run"}, []),
        (
            {"cancel": "specific-date", "refund_type": "prorate", "date": "2026-03-25"},
            [("credit_note", "2026-03-25", 1032)],
        ),
    ],
)
def test_what_if(api: Caller, shop: dict[str, Any], change: dict[str, Any], wanted: list[Any]) -> None:
    """16 of 31 days left of 2000 -> 1032."""
    if "new_price" in change:
        change = {**change, "new_price": shop["prices"][1]}
    before = count_rows()
    body = {"customer": shop["customer"], "months": 1, "change": {"subscription": shop["subscription"], **change}}
    assert dates(api.post("/simulate", body, status=200)) == wanted
    assert count_rows() == before


def test_a_price_for_all_on_a_plan(api: Caller, shop: dict[str, Any]) -> None:
    change = {"plan": "team", "new_price": shop["prices"][1], "date": "2026-04-10"}
    told = api.post("/simulate", {"customer": shop["customer"], "months": 1, "change": change}, status=200)
    assert dates(told) == [("invoice", "2026-04-10", 3000)]


def test_what_is_wrong_is_said_where(api: Caller, shop: dict[str, Any]) -> None:
    mine = {"subscription": shop["subscription"]}
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "change.subscription"),
        (mine, "change.new_price"),
        ({**mine, "seats": 2, "cancel": "end-of-run"}, "change.new_price"),
        ({**mine, "cancel": "specific-date"}, "change.date"),
        ({**mine, "seats": 2, "refund_type": "none"}, "change.refund_type"),
        ({**mine, "seats": 2, "date": "2026-03-09"}, "change.date"),
        ({"plan": "team", "seats": 2}, "change.seats"),
    ]
    for change, field in cases:
        assert field in api.errors("POST", "/simulate", {"customer": shop["customer"], "change": change})
    other = api.post("/customer", {"email": "bob@example.org"})["id"]
    body = {"customer": other, "change": {**mine, "seats": 3}}
    assert api.call("POST", "/simulate", body).status_code == 404


def test_the_command_tells_the_same(api: Caller, shop: dict[str, Any]) -> None:
    told, shown = StringIO(), StringIO()
    call_command("simulate", customer=shop["customer"], months=2, json=True, stdout=told)
    first, second = [json.loads(line) for line in told.getvalue().splitlines()]
    assert dates(first) == [("invoice", "2026-04-10", 2000), ("invoice", "2026-05-10", 2000)]
    assert [one["amount"] for one in second["cash"]] == [2000, 2000]
    call_command("simulate", customer=shop["customer"], months=1, stdout=shown)
    assert "2026-04-10 invoice for alice@example.org: €20.00, due 2026-05-10" in shown.getvalue()
    for wrong in ({"months": 0}, {"customer": "x"}, {"customer": "01890a5d-ac96-774b-bcce-b302099a8057"}):
        with pytest.raises(CommandError):
            call_command("simulate", **wrong)
