"""Flowglad's `/customers/{externalId}/billing`: everything about a customer."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pytest_django.fixtures import Settings

from billing.models import Payment, PaymentAttempt
from core.api.document_views import build_document
from integrations.domain.flowglad_words import STATUS
from invoicing.models import Invoice
from subscriptions.domain.lifecycle import Status
from subscriptions.models import Subscription
from tests.api.client import Caller
from tests.api.conftest import Shop
from tests.api.neighbours import Flowglad
from tests.api.running import Running

JUNE, JULY = "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"
ADDRESS = {
    "company_name": "Ada Ltd",
    "street_line_one": "1 High Street",
    "city": "London",
    "country": "GB",
    "postcode": "EC1A 1BB",
}


@pytest.fixture
def client(api: Caller) -> Flowglad:
    return Flowglad(key=api.key)


@pytest.fixture
def alice(running: Running) -> Running:
    """Return Alice on her monthly plan, known by the reference `alice`."""
    running.api.put(f"/customer/{running.alice}", {"reference": "alice"}, 202)
    return running


def test_a_customer_with_nothing_has_every_field(client: Flowglad, api: Caller) -> None:
    made = api.post("/customer", {"email": "ada@example.org", "name": "Ada", "reference": "a", "address": ADDRESS})
    billing = client.billing("a")
    customer = billing["customer"]
    wanted = {
        "id": made["id"],
        "email": "ada@example.org",
        "name": "Ada",
        "externalId": "a",
        "livemode": False,
        "archived": False,
        "invoiceNumberBase": None,
        "userId": None,
    }
    assert {name: customer[name] for name in wanted} == wanted
    assert customer["billingAddress"] == {
        "name": "Ada Ltd",
        "firstName": None,
        "lastName": None,
        "address": {
            "line1": "1 High Street",
            "line2": None,
            "city": "London",
            "state": None,
            "postal_code": "EC1A 1BB",
            "country": "GB",
        },
        "phone": None,
    }
    for name in ("subscriptions", "invoices", "paymentMethods", "purchases", "currentSubscriptions"):
        assert billing[name] == []
    assert billing["catalog"]["products"] == []
    assert customer["catalogId"] == billing["catalog"]["id"]
    assert (billing["currentSubscription"], billing["billingPortalUrl"]) == (None, None)


def test_a_subscription_is_told_with_its_items_and_price(client: Flowglad, alice: Running) -> None:
    """30.00 EUR a month and seat since 1 June, two seats."""
    feature = alice.api.post("/feature", {"name": "Single sign-on", "code": "sso"})["id"]
    alice.api.put(f"/plan/{alice.team}", {"features": [feature]})
    alice.api.put(f"/subscription/{alice.id}/seats", {"seats": 2})
    billing = client.billing("alice")
    (subscription,) = billing["subscriptions"]
    wanted = {
        "id": alice.id,
        "customerId": alice.alice,
        "status": "active",
        "current": True,
        "trialEnd": None,
        "currentBillingPeriodStart": JUNE,
        "currentBillingPeriodEnd": JULY,
        "billingCycleAnchorDate": JUNE,
        "canceledAt": None,
        "cancelScheduledAt": None,
        "defaultPaymentMethodId": None,
        "backupPaymentMethodId": None,
        "priceId": alice.small,
        "runBillingAtPeriodStart": True,
        "interval": "month",
        "intervalCount": 1,
        "name": "Team",
        "metadata": {},
    }
    assert {name: subscription[name] for name in wanted} == wanted
    (item,) = subscription["subscriptionItems"]
    assert (item["priceId"], item["unitPrice"], item["quantity"], item["name"]) == (alice.small, 3000, 2, "Team")
    price = item["price"]
    wanted = {
        "id": alice.small,
        "type": "subscription",
        "intervalUnit": "month",
        "intervalCount": 1,
        "unitPrice": 3000,
        "currency": "EUR",
        "productId": alice.product,
        "active": True,
        "isDefault": True,
        "trialPeriodDays": 0,
        "slug": "team_month_eur",
        "name": "Team",
    }
    assert {name: price[name] for name in wanted} == wanted
    assert subscription["experimental"]["featureItems"] == [{"type": "toggle", "slug": "sso", "name": "Single sign-on"}]
    assert billing["currentSubscriptions"] == [subscription]
    assert billing["currentSubscription"] == subscription


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_word(client: Flowglad, alice: Running, status: Status) -> None:
    """By hand from section 2 of the neighbour shapes."""
    words = {
        "trial_active": "trialing",
        "pending_cancel": "cancellation_scheduled",
        "overdue_payment_open": "past_due",
        "overdue_payment_disabled": "unpaid",
        "blocked": "unpaid",
        "cancelled": "canceled",
        "trial_ended": "canceled",
        "active": "active",
        "incomplete": "incomplete",
        "paused": "paused",
    }
    row = Subscription.objects.get()
    facts: dict[str, Any] = {"status": status}
    if status is Status.CANCELLED:
        facts["ended_at"] = row.started_at
    if status is Status.PENDING_CANCEL:
        facts["cancel_at"] = row.current_period_end
    if status is Status.TRIAL_ACTIVE:
        facts["trial_end_at"] = row.current_period_end
    Subscription.objects.update(**facts)
    billing = client.billing("alice")
    (subscription,) = billing["subscriptions"]
    assert subscription["status"] == words[status] == STATUS[status]
    is_current = words[status] in {"active", "trialing", "past_due", "cancellation_scheduled"}
    assert (subscription["current"], len(billing["currentSubscriptions"])) == (is_current, int(is_current))
    assert (subscription["cancelScheduledAt"] is not None) == (status is Status.PENDING_CANCEL)
    assert (subscription["canceledAt"] is not None) == (status is Status.CANCELLED)


def test_an_invoice_of_a_subscription_names_it_and_its_period(
    client: Flowglad, alice: Running, settings: Settings
) -> None:
    (whole,) = client.billing("alice")["invoices"]
    invoice, row = whole["invoice"], Invoice.objects.get()
    wanted = {
        "id": str(row.id),
        "type": "subscription",
        "purchaseId": None,
        "subscriptionId": alice.id,
        "billingPeriodId": f"{alice.id}_20260601T000000Z",
        "invoiceNumber": row.number,
        "invoiceDate": JUNE,
        "dueDate": JULY,
        "status": "open",
        "billingInterval": "month",
        "billingIntervalCount": 1,
        "billingAnchorDate": JUNE,
        "billingPeriodStartDate": JUNE,
        "billingPeriodEndDate": JULY,
        "pdfURL": f"{settings.PUBLIC_URL}/api/v1/invoice/{row.id}/download",
        "receiptPdfURL": None,
        "bankPaymentOnly": True,
        "currency": "EUR",
        "subtotal": 3000,
        "taxAmount": 0,
        "taxType": "none",
        "taxRatePercentage": "0",
        "applicationFee": None,
    }
    assert {name: invoice[name] for name in wanted} == wanted
    (line,) = whole["invoiceLineItems"]
    assert (line["invoiceId"], line["quantity"], line["price"], line["priceId"]) == (str(row.id), 1, 3000, alice.small)


def test_the_three_types_of_invoices(client: Flowglad, alice: Running) -> None:
    """A plan that is charged once makes a purchase, what is billed by hand stands alone."""
    once = alice.shop.price(alice.product, amount=9900, recurring=False, schedule="one-off")
    alice.shop.plan(alice.product, once, name="Setup", code_name="setup")
    alice.start(alice.alice, "setup", once)
    item = {"description": "Training", "amount": 5000, "currency": "EUR"}
    alice.api.post("/invoice", {"customer": alice.alice, "items": [item]})
    billing = client.billing("alice")
    invoices = {whole["invoice"]["type"]: whole["invoice"] for whole in billing["invoices"]}
    named = {
        kind: [name for name in ("purchaseId", "subscriptionId", "billingPeriodId") if one[name] is not None]
        for kind, one in invoices.items()
    }
    assert named == {
        "purchase": ["purchaseId"],
        "subscription": ["subscriptionId", "billingPeriodId"],
        "standalone": [],
    }
    purchase = next(one for one in billing["purchases"] if one["priceType"] == "single_payment")
    assert invoices["purchase"]["purchaseId"] == purchase["id"]
    wanted = {
        "priceId": once,
        "status": "open",
        "totalPurchaseValue": 9900,
        "firstInvoiceValue": 9900,
        "intervalUnit": None,
        "pricePerBillingCycle": None,
        "billingCycleAnchor": None,
    }
    assert {name: purchase[name] for name in wanted} == wanted


def test_a_purchase_of_a_subscription_tells_what_a_cycle_costs(client: Flowglad, alice: Running) -> None:
    alice.api.put(f"/subscription/{alice.id}/seats", {"seats": 3})
    (purchase,) = client.billing("alice")["purchases"]
    wanted = {
        "name": "Team",
        "status": "open",
        "priceId": alice.small,
        "priceType": "subscription",
        "quantity": 3,
        "pricePerBillingCycle": 9000,
        "intervalUnit": "month",
        "intervalCount": 1,
        "trialPeriodDays": 0,
        "billingCycleAnchor": JUNE,
        "purchaseDate": JUNE,
        "endDate": None,
        "archived": False,
        "bankPaymentOnly": True,
    }
    assert {name: purchase[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("refunded", "statuses"),
    [(0, ("paid", "paid")), (1000, ("partially_refunded", "partial_refund")), (3000, ("refunded", "refunded"))],
)
def test_what_was_given_back_shows_in_the_statuses_of_invoice_and_purchase(
    client: Flowglad, api: Caller, shop: Shop, refunded: int, statuses: tuple[str, str]
) -> None:
    running = Running(api, shop, card=True, reference="alice")
    payment = Payment.objects.get()
    if refunded:
        api.post(f"/payment/{payment.id}/refund", {"amount": refunded}, 202)
        running.advance("2026-06-02")
    billing = client.billing("alice")
    (whole,) = billing["invoices"]
    assert (whole["invoice"]["status"], billing["purchases"][0]["status"]) == statuses
    receipt = api.get("/payment")["data"][0]["receipts"][0]["id"]
    assert whole["invoice"]["receiptPdfURL"].endswith(f"/api/v1/receipt/{receipt}/download")
    assert whole["invoice"]["bankPaymentOnly"] is False


def test_a_payment_on_its_way_and_a_failed_one_show(client: Flowglad, alice: Running) -> None:
    invoice = Invoice.objects.get()
    attempt = PaymentAttempt.objects.create(
        customer=invoice.customer,
        invoice=invoice,
        number=1,
        provider="sandbox",
        idempotency_key="k",
        status="failed",
        failure_reason="fraud",
        currency="EUR",
        amount_minor=3000,
        due_at=invoice.created_at,
        created_at=invoice.created_at,
        settled_at=invoice.created_at,
    )
    assert client.billing("alice")["purchases"][0]["status"] == "fraudulent"
    PaymentAttempt.objects.filter(id=attempt.id).update(failure_reason="lack_of_funds")
    assert client.billing("alice")["purchases"][0]["status"] == "failed"
    Payment.objects.create(
        customer=invoice.customer,
        invoice=invoice,
        provider="sandbox",
        status="pending",
        currency="EUR",
        amount_minor=3000,
        created_at=invoice.created_at,
    )
    billing = client.billing("alice")
    assert billing["invoices"][0]["invoice"]["status"] == "awaiting_payment_confirmation"
    assert billing["purchases"][0]["status"] == "pending"


def test_cards_are_payment_methods(client: Flowglad, api: Caller, shop: Shop) -> None:
    running = Running(api, shop, card=True, reference="alice", name="Alice", address=ADDRESS)
    (card,) = client.billing("alice")["paymentMethods"]
    assert (card["type"], card["default"], card["customerId"]) == ("card", True, running.alice)
    assert card["paymentMethodData"] == {
        "brand": "visa",
        "last4": "4242",
        "expMonth": 12,
        "expYear": 2049,
        "country": "US",
    }
    details = card["billingDetails"]
    assert (details["name"], details["email"]) == ("Alice", "alice@example.org")
    assert (details["address"]["name"], details["address"]["address"]["city"]) == ("Alice", "London")
    assert client.billing("alice")["subscriptions"][0]["defaultPaymentMethodId"] == card["id"]


def test_the_catalogue_is_what_is_sold_and_what_the_customer_has(client: Flowglad, alice: Running) -> None:
    """A private price shows to who has it alone; a retired one and one in dinars of three decimals to nobody."""
    private = alice.shop.price(alice.product, amount=100, public=False)
    dinars = alice.shop.price(alice.product, amount=100, currency="KWD")
    retired = alice.shop.price(alice.product, amount=200)
    metric = alice.shop.metric("calls")
    calls = alice.shop.price(alice.product, amount=5, metric=metric)
    feature = alice.api.post("/feature", {"name": "SSO", "code": "sso", "description": "Sign on once"})["id"]
    alice.shop.plan(alice.product, private, dinars, retired, calls, name="Odd", code_name="odd", features=[feature])
    alice.api.delete(f"/price/{retired}")
    alice.api.put(f"/customer/{alice.customer('bob')}", {"reference": "bob"}, 202)
    (product,) = client.billing("bob")["catalog"]["products"]
    shown = {price["id"]: price for price in product["prices"]}
    assert set(shown) == {alice.small, alice.big, alice.yearly, alice.dollars, alice.other, calls}
    assert (product["id"], product["name"], product["slug"], product["active"]) == (
        alice.product,
        "Cloud",
        "team",
        True,
    )
    assert product["displayFeatures"] == [{"enabled": True, "label": "SSO", "details": "Sign on once"}]
    assert product["defaultPrice"] == shown[alice.small]
    assert [price["id"] for price in product["prices"] if price["isDefault"]] == [alice.small]
    slugs = {
        alice.small: "team_month_eur",
        alice.big: "team_month_eur_2",
        alice.yearly: "team_year_eur",
        alice.dollars: "team_month_usd",
        alice.other: "solo_month_eur",
        calls: "odd_calls_month_eur",
    }
    assert {price_id: price["slug"] for price_id, price in shown.items()} == slugs
    assert (shown[calls]["type"], shown[calls]["trialPeriodDays"]) == ("usage", None)

    alice.start(alice.alice, "odd", private)
    (product,) = client.billing("alice")["catalog"]["products"]
    assert private in {price["id"] for price in product["prices"]}


def test_what_is_left_of_a_metered_feature_is_its_balance(client: Flowglad, alice: Running) -> None:
    """A plan allows 100 calls; 30 are made: 70 are left."""
    metric = alice.shop.metric("calls")
    calls = alice.shop.price(alice.product, amount=5, metric=metric)
    feature = alice.api.post("/feature", {"name": "Calls", "code": "calls"})["id"]
    limits = [{"feature": feature, "limit": 100}]
    alice.shop.plan(alice.product, calls, name="Metered", code_name="metered", limits=limits)
    subscription = alice.start(alice.alice, "metered", calls)
    events = [
        {
            "event_id": f"e{number}",
            "subscription": subscription,
            "code": "calls",
            "value": 1,
            "timestamp": "2026-06-01T00:00:00Z",
        }
        for number in range(30)
    ]
    alice.advance("2026-06-02")
    answer = alice.api.post("/events/batch", events, 200)
    assert answer["stored"] == 30, answer["data"][0]
    (shown,) = [one for one in client.billing("alice")["subscriptions"] if one["id"] == subscription]
    wanted = [{"slug": "calls", "name": "Calls", "availableBalance": 70}]
    assert shown["experimental"]["usageMeterBalances"] == wanted


def test_everything_is_of_one_customer(client: Flowglad, alice: Running) -> None:
    bob = alice.customer("bob", card=True, reference="bob")
    alice.start(bob, "solo", alice.other)
    theirs, hers = client.billing("bob"), client.billing("alice")
    for name in ("subscriptions", "paymentMethods", "purchases"):
        assert not {one["id"] for one in theirs[name]} & {one["id"] for one in hers[name]}
    assert {whole["invoice"]["customerId"] for whole in theirs["invoices"]} == {bob}


def test_the_call_costs_the_same_whatever_the_history(
    client: Flowglad, api: Caller, shop: Shop, django_assert_num_queries: Any
) -> None:
    running = Running(api, shop, card=True, reference="alice")
    client.billing("alice")
    with django_assert_num_queries(QUERIES):
        client.billing("alice")
    running.start(running.alice, "solo", running.other)
    for month in range(7, 13):
        running.advance(f"2026-{month:02d}-01")
    with django_assert_num_queries(QUERIES):
        assert len(client.billing("alice")["invoices"]) > 6


QUERIES = 17


def test_the_answer_is_the_documents(client: Flowglad, alice: Running) -> None:
    components = build_document()["components"]
    schema = {"$ref": "#/components/schemas/FlowgladBilling", "components": components}
    faults = [error.message for error in Draft202012Validator(schema).iter_errors(client.billing("alice"))]
    assert not faults, json.dumps(faults[:3])
