"""CRUD `/plan`, `/feature`, `/metric`, `/tax/type`; GET `/subscription/plans`."""

import uuid

import pytest

from core.models import OutboxEvent
from subscriptions.models import TaxType
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape


def test_a_plan_shows_all_that_it_offers(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    price_id = shop.price(product_id)
    feature = api.post("/feature", {"name": "Priority support"})
    check_shape("feature", feature)
    assert feature["code"] == "priority-support"
    body = {
        "product": product_id,
        "name": "Team",
        "code_name": "team",
        "per_seat": True,
        "has_trial": True,
        "trial_length_days": 14,
        "user_count": 5,
        "prices": [{"id": price_id}],
        "features": ["priority-support"],
        "limits": [{"feature": feature["id"], "limit": 10}],
    }
    created = api.post("/plan", body)
    check_shape("subscription_plan", created)
    assert created["product"]["id"] == product_id
    assert [price["id"] for price in created["prices"]] == [price_id]
    assert created["features"] == [feature]
    assert created["limits"] == [{"name": "Priority support", "feature": feature, "limit": 10}]
    assert (created["per_seat"], created["trial_length_days"], created["public"]) == (True, 14, True)
    assert api.get(f"/plan/{created['id']}") == created
    again = api.put(f"/plan/{created['id']}", created)
    assert again == created


def test_a_plan_has_only_prices_of_its_product(api: Caller, shop: Shop) -> None:
    mine, other = shop.product("Mine"), shop.product("Other")
    good, foreign = shop.price(mine), shop.price(other)
    body = {"product": mine, "name": "Team", "code_name": "team", "prices": [good, foreign], "has_trial": True}
    assert set(api.errors("POST", "/plan", body)) == {"prices.1", "trial_length_days"}
    plan_id = shop.plan(mine, good)
    assert set(api.errors("PUT", f"/plan/{plan_id}", {"prices": [foreign]})) == {"prices.0"}
    assert set(api.errors("PUT", f"/plan/{plan_id}", {"product": other})) == {"product"}


def test_what_a_plan_joins_is_replaced_or_kept(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    first, second = shop.price(product_id), shop.price(product_id, amount=2000)
    feature = api.post("/feature", {"name": "SSO", "code": "sso"})
    plan_id = shop.plan(product_id, first, features=["sso"], limits=[{"feature": "sso", "limit": 1}])
    changed = api.put(f"/plan/{plan_id}", {"name": "Renamed"})
    assert ([p["id"] for p in changed["prices"]], changed["features"]) == ([first], [feature])
    changed = api.put(f"/plan/{plan_id}", {"prices": [second], "features": [], "limits": []})
    assert ([p["id"] for p in changed["prices"]], changed["features"], changed["limits"]) == ([second], [], [])
    assert OutboxEvent.objects.filter(type="plan.updated").count() == 2


def test_a_code_name_is_taken_once(api: Caller, shop: Shop) -> None:
    product_id = shop.product()
    first = shop.plan(product_id, code_name="team")
    body = {"product": product_id, "name": "Team", "code_name": "team"}
    assert api.post("/plan", body, 409)["error"] == "plan_code_taken"
    second = shop.plan(product_id)
    assert api.put(f"/plan/{second}", {"code_name": "team"}, 409)["error"] == "plan_code_taken"
    assert api.get(f"/plan/{first}")["code_name"] == "team"


def test_a_plan_is_retired_taken_back_and_deleted(api: Caller, shop: Shop) -> None:
    plan_id = shop.plan(shop.product())
    assert api.put(f"/plan/{plan_id}", {"active": False})["active"] is False
    assert OutboxEvent.objects.filter(type="plan.retired").count() == 1
    assert api.put(f"/plan/{plan_id}", {"active": True})["active"] is True
    api.delete(f"/plan/{plan_id}")
    assert api.call("GET", f"/plan/{plan_id}").status_code == 404
    assert api.call("DELETE", f"/plan/{plan_id}").status_code == 404


def test_both_lists_of_plans_cost_the_same_whatever_their_size(
    api: Caller, shop: Shop, django_assert_num_queries
) -> None:
    product_id = shop.product()
    feature = api.post("/feature", {"name": "SSO", "code": "sso"})["id"]
    metric_id = shop.metric(filters=[{"name": "zone", "value": "eu", "type": "inclusive"}])

    def add() -> str:
        prices = (shop.price(product_id), shop.price(product_id, type="unit", metric=metric_id))
        return shop.plan(product_id, *prices, features=[feature], limits=[{"feature": feature, "limit": 3}])

    ids = [add()]
    with django_assert_num_queries(6):
        api.get("/subscription/plans")
    ids += [add() for _ in range(3)]
    for path in ("/subscription/plans", "/plan"):
        with django_assert_num_queries(6):
            page = api.get(path)
        check_page("subscription_plan", page)
        assert [row["id"] for row in page["data"]] == ids[::-1]


def test_limits_of_one_feature_are_given_once(api: Caller, shop: Shop) -> None:
    api.post("/feature", {"name": "SSO", "code": "sso"})
    limits = [{"feature": "sso", "limit": 1}, {"feature": {"code": "sso"}, "limit": 2}, {"feature": "no", "limit": -1}]
    body = {"product": shop.product(), "name": "Team", "code_name": "team"}
    assert set(api.errors("POST", "/plan", {**body, "limits": limits[:2]})) == {"limits.1.feature"}
    assert set(api.errors("POST", "/plan", {**body, "limits": limits})) == {"limits.2.feature", "limits.2.limit"}


def test_features_live_and_die(api: Caller, shop: Shop) -> None:
    first = api.post("/feature", {"name": "Audit log", "description": "All of it"})
    second = api.post("/feature", {"name": "Audit log"})
    assert (first["code"], second["code"]) == ("audit-log", "audit-log-2")
    assert api.post("/feature", {"name": "x", "code": "audit-log"}, 409)["error"] == "feature_code_taken"
    assert set(api.errors("POST", "/feature", {"name": "x", "code": "a b"})) == {"code"}
    changed = api.put(f"/feature/{first['id']}", {"description": None, "name": None})
    assert changed == {**first, "description": None}
    check_page("feature", api.get("/feature"))
    shop.plan(shop.product(), features=[first["id"]])
    assert api.call("DELETE", f"/feature/{first['id']}").status_code == 409
    api.delete(f"/feature/{second['id']}")
    assert [row["id"] for row in api.get("/feature")["data"]] == [first["id"]]


def test_a_metric_is_named_in_the_contracts_words(api: Caller) -> None:
    filters = [{"name": "zone", "value": "eu", "type": "inclusive"}, {"name": "kind", "value": "", "type": "exclusive"}]
    body = {"name": "Calls", "code": "calls", "aggregation_method": "max", "aggregation_property": "size"}
    created = api.post("/metric", {**body, "filters": filters})
    check_shape("metric", created)
    assert created["aggregation_method"] == created["aggregation"] == "max"
    assert [(f["name"], f["type"]) for f in created["filters"]] == [("zone", "inclusive"), ("kind", "exclusive")]
    assert api.put(f"/metric/{created['id']}", created) == created
    weighted = api.post("/metric", {"name": "Seats", "code": "seats", "aggregation": "weighted_sum"})
    check_shape("metric", weighted)
    assert "aggregation_method" not in weighted
    assert weighted["aggregation_property"] is None
    check_page("metric", api.get("/metric"))
    assert set(api.errors("POST", "/metric", {"name": "x", "code": "y", "aggregation": "average"})) == {"aggregation"}
    assert set(api.errors("POST", "/metric", {"name": "x", "code": "y"})) == {"aggregation"}
    twice = {"name": "x", "code": "y", "aggregation": "sum", "aggregation_method": "max"}
    assert set(api.errors("POST", "/metric", twice)) == {"aggregation_method"}
    assert api.post("/metric", {**body, "filters": []}, 409)["error"] == "metric_code_taken"


def test_what_a_price_measures_by_stays(api: Caller, shop: Shop) -> None:
    metric_id = shop.metric()
    api.put(
        f"/metric/{metric_id}",
        {"aggregation_method": "sum", "filters": [{"name": "a", "value": "b", "type": "inclusive"}]},
    )
    shop.price(shop.product(), type="unit", metric=metric_id)
    path = f"/metric/{metric_id}"
    assert api.put(path, {"aggregation": "max"}, 409)["error"] == "metric_in_use"
    assert api.put(path, {"filters": []}, 409)["error"] == "metric_in_use"
    assert api.put(path, {"name": "Requests", "aggregation": "sum"})["name"] == "Requests"
    assert api.call("DELETE", path).status_code == 409
    free = shop.metric("free")
    api.delete(f"/metric/{free}")
    assert [row["id"] for row in api.get("/metric")["data"]] == [metric_id]


def test_one_tax_type_is_the_default(api: Caller) -> None:
    TaxType.objects.all().delete()
    first = api.post("/tax/type", {"name": "standard", "default": True})
    second = api.post("/tax/type", {"name": "reduced"})
    assert api.put(f"/tax/type/{second['id']}", {"default": True})["default"] is True
    assert api.get(f"/tax/type/{first['id']}")["default"] is False
    third = api.post("/tax/type", {"name": "books", "default": True, "export": "seller_rate"})
    check_page("tax_type", api.get("/tax/type"))
    assert TaxType.objects.get(default=True).id == uuid.UUID(third["id"])
    assert api.post("/tax/type", {"name": "books"}, 409)["error"] == "tax_type_name_taken"
    api.post("/product", {"name": "Book", "tax_type": "books"})
    assert api.call("DELETE", f"/tax/type/{third['id']}").status_code == 409
    api.delete(f"/tax/type/{first['id']}")


@pytest.mark.parametrize("noun", ["plan", "feature", "metric", "tax/type", "price", "voucher"])
def test_unknown_ids_are_not_found(api: Caller, noun: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        status = api.call(method, f"/{noun}/{uuid.uuid4()}", {}).status_code
        assert status == 404 or (noun == "voucher" and method != "GET" and status == 405)
