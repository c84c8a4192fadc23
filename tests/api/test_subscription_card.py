"""PUT `/subscription/{id}/payment-method`."""

import uuid
from typing import Any

import pytest

from subscriptions.models import Subscription
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.running import Running


def card(api: Caller, customer: str) -> str:
    """Give a customer one more card and return its id."""
    path = f"/customer/{customer}/payment-methods/frontend-payment-token"
    made: str = api.post(path, {"token": "tok_mastercard"})["id"]
    return made


def test_the_card_pays_from_the_next_document_on(api: Caller, shop: Shop) -> None:
    running = Running(api, shop, card=True)
    second = card(api, running.alice)
    for body in ({"payment_details": second}, {"payment_details": {"id": second}}):
        assert api.put(f"{running.path}/payment-method", body, 202) == {}
    running.advance("2026-07-01")
    attempts = api.get(f"/payment-attempt?customer={running.alice}")["data"]
    assert attempts[0]["payment_details"] == second != attempts[1]["payment_details"]
    assert [one["status"] for one in attempts] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("body", [{}, {"payment_details": None}, {"payment_details": "x"}, {"card": "x"}])
def test_refusals_store_nothing(running: Running, body: dict[str, Any]) -> None:
    assert "payment_details" in running.refused("PUT", "/payment-method", body)


def test_cards_of_somebody_else_and_removed_ones_are_refused(running: Running) -> None:
    charlie = running.customer("charlie")
    removed = card(running.api, running.alice)
    running.api.delete(f"/payment-methods/{removed}", 202)
    for one in (card(running.api, charlie), removed, str(uuid.uuid4())):
        assert set(running.refused("PUT", "/payment-method", {"payment_details": one})) == {"payment_details"}
    assert Subscription.objects.get(id=running.id).payment_method_id is None


def test_what_has_ended_takes_none(running: Running) -> None:
    mine = card(running.api, running.alice)
    running.api.post(f"{running.path}/cancel", {"when": "instantly"}, 202)
    assert running.conflict("PUT", "/payment-method", {"payment_details": mine}) == "subscription_not_active"
