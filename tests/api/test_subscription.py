"""POST `/customer/{id}/subscription/start`, `/trial`; GET `/subscription` and a customer's; seats."""

import json
import uuid
from typing import Any

import pytest

from billing.models import PaymentAttempt
from customers.models import Customer
from subscriptions.models import Subscription, VoucherRedemption
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape


@pytest.fixture
def catalogue(shop: Shop) -> "Catalogue":
    """Return a plan per seat with two prices."""
    return Catalogue(shop)


class Catalogue:
    """A plan with a monthly and a yearly price."""

    def __init__(self, shop: Shop) -> None:
        self.product = shop.product()
        self.monthly = shop.price(self.product)
        self.yearly = shop.price(self.product, amount=10000, schedule="year")
        self.plan = shop.plan(self.product, self.monthly, self.yearly, code_name="team", per_seat=True)


def start(api: Caller, customer_id: str, status: int = 201, **fields: Any) -> Any:
    """Start a subscription."""
    return api.post(f"/customer/{customer_id}/subscription/start", fields, status)


def test_an_invoice_customer_starts_without_a_card(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    body: dict[str, Any] = {"subscription_plan": "team", "price": catalogue.monthly, "seat_number": 5}
    body["metadata"] = {"deal": 7}
    created = start(api, alice, **body)
    check_shape("subscription", created)
    assert (created["status"], created["seat_number"], created["schedule"]) == ("active", 5, "month")
    assert (created["price"]["id"], created["plan"]["id"]) == (catalogue.monthly, catalogue.plan)
    assert (created["customer_id"], created["metadata"]) == (alice, {"deal": 7})
    assert created["valid_until"] == created["current_period_end"] > created["current_period_start"]
    assert [(item["price"]["id"], item["quantity"]) for item in created["items"]] == [(catalogue.monthly, 5)]
    assert api.get(f"/subscription/{created['id']}") == created
    invoices = api.get(f"/customer/{alice}/invoices")
    check_page("invoice", invoices)
    assert [(row["total"], row["status"]) for row in invoices["data"]] == [(5000, "open")]


@pytest.mark.parametrize(
    "fields",
    [
        {"subscription_plan": "{plan}", "price": "{monthly}"},
        {"subscription_plan": "team", "schedule": "month", "currency": "EUR"},
        {"plan": "team", "price": {"id": "{monthly}"}, "seat_numbrers": 1, "deny_trial": True},
        {"subscription_plan": {"id": "{plan}", "name": "other"}, "price": "{monthly}", "schedule": None},
    ],
)
def test_plan_and_price_have_many_spellings(
    api: Caller, shop: Shop, catalogue: Catalogue, fields: dict[str, Any]
) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    text = json.dumps(fields).replace("{plan}", catalogue.plan).replace("{monthly}", catalogue.monthly)
    created = start(api, alice, **json.loads(text))
    assert created["price"]["id"] == catalogue.monthly


def test_a_card_customer_pays_at_once(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice")
    created = start(api, alice, subscription_plan="team", price=catalogue.monthly, card_token="tok_visa")
    assert created["status"] == "active"
    payments = api.get(f"/customer/{alice}/payment")
    check_page("payment", payments)
    assert [(row["amount"], row["status"]) for row in payments["data"]] == [(1000, "completed")]
    assert api.get(f"/customer/{alice}/invoices")["data"][0]["status"] == "paid"


def test_a_declined_card_starts_nothing(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice")
    refused = start(api, alice, 402, subscription_plan="team", price=catalogue.monthly, card_token="tok_lack_of_funds")
    assert refused["paid"] is False
    assert refused["failure_reason"] == "lack_of_funds"
    assert not Subscription.objects.exists()
    assert PaymentAttempt.objects.get().status == "failed"


def test_a_bank_that_asks_the_cardholder_gives_a_link(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice")
    token = "tok_authentication_required"
    refused = start(api, alice, 402, subscription_plan="team", price=catalogue.monthly, card_token=token)
    assert refused["failure_reason"] == "authentication_required"
    assert refused["link"].startswith("http")


def test_without_a_card_a_card_customer_is_not_acceptable(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    refused = start(api, shop.customer("alice"), 406, subscription_plan="team", price=catalogue.monthly)
    assert refused["error"] == "no_payment_method"
    assert not Subscription.objects.exists()


def test_a_refused_token_is_told_apart(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice")
    path = f"/customer/{alice}/subscription/start"
    body = {"subscription_plan": "team", "price": catalogue.monthly, "card_token": "no such token"}
    assert set(api.errors("POST", path, body)) <= {"token", "card_token"}


def test_a_voucher_comes_with_the_start(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    body = {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF", "plans": ["team"]}
    api.post("/voucher", body)
    start(api, alice, subscription_plan="team", price=catalogue.monthly, voucher="half")
    assert api.get(f"/customer/{alice}/invoices")["data"][0]["total"] == 500
    bob = shop.customer("bob")
    start(api, bob, 406, subscription_plan="team", price=catalogue.monthly, voucher="half")
    assert list(VoucherRedemption.objects.values_list("customer_id", flat=True)) == [uuid.UUID(alice)]
    path = f"/customer/{bob}/subscription/start"
    faults = api.errors("POST", path, {"plan": "team", "price": catalogue.monthly, "voucher": "nothing"})
    assert faults == {"voucher": "no voucher has this code"}


def test_a_credit_given_with_a_start_that_fails_is_taken_back(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    bob = shop.customer("bob")
    amounts = [{"currency": "EUR", "amount": 300}]
    api.post("/voucher", {"name": "Hello", "type": "fixed_credit", "code": "HELLO", "amounts": amounts})
    start(api, bob, 406, subscription_plan="team", price=catalogue.monthly, voucher="HELLO")
    assert api.get(f"/customer/{bob}/balance")["data"] == [{"currency": "EUR", "amount": 0, "receivable": 0}]
    Customer.objects.filter(id=bob).update(billing_type="invoice")
    start(api, bob, subscription_plan="team", price=catalogue.monthly, voucher="HELLO")
    invoice = api.get(f"/customer/{bob}/invoices")["data"][0]
    assert (invoice["total"], invoice["amount_due"]) == (1000, 700)


def test_a_start_says_all_that_is_wrong(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    path = f"/customer/{alice}/subscription/start"
    assert set(api.errors("POST", path, {})) == {"subscription_plan", "schedule", "currency"}
    wrong = {
        "subscription_plan": "nothing",
        "price": str(uuid.uuid4()),
        "seat_number": 0,
        "deny_trial": "no",
        "start_date": "9999-01-01",
        "alignment": "moon",
        "billing_day": 32,
        "items": [{"quantity": 1}],
        "metadata": 5,
        "payment_details": "x",
        "foo": 1,
    }
    named = {*wrong, "items.0.price"} - {"items"}
    assert set(api.errors("POST", path, wrong)) == named
    foreign = shop.price(shop.product("Other"))
    assert set(api.errors("POST", path, {"plan": "team", "price": foreign})) == {"price"}
    assert set(api.errors("POST", path, {"plan": "team", "price": catalogue.monthly, "start_date": "2199-01-01"})) == {
        "start_date"
    }
    assert api.call("POST", f"/customer/{uuid.uuid4()}/subscription/start", wrong).status_code == 404
    assert not Subscription.objects.exists()


def test_a_card_of_somebody_else_is_refused(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    bob = shop.customer("bob")
    card = api.post(f"/customer/{bob}/payment-methods/frontend-payment-token", {"token": "tok_visa"})["id"]
    path = f"/customer/{shop.customer('alice')}/subscription/start"
    body = {"plan": "team", "price": catalogue.monthly, "payment_details": card}
    assert set(api.errors("POST", path, body)) == {"payment_details"}


def test_a_trial_is_given_once(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    price_id = shop.price(product_id)
    shop.plan(product_id, price_id, code_name="try", has_trial=True, trial_length_days=14)
    alice = shop.customer("alice")
    path = f"/customer/{alice}/subscription/trial"
    created = api.post(path, {"subscription_plan": "try", "seat_number": 1, "trial_length_days": 10})
    check_shape("subscription", created)
    assert created["status"] == "trial_active"
    assert created["price"]["id"] == price_id
    assert created["trial_end"] == created["valid_until"]
    assert api.get(f"/customer/{alice}/invoices") == {"data": [], "has_more": False}
    assert set(api.errors("POST", path, {"subscription_plan": "try"})) == {"subscription_plan"}


def test_seats_are_added_and_removed(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    created = start(api, alice, subscription_plan="team", price=catalogue.monthly, seat_number=3)
    path = f"/subscription/{created['id']}"
    assert api.post(f"{path}/seats/add", {"seats": 1}, 200) == {"success": True}
    assert api.get(path)["seat_number"] == 4
    assert api.post(f"{path}/seats/remove", {"seats": 2}, 200) == {"success": True}
    assert api.get(path)["seat_number"] == 2
    assert set(api.errors("POST", f"{path}/seats/remove", {"seats": 24})) == {"seats"}
    for seats in (0, -1, "1", 1.5, None, 10**30):
        assert set(api.errors("POST", f"{path}/seats/add", {"seats": seats})) == {"seats"}
    assert api.get(path)["seat_number"] == 2
    unknown = api.call("POST", f"/subscription/{uuid.uuid4()}/seats/add", {"seats": 1})
    assert unknown.status_code == 404


def test_seats_need_a_plan_per_seat(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    shop.plan(product_id, shop.price(product_id), code_name="flat")
    alice = shop.customer("alice", billing_type="invoice")
    created = start(api, alice, subscription_plan="flat", schedule="month", currency="EUR")
    assert set(api.errors("POST", f"/subscription/{created['id']}/seats/add", {"seats": 1})) == {"seats"}


def test_lists_show_whom_they_are_asked_for(
    api: Caller, shop: Shop, catalogue: Catalogue, django_assert_num_queries
) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    bob = shop.customer("bob", billing_type="invoice")
    charlie = shop.customer("charlie", billing_type="invoice")
    mine = [
        start(api, alice, subscription_plan="team", price=price)["id"]
        for price in (catalogue.monthly, catalogue.yearly)
    ]
    other = start(api, bob, subscription_plan="team", price=catalogue.monthly)["id"]
    Subscription.objects.filter(id=mine[0]).update(status="paused")
    every = api.get("/subscription")
    check_page("subscription", every)
    assert [row["id"] for row in every["data"]] == [other, *mine[::-1]]

    def ids(path: str) -> list[str]:
        return [row["id"] for row in api.get(path)["data"]]

    assert ids(f"/subscription?customer={alice}") == mine[::-1]
    assert ids("/subscription?status=paused") == mine[:1]
    assert ids(f"/subscription?plan=team&customer={bob}") == [other]
    assert ids(f"/subscription?plan={catalogue.plan}&limit=1") == [other]
    assert ids("/subscription?plan=nothing") == []
    assert ids(f"/customer/{alice}/subscription") == mine[::-1]
    assert ids(f"/customer/{alice}/subscription/active") == mine[1:]
    assert ids(f"/customer/{charlie}/subscription") == []
    assert set(api.errors("GET", "/subscription?status=happy&customer=x&foo=1")) == {"status", "customer", "foo"}
    for _ in range(2):
        with django_assert_num_queries(10):
            api.get("/subscription")
        start(api, charlie, subscription_plan="team", price=catalogue.monthly)
    for path in (f"/customer/{uuid.uuid4()}/subscription", f"/customer/{uuid.uuid4()}/subscription/active"):
        assert api.call("GET", path).status_code == 404


def test_a_customers_lists_are_whole_unless_a_page_is_asked_for(api: Caller, shop: Shop, catalogue: Catalogue) -> None:
    alice = shop.customer("alice", billing_type="invoice")
    for _ in range(12):
        start(api, alice, subscription_plan="team", price=catalogue.monthly)
    for path in (f"/customer/{alice}/subscription", f"/customer/{alice}/subscription/active"):
        whole = api.get(path)
        assert (len(whole["data"]), whole["has_more"]) == (12, False)
        page = api.get(f"{path}?limit=5")
        assert (len(page["data"]), page["has_more"]) == (5, True)
        rest = api.get(f"{path}?last_key={page['last_key']}")
        assert (len(rest["data"]), rest["has_more"]) == (7, False)
