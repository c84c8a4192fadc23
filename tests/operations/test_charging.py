"""Charging: what each test card does to attempt, payment, invoice, subscription, books and receipts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from billing.models import Payment, PaymentAttempt, Receipt
from billing.operations import charging, claiming
from billing.operations.charging import ChargeDeclined, ChargeSummary, charge_due, charge_invoice, charge_now
from billing.providers.base import ChargeRequest
from billing.providers.pacing import Pace
from billing.providers.registry import get_provider
from core.errors import Conflict, NotFound
from core.identifiers import new_id
from core.models import OutboxEvent, TestClock
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice
from subscriptions.models import Subscription, SubscriptionEvent
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import (
    credit_invoice,
    expire_lease,
    invoice_of,
    make_due_charge,
    make_invoice,
    make_subscription,
    schedule,
)
from tests.sandbox import calls, captures, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture(autouse=True)
def healthy_provider() -> Iterator[None]:
    Pace("sandbox").note_answer()
    yield
    assert_books_balance()
    assert_charges_are_whole()
    Pace("sandbox").note_answer()


def facts() -> list[str]:
    return list(OutboxEvent.objects.exclude(type__startswith="payment_method").values_list("type", flat=True))


def test_a_card_that_pays_settles_everything_at_once(company: Company) -> None:
    attempt = make_due_charge(company)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.settled_at, attempt.lease_until, attempt.calls) == ("succeeded", JANUARY, None, 1)
    payment = Payment.objects.get()
    assert (payment.status, payment.amount_minor, payment.fee_minor) == ("completed", 1190, 18)
    assert payment.external_reference.startswith("ch_")
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.amount_paid_minor, invoice.amount_due_minor) == ("paid", 1190, 0)
    assert invoice.paid_at == JANUARY
    assert Receipt.objects.get().number == "RCP-2026-000001"
    assert Subscription.objects.get().status == "active"
    assert facts() == ["payment.succeeded", "invoice.paid"]
    assert captures(attempt) == calls(attempt) == 1


def test_charging_again_charges_nothing(company: Company) -> None:
    attempt = make_due_charge(company)
    charge_due(JANUARY)
    assert charge_due(JANUARY) == ChargeSummary()
    assert charge_now(attempt.id, JANUARY).is_paid
    with pytest.raises(Conflict):
        charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    assert captures(attempt) == calls(attempt) == 1


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_declined", "general_decline"),
        ("tok_lack_of_funds", "lack_of_funds"),
        ("tok_expired", "expired_card"),
        ("tok_fraud", "fraud"),
        ("tok_invalid_card", "invalid_card"),
        ("tok_invalid_details", "invalid_details"),
        ("tok_contact_provider", "contact_provider"),
        ("tok_authentication_required", "authentication_required"),
    ],
)
def test_a_refused_card_leaves_a_failed_attempt_and_no_payment(company: Company, token: str, reason: str) -> None:
    attempt = make_due_charge(company, token=token)
    assert charge_due(JANUARY) == ChargeSummary(failed=1)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.failure_reason, attempt.payment_id) == ("failed", reason, None)
    assert attempt.failure_message
    assert not Payment.objects.exists()
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.amount_due_minor) == ("open", 1190)
    assert Subscription.objects.get().status == "overdue_payment_open"
    event = SubscriptionEvent.objects.get()
    assert (event.from_status, event.to_status, event.action) == ("active", "overdue_payment_open", "fail_payment")
    asked = ["invoice.payment_action_required"] if reason == "authentication_required" else []
    assert facts() == ["payment.failed", "invoice.payment_failed", *asked, "subscription.updated"]
    payload = OutboxEvent.objects.get(type="invoice.payment_failed").payload
    assert payload["failure_reason"] == reason
    assert bool(payload["authentication_url"]) == (reason == "authentication_required")
    assert captures(attempt) == 0


def test_paying_later_makes_the_subscription_active_again(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_lack_of_funds")
    charge_due(JANUARY)
    PaymentMethod.objects.update(is_default=False, removed_at=JANUARY)
    company.card(Customer.objects.get())
    outcome = charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY + timedelta(days=1))
    assert outcome.is_paid
    assert Subscription.objects.get().status == "active"
    assert list(PaymentAttempt.objects.order_by("number").values_list("number", "status")) == [
        (1, "failed"),
        (2, "succeeded"),
    ]
    assert [event.action for event in SubscriptionEvent.objects.all()] == ["fail_payment", "settle_payment"]


def test_a_subscription_stays_overdue_while_another_invoice_failed(company: Company) -> None:
    customer = company.customer("Alice")
    card = company.card(customer, "tok_lack_of_funds")
    subscription = make_subscription(company, customer)
    invoices = [make_invoice(customer, subscription=subscription, at=JANUARY + timedelta(days=n)) for n in range(2)]
    for invoice in invoices:
        with pytest.raises(ChargeDeclined):
            charge_invoice(invoice_id=invoice.id, now=JANUARY)
    PaymentMethod.objects.filter(id=card.id).update(provider_reference=f"card_visa_{new_id().hex}")
    for invoice, status in zip(invoices, ["overdue_payment_open", "active"], strict=True):
        assert charge_invoice(invoice_id=invoice.id, now=JANUARY).is_paid
        subscription.refresh_from_db()
        assert subscription.status == status


def test_a_cancel_date_survives_overdue(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_lack_of_funds")
    charge_due(JANUARY)
    Subscription.objects.update(cancel_at=JANUARY + timedelta(days=30))
    PaymentMethod.objects.update(provider_reference=f"card_visa_{new_id().hex}")
    charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    assert Subscription.objects.get().status == "pending_cancel"


def test_a_card_declined_after_its_first_charge(company: Company) -> None:
    first = make_due_charge(company, token="tok_declined_after_first")
    customer, card = first.customer, first.payment_method
    second = schedule(make_invoice(customer, at=JANUARY + timedelta(days=1)), card)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1, failed=1)
    second.refresh_from_db()
    assert second.status == "failed"
    assert captures(first) == 1


def test_a_lost_answer_is_asked_for_at_once(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_timeout")
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1)
    assert captures(attempt) == calls(attempt) == 1


def test_a_lost_request_is_sent_again_with_the_same_key_once_its_lease_ran_out(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_timeout_lost")
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    attempt.refresh_from_db()
    assert (attempt.status, Payment.objects.get().status) == ("calling", "pending")
    assert charge_due(JANUARY) == ChargeSummary()
    expire_lease(attempt)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1)
    assert (captures(attempt), calls(attempt)) == (1, 2)
    assert PaymentAttempt.objects.count() == Payment.objects.count() == 1


def test_an_unreachable_provider_leaves_the_attempt_open(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_unavailable")
    outcome = charge_now(attempt.id, JANUARY)
    assert outcome.is_open
    assert not outcome.is_paid
    assert calls(attempt) == 0


@pytest.mark.parametrize(("token", "status"), [("tok_pending", "succeeded"), ("tok_pending_declined", "failed")])
def test_a_pending_charge_is_asked_for_until_it_is_known(company: Company, token: str, status: str) -> None:
    attempt = make_due_charge(company, token=token)
    assert charge_due(JANUARY) == ChargeSummary(open=1)
    expire_lease(attempt)
    charge_due(JANUARY)
    attempt.refresh_from_db()
    assert attempt.status == status
    assert calls(attempt) == 1


def test_only_what_is_due_is_charged(company: Company) -> None:
    attempt = make_due_charge(company)
    credit_invoice(invoice_of(attempt), 190)
    assert charge_due(JANUARY).succeeded == 1
    assert Payment.objects.get().amount_minor == 1000
    assert captures(attempt) == 1


def test_an_invoice_paid_meanwhile_is_not_charged(company: Company) -> None:
    attempt = make_due_charge(company)
    credit_invoice(invoice_of(attempt), 1190)
    assert charge_due(JANUARY) == ChargeSummary(cancelled=1)
    assert calls(attempt) == 0


def test_a_customer_without_card_fails_without_a_call(company: Company) -> None:
    customer = company.customer("Alice")
    attempt = schedule(make_invoice(customer, subscription=make_subscription(company, customer)))
    assert charge_due(JANUARY) == ChargeSummary(failed=1)
    attempt.refresh_from_db()
    assert (attempt.failure_reason, calls(attempt)) == ("invalid_details", 0)
    assert Subscription.objects.get().status == "overdue_payment_open"


def test_the_default_card_stands_in_for_a_removed_one(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_declined")
    PaymentMethod.objects.update(removed_at=JANUARY, is_default=False)
    card = company.card(attempt.customer)
    assert charge_due(JANUARY).succeeded == 1
    attempt.refresh_from_db()
    assert attempt.payment_method == card
    assert Payment.objects.get().payment_method == card


def test_what_is_due_later_waits(company: Company) -> None:
    attempt = make_due_charge(company)
    assert charge_due(JANUARY - timedelta(seconds=1)) == ChargeSummary()
    assert charge_now(attempt.id, JANUARY - timedelta(seconds=1)).is_paid


def test_a_clock_judges_its_own_customers(company: Company) -> None:
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    attempt = make_due_charge(company)
    Customer.objects.update(test_clock=clock)
    later = JANUARY + timedelta(days=400)
    assert charge_due(later) == ChargeSummary()
    assert charge_due(JANUARY - timedelta(days=1), test_clock_id=clock.id) == ChargeSummary()
    other = make_due_charge(company, "Bob")
    assert charge_due(JANUARY, test_clock_id=clock.id) == ChargeSummary(succeeded=1)
    assert (captures(attempt), captures(other)) == (1, 0)


def test_the_sweep_also_charges_on_clocks_that_stand_still(company: Company) -> None:
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    attempt = make_due_charge(company)
    Customer.objects.update(test_clock=clock)
    TestClock.objects.update(status="advancing", target_at=JANUARY)
    charging.charge_due_everywhere(JANUARY, limit=10)
    assert captures(attempt) == 0
    TestClock.objects.update(status="ready", target_at=None)
    charging.charge_due_everywhere(JANUARY - timedelta(days=9), limit=10)
    assert captures(attempt) == 1


def test_missed_invoices_are_charged_in_turn_and_a_decline_holds_the_rest(company: Company) -> None:
    customer = company.customer("Alice")
    card = company.card(customer, "tok_lack_of_funds")
    now = JANUARY + timedelta(days=90)
    later, first = (make_invoice(customer, at=JANUARY + timedelta(days=days)) for days in (31, 0))
    waiting, tried = schedule(later, card, at=now), schedule(first, card, at=now)
    assert charge_due(now) == ChargeSummary(failed=1)
    waiting.refresh_from_db()
    tried.refresh_from_db()
    assert (tried.status, waiting.status, waiting.due_at) == ("failed", "scheduled", now + timedelta(days=3))
    assert charge_due(now + timedelta(days=3)) == ChargeSummary(failed=1)


def test_invoices_of_one_customer_are_all_charged_when_the_card_pays(company: Company) -> None:
    attempt = make_due_charge(company)
    for day in range(1, 4):
        schedule(make_invoice(attempt.customer, at=JANUARY + timedelta(days=day)), attempt.payment_method)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=4)
    assert captures(attempt) == 4


def test_a_limit_ends_the_round(company: Company) -> None:
    for name in "ABCDE":
        make_due_charge(company, name)
    assert charge_due(JANUARY, limit=3, threads=2).succeeded == 3
    assert charge_due(JANUARY, threads=2).succeeded == 2


def test_one_bad_settlement_does_not_stop_the_others(company: Company) -> None:
    attempts = [make_due_charge(company, name) for name in ("Alice", "Bob", "Charlie")]
    # A provider that gives two charges one reference breaks a constraint: the database refuses that batch.
    with transaction.atomic():
        assert claiming.claim_attempt(attempts[1].id, JANUARY) is not None
    Payment.objects.filter(attempts=attempts[1]).update(status="completed", completed_at=JANUARY)
    PaymentAttempt.objects.filter(id=attempts[1].id).update(payment=None)
    expire_lease(attempts[1])
    assert charge_due(JANUARY) == ChargeSummary(succeeded=2, unsettled=1)
    Payment.objects.filter(receipt__isnull=True).delete()
    PaymentAttempt.objects.filter(id=attempts[1].id).update(status="cancelled")


def test_with_a_third_of_the_answers_lost_provider_and_books_agree(company: Company, settings: Settings) -> None:
    settings.SANDBOX_TIMEOUT_PERCENT, settings.SANDBOX_DECLINE_PERCENT = 33, 20
    attempts = [make_due_charge(company, f"Customer {number}") for number in range(40)]
    for _ in range(3):
        charge_due(JANUARY)
        Pace("sandbox").note_answer()
        for attempt in PaymentAttempt.objects.filter(status="calling"):
            expire_lease(attempt)
    paid = [Invoice.objects.get(customer_id=attempt.customer_id).status == "paid" for attempt in attempts]
    assert [captures(attempt) for attempt in attempts] == [int(is_paid) for is_paid in paid]
    assert 20 <= sum(paid) < 40
    assert PaymentAttempt.objects.filter(calls__gt=1).exists()
    assert set(PaymentAttempt.objects.values_list("status", flat=True)) == {"succeeded", "failed"}


def test_ten_failures_in_a_row_pause_the_provider(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(9):
        make_due_charge(company, f"C{number}", token="tok_unavailable")
    assert charge_due(JANUARY).open == 9
    assert not Pace("sandbox").is_paused()
    for number in range(20):
        make_due_charge(company, f"D{number}", token="tok_unavailable")
    charge_due(JANUARY, threads=1)
    assert Pace("sandbox").is_paused()
    assert "provider_paused" in caplog.text
    waiting = make_due_charge(company, "Alice")
    assert charge_due(JANUARY) == ChargeSummary(paused_providers=("sandbox",))
    Pace("sandbox").note_answer()
    assert charge_due(JANUARY).succeeded == 1
    assert captures(waiting) == 1


def test_an_answer_ends_a_row_of_failures(company: Company) -> None:
    for number in range(9):
        make_due_charge(company, f"C{number}", token="tok_unavailable")
    charge_due(JANUARY)
    make_due_charge(company, "Alice", token="tok_declined")
    charge_due(JANUARY)
    make_due_charge(company, "Bob", token="tok_unavailable")
    charge_due(JANUARY)
    assert not Pace("sandbox").is_paused()


def test_an_invoice_is_charged_on_demand_with_the_default_card(company: Company) -> None:
    customer = company.customer("Alice")
    invoice = make_invoice(customer)
    company.card(customer)
    assert charge_invoice(invoice_id=invoice.id, now=JANUARY).is_paid
    assert PaymentAttempt.objects.get().idempotency_key.startswith(f"charge:{customer.id}:20260101T000000000000Z:EUR:")


def test_a_charge_on_demand_takes_over_what_is_scheduled(company: Company) -> None:
    attempt = make_due_charge(company)
    PaymentAttempt.objects.update(due_at=JANUARY + timedelta(days=3))
    assert charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid
    assert PaymentAttempt.objects.count() == 1


def test_a_card_refused_for_good_is_not_tried_again(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_fraud")
    for _ in range(2):
        with pytest.raises(ChargeDeclined) as declined:
            charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
        assert declined.value.failure_reason == "fraud"
    assert PaymentAttempt.objects.count() == 1
    PaymentMethod.objects.update(is_default=False)
    card = company.card(attempt.customer)
    Invoice.objects.update(payment_method=card)
    assert charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid


def test_a_soft_decline_may_be_tried_again(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_lack_of_funds")
    for _ in range(2):
        with pytest.raises(ChargeDeclined):
            charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    keys = PaymentAttempt.objects.order_by("number").values_list("idempotency_key", flat=True)
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]


def test_authentication_is_asked_for_with_a_link(company: Company) -> None:
    attempt = make_due_charge(company, token="tok_authentication_required")
    with pytest.raises(ChargeDeclined) as declined:
        charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    assert declined.value.authentication_url.startswith("https://")


@pytest.mark.parametrize("status", ["paid", "void", "uncollectible"])
def test_nothing_is_charged_on_an_invoice_that_is_not_open(company: Company, status: str) -> None:
    attempt = make_due_charge(company)
    charge_due(JANUARY)
    Invoice.objects.update(status=status)
    with pytest.raises(Conflict) as refusal:
        charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY)
    assert refusal.value.code == "nothing_due"


def test_an_unknown_invoice_or_attempt_is_not_found(company: Company) -> None:
    with pytest.raises(NotFound):
        charge_invoice(invoice_id=new_id(), now=JANUARY)
    with pytest.raises(NotFound):
        charge_now(new_id(), JANUARY)


def test_a_charge_held_by_another_worker_is_waited_for(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "SECONDS_TO_WAIT_FOR_ANOTHER", 0.05)
    attempt = make_due_charge(company)
    with transaction.atomic():
        assert claiming.claim_attempt(attempt.id, JANUARY) is not None
    assert charge_now(attempt.id, JANUARY).is_open
    assert calls(attempt) == 0


def test_a_resumed_charge_that_is_no_longer_wanted_is_not_sent(company: Company) -> None:
    attempt = make_due_charge(company)
    with transaction.atomic():
        claiming.claim_attempt(attempt.id, JANUARY)
    expire_lease(attempt)
    credit_invoice(invoice_of(attempt), 190)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1, cancelled=1)
    assert calls(attempt) == 0
    assert list(PaymentAttempt.objects.order_by("number").values_list("number", "status", "amount_minor")) == [
        (1, "cancelled", 1190),
        (2, "succeeded", 1000),
    ]


def test_a_charge_already_at_the_provider_is_taken_for_what_it_is(company: Company) -> None:
    """A database restored from a backup bills the same moment again, this time for another amount."""
    attempt = make_due_charge(company)
    card = PaymentMethod.objects.get()
    before = ChargeRequest(
        attempt.idempotency_key, 1000, "EUR", "", card.provider_reference, {"customer": str(attempt.customer_id)}
    )
    get_provider("sandbox").charge(before)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=2)
    assert sorted(Payment.objects.values_list("amount_minor", flat=True)) == [190, 1000]
    assert Invoice.objects.get().status == "paid"
    assert captures(attempt) == 2


def test_metadata_and_keys_name_business_facts_only(company: Company) -> None:
    attempt = make_due_charge(company)
    charge_due(JANUARY)
    (charge,) = records().list_charges(customer=str(attempt.customer_id))
    told = f"{charge.idempotency_key} {dict(charge.metadata)}"
    invoice = Invoice.objects.get()
    assert str(invoice.number) in told
    for row_id in (attempt.id, invoice.id, Payment.objects.get().id):
        assert str(row_id) not in told
