"""What every test of the API has: a caller with an admin key, and a company with a catalogue."""

from typing import Any

import pytest

from tests.api.client import Caller


@pytest.fixture
def api(db: None) -> Caller:
    """Return a caller with an admin key."""
    return Caller()


@pytest.fixture
def shop(api: Caller) -> "Shop":
    """Return a company set up over the API."""
    return Shop(api)


class Shop:
    """Makes things over the API, as small as a test needs."""

    def __init__(self, api: Caller) -> None:
        self.api = api
        self.count = 0

    def _next(self) -> int:
        self.count += 1
        return self.count

    def customer(self, label: str = "alice", /, **fields: object) -> str:
        """Make a customer and return its id."""
        customer_id: str = self.api.post("/customer", {"email": f"{label}@example.org", **fields})["id"]
        return customer_id

    def product(self, name: str = "Cloud", /, **fields: object) -> str:
        """Make a product and return its id."""
        product_id: str = self.api.post("/product", {"name": name, **fields})["id"]
        return product_id

    def price(self, product_id: str, **fields: object) -> str:
        """Make a price, 10.00 EUR a month unless said otherwise, and return its id."""
        body = {"amount": 1000, "currency": "EUR", "recurring": True, "schedule": "month", **fields}
        price_id: str = self.api.post(f"/product/{product_id}/price", body)["id"]
        return price_id

    def plan(self, product_id: str, *price_ids: str, **fields: object) -> str:
        """Make a plan with prices and return its id."""
        number = self._next()
        body = {"product": product_id, "name": f"Plan {number}", "code_name": f"plan-{number}", **fields}
        plan_id: str = self.api.post("/plan", {**body, "prices": list(price_ids)})["id"]
        return plan_id

    def metric(self, code: str = "calls", /, **fields: object) -> str:
        """Make a metric that counts, and return its id."""
        body = {"name": code.title(), "code": code, "aggregation_method": "count", **fields}
        metric_id: str = self.api.post("/metric", body)["id"]
        return metric_id


@pytest.fixture
def running(api: Caller, shop: Shop) -> Any:
    """Return Alice's subscription, running on a test clock."""
    from tests.api.running import Running  # it needs the shop of this module

    return Running(api, shop)
