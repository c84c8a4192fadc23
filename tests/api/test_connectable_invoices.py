"""Connectable's `/users/{id}/billing/invoices`."""

from typing import Any

import pytest

from integrations.domain.connectable import Invoice
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.neighbours import Connectable
from tests.api.running import Running
from tests.contract.neighbours import check_neighbour

JUNE, JULY = 1780272000, 1782864000


@pytest.fixture
def users(api: Caller) -> Connectable:
    return Connectable(key=api.key)


def test_an_invoice_is_told_in_stripes_words(users: Connectable, running: Running) -> None:
    """30.00 EUR, 5.00 EUR credit used: 25.00 EUR, due on 31 July."""
    body = {"type": "credit", "amount": 500, "currency": "EUR", "reason": "sorry"}
    running.api.post(f"/customer/{running.alice}/credit", body, 201)
    running.advance("2026-07-01")
    newest = users.invoices(running.alice)[0]
    wanted = {
        "object": "invoice",
        "amount_due": 2500,
        "application_fee": None,
        "attempt_count": 0,
        "attempted": False,
        "billing": "send_invoice",
        "charge": None,
        "closed": False,
        "currency": "eur",
        "customer": running.alice,
        "date": JULY,
        "discount": None,
        "due_date": JULY + 30 * 86400,
        "starting_balance": -500,
        "ending_balance": 0,
        "forgiven": False,
        "next_payment_attempt": None,
        "paid": False,
        "receipt_number": None,
        "subscription": running.id,
        "subtotal": 3000,
        "tax": None,
        "tax_percent": None,
        "total": 3000,
        "webhooks_delivered_at": JULY,
    }
    assert {name: newest[name] for name in wanted} == wanted
    (line,) = newest["lines"]["data"]
    wanted = {
        "object": "line_item",
        "amount": 3000,
        "currency": "eur",
        "discountable": True,
        "period": {"start": JULY, "end": JULY + 31 * 86400},
        "proration": False,
        "quantity": 1,
        "subscription": None,
        "type": "subscription",
    }
    assert {name: line[name] for name in wanted} == wanted
    assert (line["plan"]["id"], line["plan"]["nickname"]) == (running.small, "Team")
    assert line["subscription_item"] == users.billing(running.alice)["subscriptions"]["data"][0]["items"][0]["id"]
    assert users.get(f"/users/{running.alice}/billing/invoices/{newest['id']}") == newest


def test_prorations_and_manual_lines_are_invoice_items(users: Connectable, running: Running) -> None:
    """A second seat from 16 June on costs half of 30.00 EUR for June; a training is no subscription's."""
    running.advance("2026-06-16")
    running.api.put(f"/subscription/{running.id}/seats", {"seats": 2})
    item = {"description": "Training", "amount": 5000, "currency": "EUR"}
    running.api.post("/invoice", {"customer": running.alice, "items": [item]})
    running.advance("2026-07-01")
    july, training, first = users.invoices(running.alice)
    (line,) = training["lines"]["data"]
    assert (line["type"], line["plan"], line["subscription_item"], line["amount"]) == ("invoiceitem", None, None, 5000)
    assert training["subscription"] is None
    told = [(line["amount"], line["proration"], line["discountable"]) for line in july["lines"]["data"]]
    assert sorted(told) == [(1500, True, False), (6000, False, True)]
    assert first["lines"]["data"][0]["proration"] is False


def test_a_paid_invoice_tells_its_charge_and_receipt(users: Connectable, api: Caller, shop: Shop) -> None:
    running = Running(api, shop, card=True)
    (paid,) = users.invoices(running.alice)
    payment = api.get("/payment")["data"][0]
    assert (paid["paid"], paid["closed"], paid["amount_due"]) == (True, True, 0)
    assert (paid["attempted"], paid["attempt_count"], paid["charge"]) == (True, 1, payment["id"])
    assert (paid["billing"], paid["due_date"]) == ("charge_automatically", None)
    receipt = api.get(f"/receipt/{payment['receipts'][0]['id']}")
    assert paid["receipt_number"] == receipt["number"]


def test_a_discount_is_told_with_its_voucher(users: Connectable, running: Running) -> None:
    """10 % of 30.00 EUR: 27.00 EUR."""
    voucher = {"name": "Tenth", "type": "percentage", "percent": 10, "code": "TENTH", "duration": "forever"}
    running.api.post("/voucher", voucher)
    running.api.post(f"/customer/{running.alice}/voucher", {"code": "TENTH"}, 202)
    running.advance("2026-07-01")
    newest, first = users.invoices(running.alice)
    assert (newest["subtotal"], newest["total"]) == (3000, 2700)
    assert newest["discount"]["coupon"]["percent_off"] == 10
    assert first["discount"] is None


def test_pages_count_from_one_and_an_empty_one_is_no_content(users: Connectable, running: Running) -> None:
    for month in range(7, 10):
        running.advance(f"2026-{month:02d}-01")
    everything = users.invoices(running.alice)
    assert len(everything) == 4
    assert [one["date"] for one in everything] == sorted((one["date"] for one in everything), reverse=True)
    pages = [users.invoices(running.alice, f"?limit=3&page={page}") for page in (1, 2)]
    assert pages == [everything[:3], everything[3:]]
    empty = users.call("GET", f"/users/{running.alice}/billing/invoices?limit=3&page=3")
    assert (empty.status_code, empty.content) == (204, b"")
    bob = users.user()
    assert users.call("GET", f"/users/{bob}/billing/invoices").status_code == 204


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=9999999999", "page"),
        ("page=1&page=2", "page"),
    ],
)
def test_pages_out_of_range_are_refused(users: Connectable, query: str, path: str) -> None:
    ada = users.user()
    assert set(users.errors("GET", f"/users/{ada}/billing/invoices?{query}")) == {path}


def test_invoices_of_others_are_not_found(users: Connectable, running: Running) -> None:
    bob = users.user()
    (invoice,) = users.invoices(running.alice)
    for nobodys in (invoice["id"], "01890a5d-ac96-774b-bcce-b302099a8057", "in_1", "%00"):
        assert users.call("GET", f"/users/{bob}/billing/invoices/{nobodys}").status_code == 404
    assert users.call("GET", f"/users/{running.alice}/billing/invoices/in_1").status_code == 404


def test_a_page_costs_the_same_whatever_its_size(
    users: Connectable, running: Running, django_assert_num_queries: Any
) -> None:
    users.invoices(running.alice)
    with django_assert_num_queries(QUERIES):
        users.invoices(running.alice)
    for month in range(7, 12):
        running.advance(f"2026-{month:02d}-01")
    with django_assert_num_queries(QUERIES):
        assert len(users.invoices(running.alice)) == 6


def test_the_shape_has_what_the_page_has() -> None:
    check_neighbour("connectable", "period", {"start": 0, "end": 1})
    assert len(Invoice.__struct_fields__) == 33


QUERIES = 11
