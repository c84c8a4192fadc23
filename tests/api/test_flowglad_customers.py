"""Flowglad's customers: who is meant, who is made, and errors in the neighbour's words."""

from urllib.parse import quote

import pytest
from django.test import Client

from core.api import views
from core.api.errors import RateLimited
from customers.models import Customer
from tests.api.client import Caller
from tests.api.neighbours import Flowglad
from tests.contract.neighbours import check_neighbour

TOLD = {"email": "ada@example.org", "name": "Ada", "externalId": "user-42"}


@pytest.fixture
def client(api: Caller) -> Flowglad:
    return Flowglad(key=api.key)


# --- Who is meant ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["user-42", "a/b", "x/billing/y", "ü 42", "100%", "a?b#c", "line\nbreak"])
def test_a_customer_is_known_by_any_reference(client: Flowglad, api: Caller, reference: str) -> None:
    made = api.post("/customer", {"email": "ada@example.org", "reference": reference})["id"]
    api.post("/customer", {"email": "bob@example.org", "reference": f"{reference}2"})
    word = quote(reference, safe="")
    assert client.billing(word)["customer"]["id"] == made
    found = client.get(f"/customers/{word}")["customer"]
    check_neighbour("flowglad", "customer", found)
    assert (found["id"], found["externalId"]) == (made, reference)


def test_of_several_with_one_reference_the_oldest_is_meant(client: Flowglad, api: Caller) -> None:
    first, _ = (api.post("/customer", {"email": "a@example.org", "reference": "u"})["id"] for _ in range(2))
    assert client.billing("u")["customer"]["id"] == first


def test_nobody_is_not_found_in_the_neighbours_words(client: Flowglad, api: Caller) -> None:
    erased = api.post("/customer", {"email": "a@example.org", "reference": "gone"})["id"]
    api.delete(f"/customer/{erased}", 202)
    for nobody in ("gone", "x", "%00", "a%2Fb", erased, "a" * 400):
        for path in (f"/customers/{nobody}", f"/customers/{nobody}/billing"):
            answer = client.call("GET", path)
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


# --- Making customers -----------------------------------------------------------------------------------------------


def test_a_customer_is_made_once_for_an_external_id(client: Flowglad) -> None:
    made = client.post("/customers", {"customer": {**TOLD, "phone": "passed over"}})
    check_neighbour("flowglad", "customer", made["data"]["customer"])
    assert {name: made["data"]["customer"][name] for name in TOLD} == TOLD
    again = client.post("/customers", {"customer": {**TOLD, "name": "Other"}}, 200)
    assert again == made
    assert client.get("/customers/user-42") == made["data"]
    assert Customer.objects.get().name == "Ada"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "customer"),
        ({"customer": "x"}, "customer"),
        ({"customer": {**TOLD, "externalId": ""}}, "customer.externalId"),
        ({"customer": {**TOLD, "externalId": 5}}, "customer.externalId"),
        ({"customer": {**TOLD, "externalId": "x" * 256}}, "customer.externalId"),
        ({"customer": {"email": "a@example.org"}}, "customer.externalId"),
        ({"customer": {**TOLD, "email": "nobody"}}, "customer.email"),
        ("{", "body"),
    ],
)
def test_bad_input_is_told_where_and_makes_nobody(client: Flowglad, body: object, where: str) -> None:
    answer = client.call("POST", "/customers", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert f"{where}: " in answer.json()["message"]
    assert not Customer.objects.exists()


# --- Keys and errors ------------------------------------------------------------------------------------------------


def test_the_key_comes_bare(api: Caller) -> None:
    client = Client()
    api.post("/customer", {"email": "ada@example.org", "reference": "a"})
    assert client.get("/api/v1/customers/a/billing", headers={"Authorization": api.key}).status_code == 200
    for headers in ({}, {"Authorization": "rk_test_nothing"}):
        answer = client.get("/api/v1/customers/a/billing", headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message"}
        assert answer.json()["code"] == "UNAUTHORIZED"
        assert answer["WWW-Authenticate"] == "Bearer"


def test_a_reader_reads_and_makes_nobody(db: None) -> None:
    reader = Flowglad("read")
    answer = reader.call("POST", "/customers", {"customer": TOLD})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert reader.call("GET", "/customers/x").status_code == 404


def test_a_wrong_method_is_told_the_right_ones(client: Flowglad) -> None:
    answer = client.call("DELETE", "/customers/x")
    assert (answer.status_code, answer.json()["code"], answer["Allow"]) == (405, "METHOD_NOT_SUPPORTED", "GET, HEAD")


def test_who_asks_too_often_is_told_when_to_come_back(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(_: object) -> None:
        raise RateLimited(3)

    monkeypatch.setattr(views, "limit_rate", limited)
    answer = Flowglad().call("GET", "/customers/x")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "TOO_MANY_REQUESTS", "3")
