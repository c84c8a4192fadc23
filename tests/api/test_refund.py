"""Refunds as the API takes and shows them."""

import uuid

import pytest

from billing.models import Refund
from customers.models import Customer
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.till import Till
from tests.contract.shapes import check_page, check_shape


@pytest.fixture
def till(api: Caller, shop: Shop) -> Till:
    """Return somebody who sells."""
    return Till(api, shop)


def payment_of(api: Caller, customer: str) -> str:
    return str(api.get(f"/customer/{customer}/payment")["data"][0]["id"])


def test_a_payment_is_refunded_in_two_halves(api: Caller, till: Till) -> None:
    sale = till.sell("alice")
    payment = payment_of(api, sale.customer)
    path = f"/payment/{payment}/refund"
    assert api.post(path, {"amount": 500, "currency": "EUR", "reason": "Late"}, status=202) == {}
    assert api.get(f"/payment/{payment}")["status"] == "partially_refunded"
    assert api.post(path, {"amount": 500}, status=202) == {}
    assert api.get(f"/payment/{payment}")["status"] == "fully_refunded"
    assert api.post(path, {"amount": 1}, status=406)["error"] == "not_refundable"
    second, first = api.get("/refund")["data"]
    check_shape("refund", first)
    assert (first["amount"], first["comment"], first["status"], first["payment_id"]) == (500, "Late", "issued", payment)
    assert second["comment"] is None
    assert first["external_reference"].startswith("re_")
    notes = api.get(f"/credit-note?invoice={sale.invoice}&origin=refund")["data"]
    assert [(note["total"], note["refunded"], note["to_balance"]) for note in notes] == [(500, 500, 0)] * 2
    assert api.get(f"/invoice/{sale.invoice}")["status"] == "paid"


def test_what_cannot_be_refunded_says_why(api: Caller, till: Till) -> None:
    payment = payment_of(api, till.sell("alice").customer)
    path = f"/payment/{payment}/refund"
    assert api.post(path, {"amount": 1001}, status=406)["code"] == 406
    assert set(api.errors("POST", path, {"amount": 1, "currency": "USD"})) == {"currency"}
    assert set(api.errors("POST", path, {"amount": 0})) == {"amount"}
    assert set(api.errors("POST", path, {})) == {"amount"}
    assert api.call("POST", f"/payment/{uuid.uuid4()}/refund", {"amount": 1}).status_code == 404
    assert not Refund.objects.exists()


def test_a_refund_sent_twice_with_one_key_is_made_once(api: Caller, till: Till) -> None:
    payment = payment_of(api, till.sell("alice").customer)
    for _ in range(2):
        assert api.call("POST", f"/payment/{payment}/refund", {"amount": 400}, **idempotent("k1")).status_code == 202
    assert Refund.objects.count() == 1


def test_refunds_are_listed_and_narrowed(api: Caller, till: Till, django_assert_num_queries) -> None:
    alice, bob = till.sell("alice", name="Alice Liddell"), till.sell("bob")
    for sale in (alice, bob):
        api.post(f"/payment/{payment_of(api, sale.customer)}/refund", {"amount": 100}, status=202)
    check_page("refund", api.get("/refund"))

    def customers(path: str) -> list[str]:
        return [row["customer"]["id"] for row in api.get(path)["data"]]

    assert customers("/refund") == [bob.customer, alice.customer]
    assert customers("/refund?name=liddell") == [alice.customer]
    assert customers(f"/refund?customer={bob.customer}&status=issued") == [bob.customer]
    assert customers("/refund?status=rejected") == []
    assert customers(f"/customer/{alice.customer}/refund") == [alice.customer]
    assert customers(f"/customer/{alice.customer}/refund?name=bob@") == []
    one = api.get("/refund?limit=1")["data"][0]["id"]
    expanded = api.get(f"/refund/{one}?expand=payment")
    check_shape("refund", expanded)
    assert expanded["payment"]["id"] == expanded["payment_id"]
    assert "payment" not in api.get(f"/refund/{one}")
    for path in ("/refund", "/refund?expand=payment"):
        with django_assert_num_queries(2):
            api.get(path)
    for path in (f"/refund/{uuid.uuid4()}", f"/customer/{uuid.uuid4()}/refund"):
        assert api.call("GET", path).status_code == 404
    assert set(api.errors("GET", "/refund?expand=customer&status=happy")) == {"expand", "status"}


def test_a_rejected_refund_stays_on_the_balance(api: Caller, till: Till, shop: Shop) -> None:
    sale = till.sell("alice", billing_type="invoice")
    Customer.objects.filter(id=sale.customer).update(billing_type="card")
    token = {"token": "tok_refund_rejected"}
    api.post(f"/customer/{sale.customer}/payment-methods/frontend-payment-token", token)
    api.post(f"/invoice/{sale.invoice}/charge", status=200)
    payment = payment_of(api, sale.customer)
    api.post(f"/payment/{payment}/refund", {"amount": 300}, status=202)
    assert api.get("/refund")["data"][0]["status"] == "rejected"
    assert api.get(f"/payment/{payment}")["status"] == "completed"
    assert api.get(f"/customer/{sale.customer}/balance")["data"][0]["amount"] == 300
