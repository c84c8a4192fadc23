"""Invoices, payments, attempts, receipts, charges and balances as the API shows them."""

import uuid
from datetime import timedelta

import pytest

from billing.models import Payment
from core.clock import wall_now
from core.models import AuditEntry
from customers.models import Customer
from invoicing.models import Invoice
from ledger.models import CustomerBalance
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.till import Till
from tests.contract.shapes import check_page, check_shape


@pytest.fixture
def till(api: Caller, shop: Shop) -> Till:
    """Return somebody who sells."""
    return Till(api, shop)


def test_an_invoice_says_who_owes_what(api: Caller, till: Till) -> None:
    address = {"company_name": "Alice AG", "country": "DE", "city": "Bonn"}
    sale = till.sell("alice", billing_type="invoice", address=address)
    invoice = api.get(f"/invoice/{sale.invoice}")
    check_shape("invoice", invoice)
    assert (invoice["email"], invoice["customer"]["id"]) == ("alice@example.org", sale.customer)
    assert (invoice["sub_total"], invoice["tax_total"], invoice["total"], invoice["amount_due"]) == (
        1000,
        0,
        1000,
        1000,
    )
    assert (invoice["status"], invoice["paid"], invoice["is_paid"]) == ("open", False, False)
    assert invoice["payee_address"] == invoice["payeeaddress"] == address
    assert "paid_at" not in invoice
    line = invoice["lines"][0]
    assert (line["total"], line["sub_total"], line["tax_total"], line["currency"]) == (1000, 1000, 0, "EUR")
    paid = api.get(f"/invoice/{till.sell('bob').invoice}")
    check_shape("invoice", paid)
    assert (paid["paid"], paid["amount_due"]) == (True, 0)
    assert paid["paid_at"]


def test_invoices_are_listed_and_narrowed(api: Caller, till: Till, django_assert_num_queries) -> None:
    alice, bob = till.sell("alice", billing_type="invoice"), till.sell("bob")

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/invoice{query}")["data"]]

    check_page("invoice", api.get("/invoice"))
    assert ids("") == [bob.invoice, alice.invoice]
    assert ids("?status=open") == [alice.invoice]
    assert ids(f"?customer={bob.customer}") == [bob.invoice]
    number = str(Invoice.objects.get(id=bob.invoice).number)
    assert ids(f"?number={number.lower()}") == [bob.invoice]
    tomorrow = (wall_now() + timedelta(days=1)).isoformat(timespec="seconds")
    assert ids(f"?created_from={tomorrow}") == []
    assert ids(f"?created_to={tomorrow.replace('+', '%2B')}") == [bob.invoice, alice.invoice]
    assert set(api.errors("GET", "/invoice?status=happy&customer=x&created_from=soon")) == {
        "status",
        "customer",
        "created_from",
    }
    with django_assert_num_queries(3):
        api.get("/invoice")
    till.sell("charlie")
    with django_assert_num_queries(3):
        api.get("/invoice")
    assert [row["id"] for row in api.get(f"/customer/{alice.customer}/invoices")["data"]] == [alice.invoice]
    for path in (f"/invoice/{uuid.uuid4()}", f"/customer/{uuid.uuid4()}/invoices", f"/invoice/{uuid.uuid4()}/download"):
        assert api.call("GET", path).status_code == 404


def test_papers_are_downloaded(api: Caller, till: Till) -> None:
    sale = till.sell("alice")
    receipt = api.get("/payment")["data"][0]["receipts"][0]["id"]
    for path in (f"/invoice/{sale.invoice}/download", f"/receipt/{receipt}/download?format=pdf"):
        response = api.call("GET", path, Accept="application/json")
        assert response.status_code == 200
        assert response["Content-Type"] == "application/pdf"
        assert response.content.startswith(b"%PDF-")
        assert response["Content-Disposition"].startswith("attachment; filename=")
    for wanted in ("docx", "xrechnung"):
        assert set(api.errors("GET", f"/invoice/{sale.invoice}/download?format={wanted}")) == {"format"}


def test_payments_show_their_receipts(api: Caller, till: Till, django_assert_num_queries) -> None:
    alice, bob = till.sell("alice", name="Alice Liddell"), till.sell("bob", address={"company_name": "Bob_GmbH"})
    page = api.get("/payment")
    check_page("payment", page)
    assert [row["customer"]["id"] for row in page["data"]] == [bob.customer, alice.customer]
    payment = page["data"][0]
    assert api.get(f"/payment/{payment['id']}") == payment
    assert len(payment["receipts"]) == 1
    receipt = api.get(f"/receipt/{payment['receipts'][0]['id']}")
    assert (receipt["payment"], receipt["invoice"], receipt["amount"]) == (payment["id"], bob.invoice, 1000)
    for text, found in (
        ("liddell", [alice.customer]),
        ("b_gm", [bob.customer]),
        ("bob@", [bob.customer]),
        ("%25%25%25", []),
    ):
        assert [row["customer"]["id"] for row in api.get(f"/payment?name={text}")["data"]] == found
        path = f"/customer/{alice.customer}/payment?name={text}"
        assert [row["customer"]["id"] for row in api.get(path)["data"]] == [c for c in found if c == alice.customer]
    for path in ("/payment", f"/customer/{alice.customer}/payment"):
        with django_assert_num_queries(2 if path == "/payment" else 3):
            api.get(path)
    for path in (f"/payment/{uuid.uuid4()}", f"/receipt/{uuid.uuid4()}", f"/customer/{uuid.uuid4()}/payment"):
        assert api.call("GET", path).status_code == 404


def test_an_invoice_is_charged_once(api: Caller, till: Till) -> None:
    sale = till.sell("alice", billing_type="invoice")
    Customer.objects.filter(id=sale.customer).update(billing_type="card")
    api.post(f"/customer/{sale.customer}/payment-methods/frontend-payment-token", {"token": "tok_lack_of_funds"})
    declined = api.post(f"/invoice/{sale.invoice}/charge", status=402)
    assert (declined["paid"], declined["failure_reason"]) == (False, "lack_of_funds")
    good = api.post(f"/customer/{sale.customer}/payment-methods/frontend-payment-token", {"token": "tok_visa"})["id"]
    api.post(f"/payment-methods/{good}/default", status=202)
    assert api.post(f"/invoice/{sale.invoice}/charge", status=200) == {"paid": True, "failure_reason": None}
    assert api.post(f"/invoice/{sale.invoice}/charge", status=409)["error"] == "nothing_due"
    assert api.call("POST", f"/invoice/{uuid.uuid4()}/charge").status_code == 404
    attempts = api.get(f"/payment-attempt?invoice={sale.invoice}")["data"]
    assert [(row["status"], row["failure_reason"]) for row in attempts] == [
        ("succeeded", None),
        ("failed", "lack_of_funds"),
    ]
    assert [row["id"] for row in api.get("/payment-attempt?status=failed")["data"]] == [attempts[1]["id"]]
    assert api.get(f"/payment-attempt?customer={uuid.uuid4()}")["data"] == []
    assert Payment.objects.count() == 1


def test_a_balance_is_credited_debited_and_used(api: Caller, till: Till, shop: Shop) -> None:
    alice, bob = shop.customer("alice", billing_type="invoice"), shop.customer("bob")
    path = f"/customer/{alice}/credit"
    body = {"type": "credit", "amount": 300, "currency": "EUR", "reason": "Sorry"}
    assert api.post(path, body) == {**body, "balance": 300}
    assert api.post(path, {"type": "debit", "amount": 100, "currency": "EUR"})["balance"] == 200
    assert api.get(f"/customer/{alice}/balance") == {"data": [{"currency": "EUR", "amount": 200, "receivable": 0}]}
    credits = api.get(path)["data"]
    assert [(row["type"], row["amount"], row["origin"]) for row in credits] == [
        ("debit", 100, "hand"),
        ("credit", 300, "hand"),
    ]
    assert api.get(f"/customer/{bob}/credit") == {"data": [], "has_more": False}
    assert api.get(f"/customer/{bob}/balance") == {"data": []}
    api.post(f"/customer/{alice}/subscription/start", {"plan": "flat", "price": till.price})
    invoice = api.get(f"/customer/{alice}/invoices")["data"][0]
    assert (invoice["total"], invoice["amount_due"]) == (1000, 800)
    assert set(api.errors("POST", path, {"type": "gift", "amount": 0, "currency": "eur"})) == {
        "type",
        "amount",
        "currency",
    }
    assert AuditEntry.objects.filter(action="customer.balance").count() == 2
    for unknown in ("credit", "balance"):
        assert api.call("GET", f"/customer/{uuid.uuid4()}/{unknown}").status_code == 404


def test_a_credit_sent_twice_with_one_key_is_given_once(api: Caller, shop: Shop) -> None:
    path = f"/customer/{shop.customer('alice')}/credit"
    body = {"type": "credit", "amount": 300, "currency": "EUR"}
    first = api.post(path, body, **idempotent("k1"))
    again = api.call("POST", path, body, **idempotent("k1"))
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first
    assert CustomerBalance.objects.get().balance_minor == 300
