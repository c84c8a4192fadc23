"""Somebody who sells one monthly plan."""

from dataclasses import dataclass

from tests.api.client import Caller
from tests.api.conftest import Shop


@dataclass
class Sale:
    """A customer who has one invoice."""

    customer: str
    invoice: str
    subscription: str


class Till:
    """Sells one monthly plan to whoever comes."""

    def __init__(self, api: Caller, shop: Shop) -> None:
        self.api = api
        self.shop = shop
        product_id = shop.product()
        self.price = shop.price(product_id)
        shop.plan(product_id, self.price, code_name="flat")

    def sell(self, label: str, /, **fields: object) -> Sale:
        """Start a subscription and return its first invoice."""
        customer = self.shop.customer(label, **fields)
        body = {"subscription_plan": "flat", "price": self.price}
        if fields.get("billing_type") != "invoice":
            body["card_token"] = "tok_visa"
        subscription = self.api.post(f"/customer/{customer}/subscription/start", body)["id"]
        invoice = self.api.get(f"/customer/{customer}/invoices")["data"][0]["id"]
        return Sale(customer, invoice, subscription)
