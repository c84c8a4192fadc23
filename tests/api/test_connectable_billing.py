"""Connectable's `/users/{id}/billing`."""

from typing import Any

import pytest

from integrations.domain.connectable_words import STATUS
from subscriptions.domain.lifecycle import Status
from subscriptions.models import Subscription
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.neighbours import Connectable, sell
from tests.api.running import Running
from tests.contract.neighbours import check_neighbour

SHIPPING = {
    "address": {
        "city": "London",
        "country": "GB",
        "line1": "1 High Street",
        "line2": "Flat 2",
        "postal_code": "EC1A 1BB",
        "state": None,
    },
    "name": "Ada",
    "phone": "+441234567",
}
JUNE = 1780272000
"""2026-06-01T00:00:00Z."""
JULY = 1782864000


@pytest.fixture
def users(api: Caller) -> Connectable:
    return Connectable(key=api.key)


def test_billing_is_there_as_soon_as_the_user_is(users: Connectable) -> None:
    ada = users.user(email="ada@example.org")
    billing = users.billing(ada)
    assert (billing["id"], billing["object"], billing["email"]) == (ada, "customer", "ada@example.org")
    assert (billing["account_balance"], billing["delinquent"], billing["discount"]) == (0, False, None)
    assert (billing["default_source"], billing["currency"], billing["shipping"]) == (None, "eur", None)
    for part in ("subscriptions", "sources"):
        listed = billing[part]
        assert (listed["object"], listed["data"], listed["has_more"], listed["total_count"]) == ("list", [], False, 0)


def test_what_a_client_writes_it_reads_back(users: Connectable) -> None:
    ada = users.user()
    body = {"currency": "GBP", "description": "Ada's team", "email": "ada@example.org", "shipping": SHIPPING}
    changed = users.put(f"/users/{ada}/billing", {**body, "id": "cus_other", "metadata": {}})
    check_neighbour("connectable", "customer", changed)
    assert (changed["id"], changed["currency"]) == (ada, "gbp")
    assert {name: changed[name] for name in ("description", "email", "shipping")} == {
        name: body[name] for name in ("description", "email", "shipping")
    }
    assert users.billing(ada) == changed
    cleared = users.put(f"/users/{ada}/billing", {"description": None, "shipping": None})
    assert (cleared["description"], cleared["shipping"], cleared["email"]) == (None, None, "ada@example.org")


def test_a_subscription_is_told_in_stripes_words(users: Connectable, running: Running) -> None:
    """Alice pays 30.00 EUR a month and seat by invoice since 1 June, 30 days to pay."""
    shown = users.billing(running.alice)["subscriptions"]
    assert shown["total_count"] == 1
    (subscription,) = shown["data"]
    wanted = {
        "id": running.id,
        "object": "subscription",
        "billing": "send_invoice",
        "billing_cycle_anchor": JUNE,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "current_period_start": JUNE,
        "current_period_end": JULY,
        "customer": running.alice,
        "days_until_due": 30,
        "discount": None,
        "ended_at": None,
        "quantity": 1,
        "start": JUNE,
        "status": "active",
        "tax_percent": 0,
        "trial_end": None,
        "trial_start": None,
    }
    assert {name: subscription[name] for name in wanted} == wanted
    plan = subscription["plan"]
    assert (plan["id"], plan["amount"], plan["currency"]) == (running.small, 3000, "eur")
    assert (plan["interval"], plan["interval_count"], plan["nickname"]) == ("month", 1, "Team")
    assert (plan["product"], plan["trial_period_days"]) == (running.product, None)
    (item,) = subscription["items"]
    assert (item["object"], item["plan"], item["quantity"]) == ("subscription_item", plan, 1)
    assert item["subscription"] == running.id


def test_an_end_that_is_set_leaves_it_active(users: Connectable, running: Running) -> None:
    running.api.post(f"/subscription/{running.id}/cancel", {"when": "end-of-run"}, 202)
    (subscription,) = users.billing(running.alice)["subscriptions"]["data"]
    assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_word(users: Connectable, running: Running, status: Status) -> None:
    """By hand from section 1 of the neighbour shapes."""
    words = {
        "trial_active": "trialing",
        "overdue_payment_open": "past_due",
        "incomplete": "past_due",
        "overdue_payment_disabled": "unpaid",
        "blocked": "unpaid",
        "pending_cancel": "active",
        "paused": "active",
        "active": "active",
        "cancelled": "canceled",
        "trial_ended": "canceled",
    }
    facts: dict[str, Any] = {"status": status}
    if status is Status.CANCELLED:
        facts["ended_at"] = Subscription.objects.get().started_at
    if status is Status.PENDING_CANCEL:
        facts["cancel_at"] = Subscription.objects.get().current_period_end
    if status is Status.TRIAL_ACTIVE:
        facts["trial_end_at"] = Subscription.objects.get().current_period_end
    Subscription.objects.update(**facts)
    (subscription,) = users.billing(running.alice)["subscriptions"]["data"]
    assert subscription["status"] == words[status] == STATUS[status]


def test_a_voucher_is_the_discount(users: Connectable, running: Running) -> None:
    voucher = {"name": "Fifth", "type": "percentage", "percent": 20, "code": "FIFTH", "duration": "repeating"}
    made = running.api.post("/voucher", {**voucher, "duration_count": 3, "maximum_redemptions": 5})["id"]
    running.api.post(f"/customer/{running.alice}/voucher", {"code": "fifth"}, 202)
    billing = users.billing(running.alice)
    discount = billing["discount"]
    assert (discount["object"], discount["customer"], discount["subscription"]) == ("discount", running.alice, None)
    coupon = discount["coupon"]
    assert (coupon["id"], coupon["percent_off"], coupon["amount_off"], coupon["currency"]) == (made, 20, None, None)
    assert (coupon["duration"], coupon["duration_in_months"]) == ("repeating", 3)
    assert (coupon["max_redemptions"], coupon["times_redeemed"], coupon["valid"]) == (5, 1, True)
    assert billing["subscriptions"]["data"][0]["discount"] == 20


def test_credit_is_a_negative_balance_in_the_billings_currency(users: Connectable, running: Running) -> None:
    for amount, currency in ((500, "EUR"), (900, "USD")):
        body = {"type": "credit", "amount": amount, "currency": currency, "reason": "sorry"}
        running.api.post(f"/customer/{running.alice}/credit", body, 201)
    assert users.billing(running.alice)["account_balance"] == -500
    told = users.put(f"/users/{running.alice}/billing", {"currency": "usd"})
    assert (told["currency"], told["account_balance"]) == ("usd", -900)


def test_a_customer_is_delinquent_when_the_latest_invoice_is_not_paid_in_time(
    users: Connectable, running: Running
) -> None:
    """The invoice of 1 June is due on 1 July."""
    assert users.billing(running.alice)["delinquent"] is False
    running.api.post(f"/subscription/{running.id}/cancel", {"when": "instantly"}, 202)
    running.advance("2026-07-02")
    assert users.billing(running.alice)["delinquent"] is True


def test_a_customer_is_delinquent_when_the_latest_charge_failed(users: Connectable, api: Caller, shop: Shop) -> None:
    running = Running(api, shop, card=True)
    good = users.billing(running.alice)["default_source"]
    users.card(running.alice, source="tok_declined")
    users.delete(f"/users/{running.alice}/billing/sources/{good}", 200)
    assert users.billing(running.alice)["delinquent"] is False
    running.advance("2026-07-01")
    assert users.billing(running.alice)["delinquent"] is True


def test_deleted_billing_is_absent_until_it_is_made_again(users: Connectable, running: Running) -> None:
    ada = running.alice
    card = users.card(ada)["id"]
    users.put(f"/users/{ada}", {"nickname": "Al"})
    users.put(f"/users/{ada}/billing", {"description": "first"})
    assert users.delete(f"/users/{ada}/billing", 200) == ada
    assert running.now()["status"] == "cancelled"
    for method in ("GET", "PUT", "DELETE"):
        assert users.call(method, f"/users/{ada}/billing", "{}").status_code == 404
    assert users.call("POST", f"/users/{ada}/billing/sources", {"source": "tok_visa"}).status_code == 404
    assert users.call("GET", f"/users/{ada}/billing/sources/{card}").status_code == 204
    assert users.show(ada)["nickname"] == "Al"
    assert len(users.invoices(ada)) == 1
    again = users.post(f"/users/{ada}/billing", {"currency": "usd"})
    check_neighbour("connectable", "customer", again)
    assert (again["id"], again["description"], again["sources"]["data"]) == (ada, None, [])
    assert users.billing(ada) == again


def test_billing_that_is_there_is_changed_by_post(users: Connectable) -> None:
    ada = users.user()
    first = users.post(f"/users/{ada}/billing", {"description": "first"})
    card = users.card(ada)["id"]
    body = {"default_source": card}
    second, third = (users.call("POST", f"/users/{ada}/billing", body, **idempotent("once")) for _ in range(2))
    assert (second.status_code, second.content) == (201, third.content)
    assert (first["description"], second.json()["description"]) == ("first", "first")


def test_the_default_card_is_one_of_the_users(users: Connectable) -> None:
    ada, bob = users.user(), users.user()
    first, second, others = users.card(ada)["id"], users.card(ada)["id"], users.card(bob)["id"]
    assert users.billing(ada)["default_source"] == first
    assert users.put(f"/users/{ada}/billing", {"default_source": second})["default_source"] == second
    for nobodys in (others, "01890a5d-ac96-774b-bcce-b302099a8057", "card_1", 5):
        assert set(users.errors("PUT", f"/users/{ada}/billing", {"default_source": nobodys})) == {"default_source"}
    assert users.billing(ada)["default_source"] == second
    assert users.billing(bob)["default_source"] == others


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"currency": "euro"}, "currency"),
        ({"currency": "xxz"}, "currency"),
        ({"email": "x"}, "email"),
        ({"shipping": "home"}, "shipping"),
        ({"shipping": {"address": {"city": 5}}}, "shipping.address.city"),
        ({"description": ["x"]}, "description"),
    ],
)
def test_bad_input_is_told_where_and_stores_nothing(users: Connectable, body: object, path: str) -> None:
    ada = users.user()
    before = users.billing(ada)
    for method in ("PUT", "POST"):
        assert set(users.errors(method, f"/users/{ada}/billing", body)) == {path}
    assert users.billing(ada) == before


def test_a_users_billing_shows_nothing_of_others(users: Connectable, running: Running) -> None:
    bob = users.user(email="bob@example.org")
    users.card(running.alice)
    shown = users.billing(bob)
    assert (shown["subscriptions"]["data"], shown["sources"]["data"], shown["delinquent"]) == ([], [], False)


def test_billing_costs_the_same_whatever_its_size(
    users: Connectable, api: Caller, shop: Shop, django_assert_num_queries: Any
) -> None:
    ada = api.post("/customer", {"email": "ada@example.org", "billing_type": "invoice"})["id"]
    sell(shop, ada)
    users.card(ada)
    users.billing(ada)
    with django_assert_num_queries(QUERIES):
        users.billing(ada)
    for number in range(3):
        sell(shop, ada, f"more-{number}")
        users.card(ada)
    with django_assert_num_queries(QUERIES):
        users.billing(ada)


QUERIES = 15
