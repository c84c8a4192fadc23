"""Idempotency-Key: one effect and one answer, for every POST."""

from datetime import timedelta
from typing import Any

import pytest

from billing.models import PaymentAttempt
from billing.operations import charging
from billing.operations import start as start_operations
from core.clock import wall_now
from core.models import IdempotencyRecord
from customers import operations
from customers.models import Customer, PaymentMethod
from subscriptions.models import Subscription
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop

KEY = idempotent("order-1")
BODY = {"email": "alice@example.org", "name": "Alice"}


def test_the_first_answer_is_given_again(api: Caller) -> None:
    first = api.call("POST", "/customer", BODY, **KEY)
    again = api.call("POST", "/customer", '{"name":"Alice",  "email":"alice@example.org"}', **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Location"] == first["Location"]
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Customer.objects.count() == 1


def test_without_or_with_another_key_it_is_another_request(api: Caller) -> None:
    api.post("/customer", BODY, **KEY)
    api.post("/customer", BODY)
    api.post("/customer", BODY, **idempotent("order-2"))
    Caller("write").post("/customer", BODY, **KEY)
    assert Customer.objects.count() == 4


def test_the_same_key_for_another_request_is_a_mismatch(api: Caller) -> None:
    api.post("/customer", BODY, **KEY)
    for path, body in (("/customer", {**BODY, "name": "Bob"}), ("/product", BODY), ("/customer", {})):
        assert api.post(path, body, 422, **KEY)["error"] == "idempotency_mismatch"
    assert Customer.objects.count() == 1


def test_what_never_began_is_not_kept(api: Caller) -> None:
    api.post("/customer", {"email": 5}, 400, **KEY)
    api.post("/customer/01890a5d-ac96-774b-bcce-b302099a8057/voucher", {"code": "x"}, 404, **KEY)
    Caller("read").post("/customer", BODY, 403, **KEY)
    assert not IdempotencyRecord.objects.exists()
    api.post("/customer", BODY, 201, **KEY)


def test_a_conflict_of_the_operation_is_kept(api: Caller, shop: Shop) -> None:
    body = {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF"}
    voucher_id = api.post("/voucher", body)["id"]
    first = api.post("/voucher", body, 409, **KEY)
    again = api.call("POST", "/voucher", body, **KEY)
    assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (409, first, "true")
    assert api.post(f"/voucher/{voucher_id}/enable", status=409, **idempotent("2"))["error"] == "not_disabled"


def test_a_failure_of_ours_leaves_nothing_behind(api: Caller, monkeypatch) -> None:
    create = operations.create_customer

    def fail(*arguments: Any, **options: Any) -> None:
        create(*arguments, **options)
        raise ZeroDivisionError

    monkeypatch.setattr(operations, "create_customer", fail)
    with pytest.raises(ZeroDivisionError):
        api.call("POST", "/customer", BODY, **KEY)
    monkeypatch.undo()
    assert not Customer.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    api.post("/customer", BODY, **KEY)


def test_a_day_later_the_key_is_free(api: Caller) -> None:
    first = api.post("/customer", BODY, **KEY)
    IdempotencyRecord.objects.update(created_at=wall_now() - timedelta(hours=24))
    assert api.post("/customer", BODY, **KEY)["id"] != first["id"]
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.parametrize("key", ["", "  ", "x" * 256])
def test_a_key_that_cannot_be_one_is_refused(api: Caller, key: str) -> None:
    assert set(api.post("/customer", BODY, 400, **idempotent(key))["errors"]) == {"Idempotency-Key"}


def test_an_ignored_body_may_be_anything(api: Caller, shop: Shop) -> None:
    voucher = api.post("/voucher", {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF"})
    path = f"/voucher/{voucher['id']}/disable"
    assert api.post(path, "no JSON", 200, **KEY)["status"] == "disabled"
    assert api.call("POST", path, "no JSON", **KEY)["Idempotent-Replayed"] == "true"


def test_get_and_put_ignore_the_header(api: Caller) -> None:
    customer_id = api.post("/customer", BODY)["id"]
    for _ in range(2):
        assert api.call("GET", "/customer", **KEY).status_code == 200
        assert api.call("PUT", f"/customer/{customer_id}", {"name": "Bob"}, **KEY).status_code == 202
    assert not IdempotencyRecord.objects.exists()


@pytest.fixture
def price(shop: Shop) -> str:
    """Return the price of the plan `flat`."""
    product_id = shop.product()
    price_id = shop.price(product_id)
    shop.plan(product_id, price_id, code_name="flat")
    return price_id


def start(api: Caller, customer_id: str, price: str, status: int, token: str = "tok_visa") -> Any:
    """Start a subscription, with the key."""
    body = {"subscription_plan": "flat", "price": price, "card_token": token}
    return api.post(f"/customer/{customer_id}/subscription/start", body, status, **KEY)


def test_a_start_is_made_and_charged_once(api: Caller, shop: Shop, price: str) -> None:
    alice = shop.customer("alice")
    assert start(api, alice, price, 201) == start(api, alice, price, 201)
    assert (Subscription.objects.count(), PaymentAttempt.objects.count(), PaymentMethod.objects.count()) == (1, 1, 1)
    record = IdempotencyRecord.objects.get()
    assert record.lease_until is None
    assert set(record.resource_ids) == {"payment_method", "subscription", "attempt"}


def test_a_decline_is_kept_and_not_tried_again(api: Caller, shop: Shop, price: str) -> None:
    alice = shop.customer("alice")
    first = start(api, alice, price, 402, "tok_lack_of_funds")
    assert start(api, alice, price, 402, "tok_lack_of_funds") == first
    assert PaymentAttempt.objects.count() == 1


def test_while_the_first_runs_the_twin_is_told_to_wait(api: Caller, shop: Shop, price: str, monkeypatch) -> None:
    alice = shop.customer("alice")
    answers = []
    charge = charging.charge_now

    def charge_and_ask(*arguments: Any) -> Any:
        twin = api.call(
            "POST",
            f"/customer/{alice}/subscription/start",
            {"subscription_plan": "flat", "price": price, "card_token": "tok_visa"},
            **KEY,
        )
        answers.append((twin.status_code, twin.json()["error"], "Retry-After" in twin))
        return charge(*arguments)

    monkeypatch.setattr(charging, "charge_now", charge_and_ask)
    start(api, alice, price, 201)
    assert answers == [(409, "idempotency_running", True)]
    assert Subscription.objects.count() == 1


def test_after_a_crash_the_retry_goes_on_with_what_was_made(api: Caller, shop: Shop, price: str, monkeypatch) -> None:
    """The process dies after the subscription was stored and before its card was charged."""
    alice = shop.customer("alice")

    def die(*arguments: object) -> None:
        raise SystemExit

    monkeypatch.setattr(start_operations, "_charge", die)
    with pytest.raises(SystemExit):
        start(api, alice, price, 201)
    monkeypatch.undo()
    begun = Subscription.objects.get()
    assert begun.status == "incomplete"
    # A killed process does not even free its lease: until it runs out the retry waits.
    IdempotencyRecord.objects.update(lease_until=wall_now() + timedelta(minutes=1))
    assert start(api, alice, price, 409)["error"] == "idempotency_running"
    IdempotencyRecord.objects.update(lease_until=wall_now())
    resumed = start(api, alice, price, 201)
    assert (resumed["id"], resumed["status"]) == (str(begun.id), "active")
    assert (Subscription.objects.count(), PaymentAttempt.objects.count(), PaymentMethod.objects.count()) == (1, 1, 1)


def test_a_card_kept_before_a_crash_is_not_kept_again(api: Caller, shop: Shop, monkeypatch) -> None:
    alice = shop.customer("alice")
    path = f"/customer/{alice}/payment-methods/frontend-payment-token"

    def die(*arguments: object) -> None:
        raise SystemExit

    monkeypatch.setattr("billing.api.cards.answer_created", die)
    with pytest.raises(SystemExit):
        api.call("POST", path, {"token": "tok_visa"}, **KEY)
    monkeypatch.undo()
    card = api.post(path, {"token": "tok_visa"}, **KEY)
    assert PaymentMethod.objects.get().id.hex == card["id"].replace("-", "")
