"""A client generated from the contract runs every operation of it (API, sections 2 and 3)."""

import uuid
from typing import Any

import pytest

from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.contract.generated import GeneratedClient, operations

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> Caller:
    """Return a caller for what the contract has no operation for."""
    return Caller()


@pytest.fixture
def generated(api: Caller) -> GeneratedClient:
    """Return the generated client with an admin key."""
    return GeneratedClient(api.key)


class Walk:
    """A company's first weeks, through the generated client alone where the contract has an operation."""

    def __init__(self, api: Caller, client: GeneratedClient) -> None:
        self.api, self.client, self.call = api, client, client.call
        self.shop = Shop(api)

    def catalogue(self) -> None:
        """Make products and prices; plans and metrics the contract cannot make."""
        call = self.call
        tax_type = self.api.post("/tax/type", {"name": "services"})["id"]
        made = call("createProduct", {"name": "Cloud", "tax_type": {"id": tax_type, "name": "services"}}, status=201)
        self.product = str(made.id)
        assert call("updateProduct", {"name": "Cloud 2"}, product_id=self.product, status=202).name == "Cloud 2"
        assert call("showProduct", product_id=self.product).tax_type.name == "services"
        assert [row.id for row in call("listProducts", name="cloud", limit=5).data] == [made.id]
        monthly = {"amount": 1000, "currency": "EUR", "recurring": True, "schedule": "month", "including_tax": False}
        self.price = self.make_price(monthly)
        self.dearer = self.make_price({**monthly, "amount": 3000})
        metric = self.api.post("/metric", {"name": "Calls", "code": "calls", "aggregation_method": "sum"})
        usage = self.make_price({**monthly, "amount": 2, "metric": metric})
        listed = call("listPrices", product_id=self.product).data
        assert [str(row.id) for row in listed] == [usage, self.dearer, self.price]
        assert listed[0].metric.code == "calls"
        feature = self.api.post("/feature", {"name": "Projects", "code": "projects"})["id"]
        limits = [{"feature": feature, "limit": 10}]
        more: dict[str, Any] = {"limits": limits, "features": [feature], "per_seat": True}
        self.team = self.shop.plan(self.product, self.price, self.dearer, code_name="team", **more)
        self.metered = self.shop.plan(self.product, usage, code_name="metered")
        trial = {"has_trial": True, "is_trial_standalone": True, "trial_length_days": 7}
        self.tried = self.shop.plan(self.product, self.price, code_name="tried", **trial)
        assert {row.code_name for row in call("listSubscriptionPlans").data} == {"team", "metered", "tried"}

    def make_price(self, fields: dict[str, Any]) -> str:
        """Make a price of the product and return its id."""
        return str(self.call("createPrice", fields, product_id=self.product, status=201).id)

    def customers(self) -> None:
        """Make a customer, change her, and give her a voucher, limits and cards."""
        call = self.call
        address = {"country": "DE", "city": "Bonn"}
        fields = {"email": "alice@example.org", "reference": "A-1", "address": address, "standard_tax_rate": 19.5}
        made = call("createCustomer", fields, status=201)
        assert (made.standard_tax_rate, made.address.city, made.type_.value) == (19.5, "Bonn", "individual")
        self.alice = str(made.id)
        call("createCustomer", {"email": "bob@example.org"}, status=201)
        changed = call("updateCustomer", {**made.to_dict(), "locale": "de"}, customer_id=self.alice, status=202)
        assert (changed.locale, changed.reference) == ("de", "A-1")
        filters: dict[str, Any] = {"email": "ALICE@", "country": "DE", "reference": "A-1"}
        assert [row.id for row in call("listCustomers", **filters).data] == [made.id]
        assert call("showCustomer", customer_id=self.alice) == changed
        for name in ("disableCustomer", "enableCustomer"):
            call(name, customer_id=self.alice, status=202)
        self.api.post("/voucher", {"name": "Half", "type": "percentage", "percent": 50, "code": "HALF"})
        call("applyVoucher", {"code": "HALF"}, customer_id=self.alice, status=202)
        limit = {"amount": 2000, "action": "WARNING"}
        limit_id = call("createUsageLimit", limit, customer_id=self.alice, status=201).id
        assert [row.id for row in call("listUsageLimits", customer_id=self.alice).data] == [limit_id]
        call("deleteUsageLimit", customer_id=self.alice, usage_limit_id=str(limit_id))

    def cards(self) -> None:
        """Add cards and remove them, each way."""
        call, alice = self.call, self.alice
        assert call("startFrontendPaymentDetails", customer_id=alice).token
        added = [
            call("completeFrontendPaymentDetails", {"token": token}, customer_id=alice, status=201)
            for token in ("tok_visa", "tok_mastercard", "tok_amex")
        ]
        self.card = str(added[0].id)
        assert (added[0].last_four, added[0].brand, len(added[0].expiry_month)) == ("4242", "visa", 2)
        second, third = str(added[1].id), str(added[2].id)
        call("makeCustomerPaymentDetailsDefault", customer_id=alice, payment_details_id=second, status=202)
        call("makePaymentDetailsDefault", payment_details_id=self.card, status=202)
        call("deleteCustomerPaymentDetails", customer_id=alice, payment_details_id=second, status=202)
        call("deletePaymentDetails", payment_details_id=third, status=202)
        assert call("showPaymentDetails", payment_details_id=self.card).default
        assert [str(row.id) for row in call("listPaymentDetails", customer_id=alice).data] == [self.card]

    def subscriptions(self) -> None:
        """Start, change, extend and end subscriptions."""
        call, alice = self.call, self.alice
        start = {"subscription_plan": "team", "price": self.price, "seat_numbrers": 2, "metadata": {"po": "7"}}
        started = call("startSubscription", start, customer_id=alice, status=201)
        assert (started.seat_number, started.schedule, started.status) == (2, "month", "active")
        self.subscription = str(started.id)
        mine: dict[str, Any] = {"subscription_id": self.subscription}
        assert call("showSubscription", **mine).plan.code_name == "team"
        assert call("addSeats", {"seats": 3}, **mine).success
        assert call("removeSeats", {"seats": 1}, **mine).success
        assert call("changeSubscriptionPrice", {"price": self.dearer, "when": "instantly"}, **mine).success
        to_price = {"when": "next-cycle", "plan": self.team, "price": self.price}
        assert call("changeSubscriptionPlan", to_price, status=202, **mine).id == started.id
        call("updateSubscriptionPaymentMethod", {"payment_details": self.card}, status=202, **mine)
        trial = {"subscription_plan": "tried", "trial_length_days": 5}
        tried = call("startTrial", trial, customer_id=alice, status=201)
        assert tried.status == "trial_active"
        extended = call("extendTrial", {"price": self.price}, subscription_id=str(tried.id))
        assert extended.status == "active"
        end = {"when": "end-of-run", "refund_type": "none", "comment": "too dear"}
        call("cancelSubscription", end, subscription_id=str(tried.id), status=202)
        ids = [tried.id, started.id]
        assert [row.id for row in call("listSubscriptions").data] == ids
        assert [row.id for row in call("listCustomerSubscriptions", customer_id=alice).data] == ids
        assert {row.id for row in call("listCustomerActiveSubscriptions", customer_id=alice).data} == set(ids)
        limits = call("customerLimits", customer_id=alice)
        assert [(row.name, row.limit) for row in limits.limits] == [("Projects", 10)]

    def usage(self) -> None:
        """Count usage and read what it costs so far."""
        call, alice = self.call, self.alice
        metered = {"subscription_plan": "metered", "schedule": "month", "currency": "EUR"}
        subscription = str(call("startSubscription", metered, customer_id=alice, status=201).id)
        event = {"event_id": str(uuid.uuid4()), "subscription": subscription, "code": "calls", "value": 12.0}
        call("createEvent", event, status=201)
        costs = call("customerCosts", customer_id=alice)
        assert [(row.name, row.amount, row.usage) for row in costs.costs] == [("Calls", 24, 12)]
        assert costs.cost.to_dict() == {"amount": 24, "currency": "EUR"}

    def money(self) -> None:
        """Read, download, charge and refund."""
        call, alice = self.call, self.alice
        payments = call("listCustomerPayments", customer_id=alice, name="alice").data
        assert [row.id for row in call("listPayments").data] == [row.id for row in payments]
        payment = payments[-1]
        refund = {"amount": 100, "currency": "EUR", "reason": "sorry"}
        call("refundPayment", refund, payment_id=str(payment.id), status=202)
        refunds = call("listRefunds", name="ALICE").data
        assert [(row.amount, row.comment) for row in refunds] == [(100, "sorry")]
        assert call("listCustomerRefunds", customer_id=alice).data == refunds
        assert call("showRefund", refund_id=str(refunds[0].id)).status.value == "issued"
        paper = call("downloadReceipt", receipt=str(payment.receipts[0].id))
        assert paper.payload.read().startswith(b"%PDF-")
        invoices = call("listCustomerInvoices", customer_id=alice).data
        assert {row.email for row in invoices} == {"alice@example.org"}
        assert call("downloadInvoice", invoice_id=str(invoices[0].id)).payload.read().startswith(b"%PDF-")
        carol = self.shop.customer("carol", billing_type="invoice")
        body = {"subscription_plan": "team", "price": self.price}
        call("startSubscription", body, customer_id=carol, status=201)
        owed = str(call("listCustomerInvoices", customer_id=carol).data[0].id)
        call("completeFrontendPaymentDetails", {"token": "tok_lack_of_funds"}, customer_id=carol, status=201)
        declined = call("chargeInvoice", invoice_id=owed, status=402)
        assert (declined.paid, declined.failure_reason.value) == (False, "lack_of_funds")
        call("completeFrontendPaymentDetails", {"token": "tok_visa"}, customer_id=carol, status=201)
        cards = call("listPaymentDetails", customer_id=carol).data
        call("makePaymentDetailsDefault", payment_details_id=str(cards[0].id), status=202)
        assert call("chargeInvoice", invoice_id=owed).paid is True


def test_every_operation_is_run_and_read(api: Caller, generated: GeneratedClient) -> None:
    walk = Walk(api, generated)
    for step in (walk.catalogue, walk.customers, walk.cards, walk.subscriptions, walk.usage, walk.money):
        step()
    assert generated.called == set(operations())


def test_every_refusal_is_read(generated: GeneratedClient) -> None:
    """No key, nothing there, and a body without what is required: the errors that the contract knows."""
    stranger = GeneratedClient("rk_test_unknown")
    for name, operation in operations().items():
        stranger.plain(name, "{}", 401)
        if "{" in operation["path"]:
            generated.plain(name, "{}", 404)
        elif operation["method"] == "post":
            generated.plain(name, "{}", 400)
    faults = generated.call("createPrice", {"amount": 1, "currency": "EUR", "recurring": True}, **a_product(generated))
    assert list(faults.errors.to_dict()) == ["schedule"]


def a_product(generated: GeneratedClient) -> dict[str, Any]:
    """Return the path of a new product, and the status of a refusal there."""
    return {"product_id": str(generated.call("createProduct", {"name": "Cloud"}, status=201).id), "status": 400}


def test_an_empty_object_is_taken_where_no_body_is_needed(api: Caller, generated: GeneratedClient) -> None:
    """Some clients send `{}` with every request; optional fields and references may be absent."""
    customer = api.post("/customer", {"email": "alice@example.org"})["id"]
    for name, operation in operations().items():
        if "requestBody" in operation or "{" in operation["path"].replace("{customerId}", ""):
            continue
        path = operation["path"].replace("{customerId}", customer)
        bodies: tuple[Any, ...] = ("", "{}", " ", "null")
        answers = {api.call(operation["method"].upper(), path, body).status_code for body in bodies}
        assert answers <= {200, 202, 422}, name
        assert len(answers) == 1, name
