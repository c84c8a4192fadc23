"""POST `/customer/{id}/subscription/start/preview`."""

from typing import Any

import pytest

from billing.models import PaymentAttempt
from customers.models import PaymentMethod
from tests.api import papers
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running
from tests.api.world import count_rows

VOUCHERS: dict[str, dict[str, Any]] = {
    "HALF": {"type": "percentage", "percent": 50},
    "MONTHS": {"type": "percentage", "percent": "33.3", "duration": "repeating", "duration_count": 3},
    "LESS": {"type": "fixed_discount", "amounts": [{"currency": "EUR", "amount": 777}], "duration": "forever"},
    "LARGE": {"type": "percentage", "percent": 50, "amounts": [{"currency": "EUR", "minimum": 9001}]},
    "SOLO": {"type": "percentage", "percent": 50, "plans": ["solo"]},
    "HELLO": {"type": "fixed_credit", "amounts": [{"currency": "EUR", "amount": 1000}]},
    "COVERS": {"type": "fixed_credit", "amounts": [{"currency": "EUR", "amount": 100000}]},
}


@pytest.fixture
def ready(running: Running) -> Running:
    """Return the world of a running subscription, with a customer beside it, taxed, and vouchers for anybody."""
    running.advance("2026-06-16")
    for code, fields in VOUCHERS.items():
        running.api.post("/voucher", {"name": code.title(), "code": code, **fields})
    running.alice = running.customer("bob", test_clock=running.clock)
    return running


def started(running: Running, body: dict[str, Any], *, customer: str = "") -> list[dict[str, Any]]:
    """Return what a start makes, which must be what its preview shows."""
    path = f"/customer/{customer or running.alice}/subscription/start"
    before, known = count_rows(), papers.document_ids()
    told: list[dict[str, Any]] = running.api.post(f"{path}/preview", body, 200)["documents"]
    assert count_rows() == before
    running.api.post(path, body)
    assert papers.made_since(known) == papers.shown(told)
    return told


CASES: dict[str, tuple[dict[str, Any], list[tuple[int, int]]]] = {
    "a month of three seats": ({"seat_number": 3}, [(9000, 9000)]),
    "by its currency and schedule": ({"schedule": "year", "currency": "EUR", "price": None}, [(30000, 30000)]),
    "with an add-on": ({"items": [{"price": "{extra}", "quantity": 2}]}, [(5000, 5000)]),
    "half off": ({"seat_number": 3, "voucher": "half"}, [(4500, 4500)]),
    "a third off for months": ({"voucher": "MONTHS"}, [(2001, 2001)]),
    "less an amount": ({"voucher": "LESS"}, [(2223, 2223)]),
    "below what its voucher waits for": ({"seat_number": 3, "voucher": "LARGE"}, [(9000, 9000)]),
    "a credit comes off what is due": ({"voucher": "HELLO"}, [(3000, 2000)]),
    "a credit covers it": ({"voucher": "COVERS"}, [(3000, 0)]),
    "from the start of May": ({"start_date": "2026-05-01"}, [(6000, 6000)]),
    "free to the first of the month": ({"start_date": "2026-06-01", "bill_from": "2026-07-01"}, []),
    "by the calendar, 15 of 30 days": ({"alignment": "calendar"}, [(1500, 1500)]),
}


@pytest.mark.parametrize(("fields", "wanted"), CASES.values(), ids=CASES)
def test_it_is_the_invoice_that_the_start_makes(
    ready: Running, fields: dict[str, Any], wanted: list[tuple[int, int]]
) -> None:
    items = [{**item, "price": ready.extra} for item in fields.get("items", ())]
    body = {"subscription_plan": "team", "price": ready.small, **fields, **({"items": items} if items else {})}
    documents = started(ready, {name: value for name, value in body.items() if value is not None})
    assert [(one["total"], one["amount_due"]) for one in documents] == wanted


def test_a_trial_has_no_invoice_unless_it_is_denied(ready: Running) -> None:
    terms = {"name": "Trial", "code_name": "trial", "has_trial": True, "trial_length_days": 14}
    ready.shop.plan(ready.product, ready.extra, **terms)
    body = {"subscription_plan": "trial", "price": ready.extra}
    assert started(ready, body) == []
    carol = ready.customer("carol", test_clock=ready.clock)
    (document,) = started(ready, {**body, "deny_trial": True}, customer=carol)
    assert document["total"] == 1000


def test_a_card_is_not_tried(ready: Running) -> None:
    carol = ready.customer("carol", card=True, test_clock=ready.clock)
    attempts = PaymentAttempt.objects.count()
    (document,) = started(ready, {"subscription_plan": "team", "price": ready.small, "voucher": "HALF"}, customer=carol)
    assert (document["total"], PaymentAttempt.objects.count()) == (1500, attempts + 1)


def test_a_card_that_comes_with_the_start(ready: Running) -> None:
    """It replaces an expired one, for which there is a voucher."""
    ready.api.post(
        "/voucher",
        {"name": "Card", "type": "percentage", "percent": 10, "entry": "automatic", "event": "expired_card_added"},
    )
    carol = ready.customer("carol", card=True, test_clock=ready.clock)
    PaymentMethod.objects.update(expiry_month=1, expiry_year=2026)
    body = {"subscription_plan": "team", "price": ready.small, "card_token": "tok_visa"}
    assert [one["total"] for one in started(ready, body, customer=carol)] == [2700]


def test_it_is_refused_as_the_start_would_be(ready: Running) -> None:
    api, path = ready.api, f"/customer/{ready.alice}/subscription/start"
    ready.api.call("DELETE", f"/price/{ready.other}")
    ready.api.call("DELETE", f"/price/{ready.extra}")
    refusals: list[tuple[dict[str, Any], set[str]]] = [
        ({"voucher": "SOLO"}, {"voucher"}),
        ({"voucher": "nothing"}, {"voucher"}),
        ({"price": ready.dollars, "voucher": "HELLO"}, {"voucher"}),
        ({"subscription_plan": "solo", "price": ready.other}, {"price"}),
        ({"items": [{"price": ready.extra}]}, {"items.0.price"}),
        ({"start_date": "2027-01-01"}, {"start_date"}),
    ]
    before = count_rows()
    for fields, named in refusals:
        body = {"subscription_plan": "team", "price": ready.small, **fields}
        assert set(api.errors("POST", f"{path}/preview", body)) == named
        assert set(api.errors("POST", path, body)) == named
    assert count_rows() == before


def test_without_a_card_it_is_not_acceptable(api: Caller, shop: Shop, ready: Running) -> None:
    carol = shop.customer("carol")
    path, body = f"/customer/{carol}/subscription/start/preview", {"subscription_plan": "team", "price": ready.small}
    assert api.call("POST", path, body).json()["error"] == "no_payment_method"
    assert api.call("POST", path, {**body, "voucher": "COVERS"}).status_code == 200
