"""Connectable's `/users/{id}/billing/sources`."""

import logging
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from customers.models import PaymentMethod
from tests.api.client import Caller, idempotent
from tests.api.neighbours import CARD, Connectable
from tests.contract.neighbours import check_neighbour

ADDRESS = {
    "address_city": "London",
    "address_country": "GB",
    "address_line1": "1 High Street",
    "address_line2": "Flat 2",
    "address_state": "Greater London",
    "address_zip": "EC1A 1BB",
}
NUMBER, CODE = "4242424242424242", "987"
TEST_CARD = {"number": NUMBER, "cvc": CODE, "exp_month": 3, "exp_year": 2031, "name": "Ada"}


@pytest.fixture
def users(api: Caller) -> Connectable:
    return Connectable(key=api.key)


@pytest.fixture
def ada(users: Connectable) -> str:
    return users.user(email="ada@example.org")


def test_a_token_is_kept_as_a_card(users: Connectable, ada: str) -> None:
    card = users.card(ada, **ADDRESS, name="Ada Lovelace")
    wanted = {
        **ADDRESS,
        "object": "card",
        "address_line1_check": "unchecked",
        "address_zip_check": "unchecked",
        "brand": "Visa",
        "country": "US",
        "customer": ada,
        "exp_month": 12,
        "exp_year": 2049,
        "funding": "unknown",
        "last4": "4242",
        "name": "Ada Lovelace",
    }
    assert {name: card[name] for name in wanted} == wanted
    listed = users.get(f"/users/{ada}/billing/sources/{card['id']}")
    check_neighbour("connectable", "sources", listed)
    assert (listed["object"], listed["data"], listed["has_more"], listed["total_count"]) == ("list", [card], False, 1)
    assert users.billing(ada)["sources"]["data"] == [card]
    assert users.billing(ada)["default_source"] == card["id"]


@pytest.mark.parametrize("masked", ["", "************4242", "xxxx-4242", None])
def test_number_and_code_beside_a_token_may_be_empty_or_masked(users: Connectable, ada: str, masked: object) -> None:
    assert users.card(ada, number=masked, cvc=masked)["last4"] == "4242"


def test_in_the_sandbox_a_test_number_is_a_card(users: Connectable, ada: str) -> None:
    card = users.card(ada, source=TEST_CARD)
    assert (card["brand"], card["last4"], card["exp_month"], card["exp_year"]) == ("Visa", "4242", 3, 2031)
    other = users.card(ada, source={**TEST_CARD, "number": "3782 822463 10005", "exp_year": 29})
    assert (other["brand"], other["last4"], other["exp_year"]) == ("American Express", "0005", 2029)


def test_a_number_is_stored_nowhere_and_logged_nowhere(
    users: Connectable, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies: list[dict[str, Any]] = [
        {**CARD, "source": TEST_CARD},
        {**CARD, "number": NUMBER, "cvc": CODE},
        {**CARD, "source": NUMBER},
        {**CARD, "source": {**TEST_CARD, "exp_month": 13}},
    ]
    for number, body in enumerate(bodies):
        answer = users.call("POST", f"/users/{ada}/billing/sources", body, **idempotent(f"k{number}"))
        assert answer.status_code == (201 if number < 2 else 400)
        assert NUMBER not in answer.content.decode()
    assert NUMBER not in caplog.text
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS row WHERE row::text LIKE %s', [f"%{NUMBER}%"])  # noqa: S608 - names of our own tables
            assert cursor.fetchone() == (0,), table


def test_with_another_provider_a_number_is_refused_with_the_reason(
    users: Connectable, ada: str, settings: Settings
) -> None:
    settings.PAYMENT_PROVIDER = "manual"
    path = f"/users/{ada}/billing/sources"
    for body, where in ({**CARD, "number": NUMBER}, "number"), ({**CARD, "source": TEST_CARD}, "source"):
        faults = users.errors("POST", path, body)
        assert set(faults) == {where}
        assert "token" in faults[where]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"object": "card"}, "source"),
        ({"source": "tok_visa"}, "object"),
        ({**CARD, "object": "bank_account"}, "object"),
        ({**CARD, "source": ""}, "source"),
        ({**CARD, "source": 5}, "source"),
        ({**CARD, "source": "tok_invalid"}, "source"),
        ({**CARD, "source": "pm_1"}, "source"),
        ({**CARD, "source": {}}, "source.number"),
        ({**CARD, "source": {**TEST_CARD, "number": "4242424242424241"}}, "source.number"),
        ({**CARD, "exp_month": 13}, "exp_month"),
        ({**CARD, "exp_month": "12"}, "exp_month"),
        ({**CARD, "exp_year": 300}, "exp_year"),
        ({**CARD, "address_zip": 12345}, "address_zip"),
    ],
)
def test_bad_input_is_told_where_and_keeps_no_card(users: Connectable, ada: str, body: object, path: str) -> None:
    faults = users.errors("POST", f"/users/{ada}/billing/sources", body)
    assert path in faults
    assert not PaymentMethod.objects.exists()


def test_a_card_is_kept_once_for_one_idempotency_key(users: Connectable, ada: str) -> None:
    path = f"/users/{ada}/billing/sources"
    first, second = (users.call("POST", path, CARD, **idempotent("once")) for _ in range(2))
    assert (first.status_code, first.content) == (201, second.content)
    assert PaymentMethod.objects.count() == 1


def test_a_change_is_read_back_and_without_a_body_nothing_changes(users: Connectable, ada: str) -> None:
    card = users.card(ada, **ADDRESS, name="Ada")
    path = f"/users/{ada}/billing/sources/{card['id']}"
    assert users.get(path) == users._expect(200, users.call("PUT", path))
    body = {"name": "Ada King", "exp_month": 6, "exp_year": 31, "address_city": "Paris", "address_line2": None}
    changed = users.put(path, body)
    check_neighbour("connectable", "sources", changed)
    wanted = {**card, **body, "exp_year": 2031}
    assert changed["data"] == [wanted]
    assert users.get(path) == changed
    for wrong, where in ({"exp_month": 0}, "exp_month"), ({"name": 5}, "name"):
        assert set(users.errors("PUT", path, wrong)) == {where}
    assert users.get(path) == changed


def test_a_removed_card_is_gone(users: Connectable, ada: str) -> None:
    first, second = users.card(ada), users.card(ada)
    path = f"/users/{ada}/billing/sources/{first['id']}"
    assert users.delete(path, 200) == first["id"]
    assert users.call("GET", path).status_code == 204
    assert users.call("PUT", path, {}).status_code == 404
    assert users.call("DELETE", path).status_code == 404
    assert users.billing(ada)["default_source"] == second["id"]


def test_cards_of_others_do_not_exist(users: Connectable, ada: str) -> None:
    bob = users.user()
    card = users.card(ada)["id"]
    for nobodys in (card, "01890a5d-ac96-774b-bcce-b302099a8057", "card_1", "%00"):
        path = f"/users/{bob}/billing/sources/{nobodys}"
        assert users.call("GET", path).status_code == 204
        assert users.call("PUT", path, {"name": "Bob"}).status_code == 404
        assert users.call("DELETE", path).status_code == 404
    assert [one["id"] for one in users.billing(ada)["sources"]["data"]] == [card]


def test_a_provider_that_is_away_keeps_nothing(users: Connectable, ada: str, settings: Settings) -> None:
    settings.SANDBOX_UNAVAILABLE = True
    answer = users.call("POST", f"/users/{ada}/billing/sources", CARD)
    assert answer.status_code == 503
    assert not PaymentMethod.objects.exists()
