"""Connectable's `/users` and `/users/{id}`."""

import json
import uuid
from urllib.parse import quote

import pytest
from django.test import Client

from customers.models import Customer
from integrations.models import ConnectableProfile
from tests.api.client import Caller, idempotent
from tests.api.conftest import Shop
from tests.api.neighbours import Connectable, sell
from tests.contract.neighbours import check_neighbour

TOLD = {
    "email": "ada@example.org",
    "username": "ada",
    "phone_number": "+441234567",
    "picture": "https://example.org/ada.png",
    "name": "Ada Lovelace",
    "nickname": "Countess",
    "given_name": "Ada",
    "family_name": "Lovelace",
}
PATHS = [
    ("POST", "/users"),
    ("GET", "/users/x"),
    ("PUT", "/users/x"),
    ("DELETE", "/users/x"),
    ("GET", "/users/x/billing"),
    ("PUT", "/users/x/billing"),
    ("POST", "/users/x/billing"),
    ("DELETE", "/users/x/billing"),
    ("GET", "/users/x/billing/invoices"),
    ("GET", "/users/x/billing/invoices/y"),
    ("POST", "/users/x/billing/sources"),
    ("GET", "/users/x/billing/sources/y"),
    ("PUT", "/users/x/billing/sources/y"),
    ("DELETE", "/users/x/billing/sources/y"),
]
"""The 14 operations of the page."""


@pytest.fixture
def users(db: None) -> Connectable:
    return Connectable()


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_without_a_key_nothing_is_answered(db: None, method: str, path: str) -> None:
    answer = Client().generic(method, "/api" + path, "{}", content_type="application/json")
    assert answer.status_code == 401
    assert answer.json()["error"] == "missing_api_key"


@pytest.mark.parametrize(("method", "path"), PATHS[1:])
def test_a_user_that_is_nobody_is_not_found(users: Connectable, method: str, path: str) -> None:
    for nobody in ("x", str(uuid.uuid4()), "%00", "a%2Fb", "%F0%9F%99%82", "a" * 400):
        assert users.call(method, path.replace("/x", f"/{nobody}"), "{}").status_code == 404


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_key_needs_the_scope(db: None, method: str, path: str) -> None:
    reader = Connectable("read")
    assert reader.call(method, path, "{}").status_code == (404 if method == "GET" else 403)


def test_erasing_a_user_needs_an_admin(users: Connectable) -> None:
    ada = users.user()
    assert Connectable("write").call("DELETE", f"/users/{ada}").status_code == 403
    assert users.show(ada)["user_id"] == ada


def test_what_a_client_writes_it_reads_back(users: Connectable) -> None:
    ada = users.user(**TOLD)
    shown = users.show(ada)
    assert {name: shown[name] for name in TOLD} == TOLD
    assert (shown["user_id"], shown["blocked"], shown["identities"], shown["multifactor"]) == (ada, False, [], [])
    assert Customer.objects.get(id=ada).name == "Ada Lovelace"


def test_the_body_is_optional(users: Connectable) -> None:
    made = users.post("/users")
    check_neighbour("connectable", "customer", made)
    assert (made["object"], made["email"], made["livemode"]) == ("customer", None, False)
    assert users.show(made["id"])["email"] is None
    assert Caller(key=users.key).get(f"/customer/{made['id']}")["email"] == ""


def test_a_change_keeps_what_it_leaves_out_and_null_clears(users: Connectable) -> None:
    ada = users.user(**TOLD)
    body = {"nickname": "Enchantress", "username": None, "given_name": "", "email": "king@example.org"}
    changed = users.put(f"/users/{ada}", body)
    check_neighbour("connectable", "user", changed)
    wanted = {**TOLD, **body, "given_name": None}
    assert {name: changed[name] for name in TOLD} == wanted
    assert users.show(ada) == changed


def test_fields_and_parameters_nobody_knows_are_passed_over(users: Connectable) -> None:
    ada = users.post("/users?trace=1", {"name": "Ada", "app_metadata": {"plan": "gold"}})["id"]
    assert users.put(f"/users/{ada}?x=1", {"nonsense": [1]})["name"] == "Ada"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"email": "no address"}, "email"),
        ({"email": 5}, "email"),
        ({"name": "x" * 201}, "name"),
        ({"nickname": {}}, "nickname"),
        ({"picture": "a\0b"}, "picture"),
        ([], "body"),
        ("{", "body"),
    ],
)
def test_bad_input_is_told_where_and_stores_nothing(users: Connectable, body: object, path: str) -> None:
    ada = users.user(**TOLD)
    before = users.show(ada)
    assert set(users.errors("POST", "/users", body)) == {path}
    assert set(users.errors("PUT", f"/users/{ada}", body)) == {path}
    assert users.show(ada) == before
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("reference", ["user-42", "a/b", "x/billing/y", "ü 42", "100%", "a?b#c", "line\nbreak"])
def test_a_user_is_known_by_the_customers_reference(users: Connectable, reference: str) -> None:
    v1 = Caller(key=users.key)
    ada = v1.post("/customer", {"email": "ada@example.org", "reference": reference})["id"]
    v1.post("/customer", {"email": "bob@example.org", "reference": reference + "2"})
    word = quote(reference, safe="")
    assert users.show(word)["user_id"] == ada
    assert users.billing(word)["id"] == ada
    assert users.card(word)["customer"] == ada
    assert users.call("GET", f"/users/{word}/billing/invoices").status_code == 204


def test_of_several_with_one_reference_the_oldest_is_meant(users: Connectable) -> None:
    v1 = Caller(key=users.key)
    first, second = (v1.post("/customer", {"email": "a@example.org", "reference": "u"})["id"] for _ in range(2))
    assert users.show("u")["user_id"] == first
    assert users.show(second)["user_id"] == second


def test_a_deleted_user_is_gone_and_what_was_billed_stays(users: Connectable) -> None:
    shop = Shop(Caller(key=users.key))
    ada, bob = users.user(**TOLD), users.user(**{**TOLD, "nickname": "Bob"})
    users.card(ada, address_city="London")
    sell(shop, ada)
    assert users.delete(f"/users/{ada}", 200) == ada
    for method, path in PATHS[1:]:
        assert users.call(method, path.replace("/x", f"/{ada}"), "{}").status_code == 404
    kept = Caller(key=users.key).get(f"/customer/{ada}/invoices")["data"]
    assert [invoice["total"] for invoice in kept] == [1000]
    assert ConnectableProfile.objects.filter(customer_id=ada).count() == 0
    assert users.show(bob)["nickname"] == "Bob"


def test_a_user_is_made_once_for_one_idempotency_key(users: Connectable) -> None:
    first, second = (users.call("POST", "/users", TOLD, **idempotent("k")) for _ in range(2))
    assert json.loads(first.content) == json.loads(second.content)
    assert Customer.objects.count() == 1


def test_a_disabled_customer_is_a_blocked_user(users: Connectable) -> None:
    ada = users.user()
    Caller(key=users.key).post(f"/customer/{ada}/disable", {}, 202)
    assert users.show(ada)["blocked"] is True
