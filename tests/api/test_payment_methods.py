"""Cards: `/customer/{id}/payment-methods`, `frontend-payment-token`, `/payment-methods/{id}`, `default`."""

import uuid

from customers.models import PaymentMethod
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.shapes import check_page, check_shape


def add(api: Caller, customer_id: str, token: str = "tok_visa") -> dict:
    """Keep a card."""
    return api.post(f"/customer/{customer_id}/payment-methods/frontend-payment-token", {"token": token})


def test_a_card_is_collected_by_token(api: Caller, shop: Shop) -> None:
    alice = shop.customer("alice")
    path = f"/customer/{alice}/payment-methods/frontend-payment-token"
    assert set(api.get(path)) == {"token"}
    card = add(api, alice, "tok_visa_exp_0327")
    check_shape("payment_details", card)
    assert (card["last_four"], card["expiry_month"], card["expiry_year"]) == ("4242", "03", "27")
    assert (card["brand"], card["default"]) == ("visa", True)
    assert api.get(f"/payment-methods/{card['id']}") == card
    assert api.get(f"/customer/{alice}/payment-methods/{card['id']}") == card
    assert set(api.errors("POST", path, {"token": "no such token"})) == {"token"}
    assert set(api.errors("POST", path, {})) == {"token"}


def test_handing_out_a_token_needs_the_scope_write(api: Caller, shop: Shop) -> None:
    path = f"/customer/{shop.customer('alice')}/payment-methods/frontend-payment-token"
    assert Caller("read").call("GET", path).status_code == 403
    assert Caller("write").call("GET", path).status_code == 200


def test_one_card_is_the_default(api: Caller, shop: Shop) -> None:
    alice = shop.customer("alice")
    first, second = add(api, alice), add(api, alice, "tok_mastercard")
    assert (first["default"], second["default"]) == (True, False)
    assert api.post(f"/customer/{alice}/payment-methods/{second['id']}/default", status=202) == {}
    assert [card["default"] for card in api.get(f"/customer/{alice}/payment-methods")["data"]] == [True, False]
    assert api.post(f"/payment-methods/{first['id']}/default", "ignored, even if it is no JSON", 202) == {}
    assert api.get(f"/payment-methods/{first['id']}")["default"] is True


def test_a_removed_card_is_gone(api: Caller, shop: Shop) -> None:
    alice = shop.customer("alice")
    first, second = add(api, alice), add(api, alice, "tok_mastercard")
    assert api.delete(f"/customer/{alice}/payment-methods/{first['id']}", 202) == {}
    assert api.call("GET", f"/payment-methods/{first['id']}").status_code == 404
    assert api.call("DELETE", f"/payment-methods/{first['id']}").status_code == 404
    assert api.get(f"/payment-methods/{second['id']}")["default"] is True
    assert api.delete(f"/payment-methods/{second['id']}", 202) == {}
    assert api.get(f"/customer/{alice}/payment-methods") == {"data": [], "has_more": False}


def test_another_customers_card_is_not_found_under_this_ones_path(api: Caller, shop: Shop) -> None:
    alice, bob = shop.customer("alice"), shop.customer("bob")
    card = add(api, bob)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/default")):
        for owner in (alice, str(uuid.uuid4())):
            response = api.call(method, f"/customer/{owner}/payment-methods/{card['id']}{path}")
            assert response.status_code == 404
    assert PaymentMethod.objects.get().removed_at is None


def test_cards_are_listed_for_their_customer_only(api: Caller, shop: Shop, django_assert_num_queries) -> None:
    alice, bob = shop.customer("alice"), shop.customer("bob")
    mine = [add(api, alice)["id"] for _ in range(3)]
    add(api, bob)
    with django_assert_num_queries(3):
        page = api.get(f"/customer/{alice}/payment-methods")
    check_page("payment_details", page)
    assert [card["id"] for card in page["data"]] == mine[::-1]
    assert len(api.get(f"/customer/{alice}/payment-methods?limit=2")["data"]) == 2
    assert api.call("GET", f"/customer/{uuid.uuid4()}/payment-methods").status_code == 404
