"""GET `/ledger/entry` and `/ledger/trial-balance`: the books, for admin keys only."""

import pytest

from invoicing.models import Invoice
from ledger.models import Entry, Posting
from tests.api.client import Caller
from tests.api.conftest import Shop


@pytest.fixture
def customer(api: Caller, shop: Shop) -> str:
    """Return an invoice customer who owes 10.00 in advance and has 3.00 on the balance."""
    customer_id = shop.customer(billing_type="invoice")
    product = shop.product()
    price = shop.price(product)
    body = {"subscription_plan": shop.plan(product, price), "price": price}
    api.post(f"/customer/{customer_id}/subscription/start", body)
    api.post(f"/customer/{customer_id}/credit", {"type": "credit", "amount": 300, "currency": "EUR"})
    return customer_id


def test_entries_newest_first_with_their_postings(api: Caller, customer: str) -> None:
    balance, invoice = api.get("/ledger/entry")["data"]
    assert (balance["kind"], invoice["kind"]) == ("balance", "invoice")
    assert invoice["object_id"] == str(Invoice.objects.get().id)
    assert invoice["customer"] == customer
    sides = {posting["account"]: posting["amount"] for posting in invoice["postings"]}
    assert sides == {"receivable": 1000, "deferred_revenue": -1000}
    assert [one["customer"] for one in invoice["postings"] if one["account"] == "receivable"] == [customer]
    assert balance["postings"] == [
        {"account": "credit_granted", "amount": 300, "currency": "EUR"},
        {"account": "customer_balance", "amount": -300, "currency": "EUR", "customer": customer},
    ]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=invoice", ["invoice"]),
        ("customer={customer}", ["balance", "invoice"]),
        ("customer=01890a5d-ac96-774b-bcce-b302099a8057", []),
        ("object_id={invoice}", ["invoice"]),
        ("date_from={day}&date_to={day}", ["balance", "invoice"]),
        ("date_to=2020-01-01", []),
        ("limit=1", ["balance"]),
    ],
)
def test_a_list_is_narrowed(api: Caller, customer: str, query: str, kinds: list[str]) -> None:
    names = {"customer": customer, "invoice": Invoice.objects.get().id, "day": Entry.objects.all()[0].accounting_date}
    page = api.get(f"/ledger/entry?{query.format(**names)}")
    assert [entry["kind"] for entry in page["data"]] == kinds


def test_pages_follow_each_other(api: Caller, customer: str) -> None:
    first = api.get("/ledger/entry?limit=1")
    assert first["has_more"] is True
    second = api.get(f"/ledger/entry?limit=1&last_key={first['last_key']}")
    assert ([entry["kind"] for entry in second["data"]], second["has_more"]) == (["invoice"], False)


def test_the_trial_balance_is_the_sum_of_the_postings(api: Caller, customer: str) -> None:
    (euro,) = api.get("/ledger/trial-balance")["data"]
    assert (euro["currency"], euro["total"]) == ("EUR", 0)
    assert [(one["account"], one["debit"], one["credit"], one["balance"]) for one in euro["accounts"]] == [
        ("receivable", 1000, 0, 1000),
        ("deferred_revenue", 0, 1000, -1000),
        ("customer_balance", 0, 300, -300),
        ("credit_granted", 300, 0, 300),
    ]
    assert sum(Posting.objects.values_list("amount_minor", flat=True)) == 0
    day = Entry.objects.all()[0].accounting_date
    assert api.get(f"/ledger/trial-balance?date={day}")["data"] == [euro]
    assert api.get("/ledger/trial-balance?date=2020-01-01")["data"] == []


@pytest.mark.parametrize("path", ["/ledger/entry", "/ledger/trial-balance"])
def test_only_an_admin_key_reads_the_books(api: Caller, path: str) -> None:
    assert Caller("write").call("GET", path).status_code == 403
    assert api.call("GET", f"{path}?unknown=1").status_code == 400


def test_a_day_that_is_none(api: Caller) -> None:
    assert api.call("GET", "/ledger/trial-balance?date=soon").json()["errors"].keys() == {"date"}
