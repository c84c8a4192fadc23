"""Subscriptions that run on a test clock, for tests of what changes them."""

from typing import Any

from customers.models import Brand
from invoicing.models import CreditNote, Invoice
from subscriptions.models import Price
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.world import count_rows
from tests.cast import UNDUNNED

START = "2026-06-01T00:00:00Z"


def copies_of(price: Price, *changes: dict[str, Any]) -> list[str]:
    """Make prices like one that the API made, but for some columns, and return their ids."""
    columns = {field.attname: getattr(price, field.attname) for field in price._meta.concrete_fields[1:]}
    return [str(one.id) for one in Price.objects.bulk_create([Price(**{**columns, **changed}) for changed in changes])]


class Running:
    """Alice on a small plan of 30.00 EUR a month per seat since 1 June, with others beside it; no tax.

    Her clock stands where `advance` put it last; `wall` is a customer without one.
    """

    def __init__(self, api: Caller, shop: Shop, *, card: bool = False, **fields: Any) -> None:
        self.api, self.shop = api, shop
        product = shop.product()
        self.product = product
        self.small = shop.price(product, amount=3000)
        self.big, self.yearly, self.dollars, self.extra, self.other = copies_of(
            Price.objects.get(id=self.small),
            {"unit_price": 4500},
            {"unit_price": 30000, "interval": "year"},
            {"unit_price": 5000, "currency": "USD"},
            {"unit_price": 1000},
            {"unit_price": 6000},
        )
        prices = (self.small, self.big, self.yearly, self.dollars)
        self.team = shop.plan(product, *prices, name="Team", code_name="team", per_seat=True)
        self.solo = shop.plan(product, self.other, name="Solo", code_name="solo")
        self.clock = api.post("/test-clock", {"now": START})["id"]
        self.alice = self.customer("alice", card=card, test_clock=self.clock, **fields)
        # She pays nothing for months in most tests, and is billed all the same.
        Brand.objects.update(**UNDUNNED)
        self.id = self.start(self.alice, "team", self.small)
        self.path = f"/subscription/{self.id}"

    def customer(self, label: str, *, card: bool = False, **fields: Any) -> str:
        """Make a customer, who pays by invoice unless a card is asked for."""
        made = self.shop.customer(label, billing_type="card" if card else "invoice", **fields)
        if card:
            self.api.post(f"/customer/{made}/payment-methods/frontend-payment-token", {"token": "tok_visa"})
        return made

    def start(self, customer: str, plan: str, price: str, **fields: Any) -> str:
        """Start a subscription and return its id."""
        body = {"subscription_plan": plan, "price": price, **fields}
        started: str = self.api.post(f"/customer/{customer}/subscription/start", body)["id"]
        return started

    def advance(self, day: str) -> None:
        """Put the clock to the start of a day, or to an instant; what is due on the way is done."""
        now = day if "T" in day else f"{day}T00:00:00Z"
        self.api.post(f"/test-clock/{self.clock}/advance", {"now": now}, 200)

    def now(self) -> dict[str, Any]:
        """Return the subscription as the API shows it."""
        found: dict[str, Any] = self.api.get(self.path)
        return found

    def totals(self) -> list[int]:
        """Return the totals of all invoices, oldest first."""
        return list(Invoice.objects.order_by("created_at", "id").values_list("total_minor", flat=True))

    def credits(self) -> list[int]:
        """Return the totals of all credit notes, oldest first."""
        return list(CreditNote.objects.order_by("created_at", "id").values_list("total_minor", flat=True))

    def refused(self, method: str, path: str, body: Any) -> dict[str, str]:
        """Return what is wrong with a call, which must have stored nothing."""
        before, stands = count_rows(), self.now()
        faults = self.api.errors(method, self.path + path, body)
        assert (count_rows(), self.now()) == (before, stands)
        return faults

    def conflict(self, method: str, path: str, body: Any = None, status: int = 409) -> str:
        """Return the word of a call that the state refuses, which must have stored nothing."""
        before, stands = count_rows(), self.now()
        answer = self.api.call(method, self.path + path, body or {})
        assert answer.status_code == status, answer.content
        assert (count_rows(), self.now()) == (before, stands)
        word: str = answer.json()["error"]
        return word
