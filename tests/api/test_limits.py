"""GET `/customer/{id}/limits`; POST `/customer/{id}/disable`, `/enable`."""

from typing import Any

import pytest

from core.models import OutboxEvent
from subscriptions.models import Subscription
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_shape

EMPTY: dict[str, Any] = {"limits": [], "features": [], "user_count": 0, "userCount": 0}


@pytest.fixture
def alice(api: Caller, shop: Shop) -> str:
    """Return a customer of two plans that limit API calls, to 10 and 15, and share a feature."""
    calls = api.post("/feature", {"name": "API calls"})["id"]
    space = api.post("/feature", {"name": "Space"})["id"]
    sso = api.post("/feature", {"name": "SSO"})["id"]
    audit = api.post("/feature", {"name": "Audit"})["id"]
    product = shop.product()
    price = shop.price(product)
    shop.plan(
        product,
        price,
        code_name="small",
        user_count=3,
        limits=[{"feature": calls, "limit": 10}],
        features=[sso],
    )
    limits = [{"feature": calls, "limit": 15}, {"feature": space, "limit": 7}]
    shop.plan(product, price, code_name="large", user_count=4, limits=limits, features=[sso, audit])
    customer = shop.customer("alice", billing_type="invoice")
    for plan in ("small", "large"):
        api.post(f"/customer/{customer}/subscription/start", {"subscription_plan": plan, "price": price})
    return customer


def limits_of(answer: dict[str, Any]) -> dict[str, int]:
    return {limit["name"]: limit["limit"] for limit in answer["limits"]}


def test_limits_and_users_add_up_and_features_are_a_union(api: Caller, alice: str) -> None:
    answer = api.get(f"/customer/{alice}/limits")
    assert limits_of(answer) == {"API calls": 25, "Space": 7}
    assert [feature["name"] for feature in answer["features"]] == ["SSO", "Audit"]
    assert (answer["user_count"], answer["userCount"]) == (7, 7)
    for limit in answer["limits"]:
        check_shape("limit", limit)
    for feature in answer["features"]:
        check_shape("feature", feature)


def test_two_subscriptions_of_one_plan_count_twice(api: Caller, alice: str) -> None:
    price = api.get("/price")["data"][0]["id"]
    api.post(f"/customer/{alice}/subscription/start", {"subscription_plan": "small", "price": price})
    answer = api.get(f"/customer/{alice}/limits")
    assert (limits_of(answer)["API calls"], answer["user_count"]) == (35, 10)
    assert len(answer["features"]) == 2


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("active", True),
        ("overdue_payment_open", True),
        ("pending_cancel", True),
        ("trial_active", True),
        ("paused", False),
        ("blocked", False),
        ("trial_ended", False),
        ("incomplete", False),
        ("overdue_payment_disabled", False),
        ("cancelled", False),
    ],
)
def test_only_active_subscriptions_grant(api: Caller, alice: str, status: str, counts: bool) -> None:
    large = Subscription.objects.get(plan__code_name="large")
    at = large.created_at
    Subscription.objects.filter(id=large.id).update(status=status, cancel_at=at, ended_at=at, trial_end_at=at)
    answer = api.get(f"/customer/{alice}/limits")
    assert limits_of(answer) == ({"API calls": 25, "Space": 7} if counts else {"API calls": 10})
    assert answer["user_count"] == (7 if counts else 3)


def test_a_disabled_customer_has_none_until_it_is_enabled(api: Caller, alice: str) -> None:
    before = api.get(f"/customer/{alice}/limits")
    for _ in range(2):
        assert api.post(f"/customer/{alice}/disable", status=202) == {}
        assert api.get(f"/customer/{alice}/limits") == EMPTY
        assert api.get(f"/customer/{alice}")["status"] == "disabled"
    for _ in range(2):
        assert api.post(f"/customer/{alice}/enable", status=202) == {}
        assert api.get(f"/customer/{alice}/limits") == before
    told = OutboxEvent.objects.filter(object_id=alice).order_by("id").values_list("type", flat=True)
    assert list(told) == ["customer.created", "customer.disabled", "customer.enabled"]


def test_who_has_nothing_gets_nothing_and_who_is_unknown_is_not_found(api: Caller, shop: Shop, alice: str) -> None:
    assert api.get(f"/customer/{shop.customer('bob')}/limits") == EMPTY
    charlie = "0198c0de-0000-7000-8000-000000000000"
    assert api.call("GET", f"/customer/{charlie}/limits").status_code == 404
    assert api.call("POST", f"/customer/{charlie}/disable").status_code == 404
