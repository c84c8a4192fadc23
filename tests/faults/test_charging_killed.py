"""Killed at any point of charging and resumed: every card is charged once, the rows are those of an undisturbed run."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from billing.models import Payment, PaymentAttempt, Receipt
from billing.operations.charging import charge_due, charge_invoice
from billing.operations.start import StartCommand, start_subscription
from billing.providers.pacing import Pace
from core.models import OutboxEvent
from invoicing.models import Invoice
from ledger.models import Posting
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import expire_lease, invoice_of, make_due_charge
from tests.forked import Worker, killed_at
from tests.sandbox import captures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

POINTS = [
    ("charging.claimed", 1),
    ("charging.before_call", 1),
    ("charging.before_call", 3),
    ("sandbox.captured", 1),
    ("sandbox.captured", 3),
    ("charging.answered", 1),
    ("charging.settling", 1),
    ("charging.settled", 1),
]
"""Where, and at which time it is reached. Answers are stored in batches: later points may come up once only."""
TOKENS = ["tok_visa", "tok_declined", "tok_timeout", "tok_visa", "tok_fraud", "tok_mastercard"]


@pytest.fixture(autouse=True)
def healthy_provider() -> Iterator[None]:
    Pace("sandbox").note_answer()
    yield
    Pace("sandbox").note_answer()


@pytest.fixture
def company() -> Company:
    return make_company()


def make_charges(company: Company) -> list[PaymentAttempt]:
    return [make_due_charge(company, f"Customer {number}", token) for number, token in enumerate(TOKENS)]


def charges_at_the_provider(attempts: list[PaymentAttempt]) -> list[int]:
    return [captures(attempt) for attempt in attempts]


def charge() -> None:
    charge_due(JANUARY, threads=4)


def resume() -> None:
    """Go on as the sweep does once the leases of the killed worker ran out."""
    for _ in range(3):
        for attempt in PaymentAttempt.objects.filter(status="calling"):
            expire_lease(attempt)
        charge_due(JANUARY)


def picture(attempts: list[PaymentAttempt]) -> dict[str, Any]:
    """Return everything that must not depend on a kill: rows but for ids, times and who got which receipt number."""
    by_customer = [
        list(PaymentAttempt.objects.filter(customer_id=a.customer_id).values_list("number", "status", "failure_reason"))
        for a in attempts
    ]
    return {
        "attempts": by_customer,
        "payments": list(Payment.objects.order_by("customer_id").values_list("status", "amount_minor", "fee_minor")),
        "invoices": list(Invoice.objects.order_by("customer_id").values_list("status", "amount_paid_minor")),
        "subscriptions": list(Subscription.objects.order_by("customer_id").values_list("status", flat=True)),
        "receipts": sorted(Receipt.objects.values_list("number", flat=True)),
        "facts": Counter(OutboxEvent.objects.values_list("type", flat=True)),
        "postings": Counter(Posting.objects.values_list("account", "amount_minor")),
        "captures": charges_at_the_provider(attempts),
    }


def undisturbed_picture() -> dict[str, Any]:
    """What an undisturbed run leaves, written down: the tokens decide it."""
    paid = [token in {"tok_visa", "tok_mastercard", "tok_timeout"} for token in TOKENS]
    reasons = {"tok_declined": "general_decline", "tok_fraud": "fraud"}
    succeeded, failed = paid.count(True), paid.count(False)
    return {
        "attempts": [
            [(1, "succeeded" if is_paid else "failed", reasons.get(token, ""))]
            for token, is_paid in zip(TOKENS, paid, strict=True)
        ],
        "payments": [("completed", 1190, 18)] * succeeded,
        "invoices": [("paid", 1190) if is_paid else ("open", 0) for is_paid in paid],
        "subscriptions": ["active" if is_paid else "overdue_payment_open" for is_paid in paid],
        "receipts": [f"RCP-2026-{number:06}" for number in range(1, succeeded + 1)],
        "facts": Counter(
            {
                "payment_method.added": len(TOKENS),
                "payment.succeeded": succeeded,
                "invoice.paid": succeeded,
                "payment.failed": failed,
                "invoice.payment_failed": failed,
                "subscription.updated": failed,
            }
        ),
        "postings": Counter(
            {
                ("receivable", 1190): len(TOKENS),
                ("revenue", -1000): len(TOKENS),
                ("tax_payable", -190): len(TOKENS),
                ("receivable", -1190): succeeded,
                ("provider_clearing", 1172): succeeded,
                ("processor_fees", 18): succeeded,
            }
        ),
        "captures": [int(is_paid) for is_paid in paid],
    }


def test_an_undisturbed_run_is_what_the_others_are_held_against(company: Company) -> None:
    attempts = make_charges(company)
    Worker(charge).result()
    assert picture(attempts) == undisturbed_picture()


@pytest.mark.parametrize(("point", "time"), POINTS)
def test_killed_and_resumed_is_the_undisturbed_run(company: Company, point: str, time: int) -> None:
    attempts = make_charges(company)
    killed_at(f"{point}:kill@{time}", charge)
    resume()
    assert picture(attempts) == undisturbed_picture()
    assert_books_balance()
    assert_charges_are_whole()


def test_killed_between_call_and_answer_then_charged_on_demand(company: Company) -> None:
    attempt = make_due_charge(company)
    killed_at("sandbox.captured", charge)
    attempt.refresh_from_db()
    assert (attempt.status, Payment.objects.get().status) == ("calling", "pending")
    assert charges_at_the_provider([attempt]) == [1]
    expire_lease(attempt)
    assert charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid
    assert charges_at_the_provider([attempt]) == [1]
    assert_charges_are_whole()


@pytest.mark.parametrize("point", ["charging.before_call", "sandbox.captured", "charging.settling"])
def test_a_start_killed_in_its_charge_is_finished_by_the_sweep(company: Company, point: str) -> None:
    price = company.price()
    plan, customer = company.plan("Team", price), company.customer("Alice")
    company.card(customer)
    command = StartCommand(plan=str(plan.id), price_id=price.id)
    killed_at(point, partial(start_subscription, customer_id=customer.id, command=command, now=JANUARY))
    assert Subscription.objects.get().status == "incomplete"
    resume()
    assert Subscription.objects.get().status == "active"
    assert Invoice.objects.get().status == "paid"
    assert charges_at_the_provider([PaymentAttempt.objects.get()]) == [1]
    assert_books_balance()
    assert_charges_are_whole()
