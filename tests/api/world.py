"""One of everything that a path can name."""

import re
import uuid

from django.apps import apps
from django.db import connection

from billing.models import Payment, Receipt
from customers.models import Brand
from invoicing.models import Invoice
from tests.api.client import Caller
from tests.api.neighbours import Connectable
from tests.api.routes import Route


class World:
    """Has an id for every place of an id in a path."""

    def __init__(self, api: Caller) -> None:
        self.api = api
        self.ids: dict[str, str] = {}
        self._catalogue()
        self._tax()
        self._money()
        limits = f"/customer/{self.ids['customer_id']}/usage-limit"
        self.ids["limit_id"] = api.post(limits, {"amount": 2000, "action": "WARNING"})["id"]
        self.ids["api_key_id"] = api.post("/api-key", {"name": "another"})["id"]
        hooks = api.post("/webhook-endpoint", {"url": "https://example.com/hooks"})
        self.ids["webhook_endpoint_id"] = hooks["id"]
        self.ids["brand_id"] = str(Brand.objects.get().id)
        self._neighbours()
        self.ids["clock_id"] = api.post("/test-clock", {"now": "2026-01-01T00:00:00Z"})["id"]

    def _catalogue(self) -> None:
        api, ids = self.api, self.ids
        ids["tax_type_id"] = api.post("/tax/type", {"name": "services"})["id"]
        ids["product_id"] = api.post("/product", {"name": "Cloud"})["id"]
        price = {"amount": 1000, "currency": "EUR", "recurring": True, "schedule": "month"}
        ids["price_id"] = api.post(f"/product/{ids['product_id']}/price", price)["id"]
        ids["feature_id"] = api.post("/feature", {"name": "SSO"})["id"]
        ids["metric_id"] = api.post("/metric", {"name": "Calls", "code": "calls", "aggregation": "count"})["id"]
        plan = {"product": ids["product_id"], "name": "Team", "code_name": "team", "per_seat": True}
        ids["plan_id"] = api.post("/plan", {**plan, "prices": [ids["price_id"]]})["id"]
        voucher = {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF"}
        mass_change = {"plan": "team", "new_price": ids["price_id"], "date": "2190-01-01"}
        ids["mass_change_id"] = api.post("/mass-change", mass_change)["id"]
        ids["voucher_id"] = api.post("/voucher", voucher)["id"]

    def _tax(self) -> None:
        api, ids = self.api, self.ids
        ids["country_id"] = api.post("/tax/country", {"code": "CA", "name": "Canada"})["id"]
        ids["state_id"] = api.post(f"/tax/country/{ids['country_id']}/state", {"code": "QC", "name": "Quebec"})["id"]
        rule = {"tax_type": "services", "rate": 5, "valid_from": "2020-01-01"}
        ids["rule_id"] = api.post(f"/tax/country/{ids['country_id']}/rule", rule)["id"]
        self.state_rule = api.post(f"/tax/state/{ids['state_id']}/rule", rule)["id"]

    def _money(self) -> None:
        api, ids = self.api, self.ids
        ids["customer_id"] = api.post("/customer", {"email": "alice@example.org"})["id"]
        token = {"token": "tok_visa"}
        cards = f"/customer/{ids['customer_id']}/payment-methods/frontend-payment-token"
        ids["payment_method_id"] = api.post(cards, token)["id"]
        start = {"subscription_plan": "team", "price": ids["price_id"]}
        ids["subscription_id"] = api.post(f"/customer/{ids['customer_id']}/subscription/start", start)["id"]
        ids["invoice_id"] = str(Invoice.objects.get().id)
        item = {"description": "Training", "amount": 5000, "currency": "EUR"}
        ids["billing_run_id"] = api.post("/billing-run", status=202)["id"]
        ids["simulation_id"] = api.post("/simulate", {}, status=202)["id"]
        ids["quote_id"] = api.post("/quote", {"customer": ids["customer_id"], "items": [item]})["id"]
        ids["series_id"] = api.get("/number-series")["data"][0]["id"]
        ids["payment_id"] = str(Payment.objects.get().id)
        ids["receipt_id"] = str(Receipt.objects.get().id)
        api.post(f"/payment/{ids['payment_id']}/refund", {"amount": 1}, status=202)
        ids["refund_id"] = api.get("/refund")["data"][0]["id"]
        ids["credit_note_id"] = api.get("/credit-note")["data"][0]["id"]
        ids["item_id"] = api.post(f"/subscription/{ids['subscription_id']}/item", {"price": ids["price_id"]})["id"]

    def _neighbours(self) -> None:
        """Make what neighbours' paths name: a user of its own, who may be deleted, with a card."""
        users = Connectable(key=self.api.key)
        self.ids["user"] = users.user()
        made = {"email": "bob@example.org", "externalId": "bob"}
        self.ids["external_id"] = self.api.post("/customers", {"customer": made})["data"]["customer"]["externalId"]
        self.ids["source_id"] = users.card(self.ids["user"])["id"]

    def path(self, route: Route) -> str:
        """Return the path of a route that names what is there."""
        names = {**self.ids, "rule_id": self.state_rule} if "state_id" in route.template else self.ids

        def named(match: re.Match[str]) -> str:
            return names.get(match[1], str(uuid.uuid4()))

        return "/" + re.sub(r"<id:(\w+)>", named, route.template)


def count_rows() -> dict[str, int]:
    """Return the number of rows of every table of ours, by one statement."""
    rooms = {"core", "customers", "ledger", "subscriptions", "usage", "invoicing", "billing", "integrations"}
    tables = sorted(model._meta.db_table for model in apps.get_models() if model._meta.app_label in rooms)
    with connection.cursor() as cursor:
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608 - names of our models
        cursor.execute(f"SELECT {counts}")
        return dict(zip(tables, cursor.fetchone(), strict=True))
