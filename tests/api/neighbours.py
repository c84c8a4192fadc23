"""Callers of neighbours' paths, and a user with something of everything."""

import json
from typing import Any

from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.neighbours import check_neighbour

CARD = {"source": "tok_visa", "object": "card", "exp_month": 1, "exp_year": 30, "number": "", "cvc": ""}


class Connectable(Caller):
    """Calls Connectable's paths, and holds every answer to the page's objects."""

    root = "/api"

    def user(self, **told: object) -> str:
        """Make a user and return the id, which is all its client learns."""
        made = self.post("/users", told)
        check_neighbour("connectable", "customer", made)
        found: str = made["id"]
        return found

    def show(self, user: str) -> dict[str, Any]:
        """Return a user."""
        found: dict[str, Any] = self.get(f"/users/{user}")
        check_neighbour("connectable", "user", found)
        return found

    def billing(self, user: str) -> dict[str, Any]:
        """Return a user's billing."""
        found: dict[str, Any] = self.get(f"/users/{user}/billing")
        check_neighbour("connectable", "customer", found)
        return found

    def card(self, user: str, **told: object) -> dict[str, Any]:
        """Keep a card for a user and return it."""
        made: dict[str, Any] = self.post(f"/users/{user}/billing/sources", {**CARD, **told})
        check_neighbour("connectable", "source", made)
        return made

    def invoices(self, user: str, query: str = "") -> list[dict[str, Any]]:
        """Return a page of a user's invoices."""
        found: list[dict[str, Any]] = self.get(f"/users/{user}/billing/invoices{query}")
        for invoice in found:
            check_neighbour("connectable", "invoice", invoice)
        return found


class Flowglad(Caller):
    """Calls Flowglad's paths, and holds every answer to the page's objects."""

    def billing(self, external_id: str) -> dict[str, Any]:
        """Return everything about a customer."""
        found: dict[str, Any] = self.get(f"/customers/{external_id}/billing")
        check_neighbour("flowglad", "billing", found)
        assert found["pricingModel"] == found["catalog"]
        return found

    def check_error(self, response: Any) -> None:
        """Hold an error to the neighbour's shape."""
        told = json.loads(response.content)
        assert set(told) == {"code", "message"}
        assert told["message"]


def sell(shop: Shop, customer: str, code: str = "flat", **price: Any) -> str:
    """Start a customer's subscription of a plan, 10.00 EUR a month unless said otherwise, and return its id."""
    product = shop.product()
    price_id = shop.price(product, **price)
    shop.plan(product, price_id, name=code.title(), code_name=code)
    body = {"subscription_plan": code, "price": price_id}
    started: str = shop.api.post(f"/customer/{customer}/subscription/start", body)["id"]
    return started
