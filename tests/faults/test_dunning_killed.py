"""Killed at any point of a retry and resumed: the card is charged once, the process is that of an undisturbed sweep."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.models import DunningProcess, DunningStep, Payment, PaymentAttempt
from billing.operations import charging, dunning
from core.models import OutboxEvent
from customers.models import PaymentMethod
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, make_company
from tests.factories import expire_lease, make_due_charge
from tests.forked import killed_at
from tests.sandbox import captures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

RETRY = JANUARY + timedelta(days=3)
END = JANUARY + timedelta(days=15)
POINTS = [
    "dunning.stepping",
    "dunning.stepped",
    "charging.claimed",
    "charging.before_call",
    "charging.answered",
    "charging.settling",
    "charging.settled",
]


def sweep(moment: datetime) -> None:
    """Do what the sweep does at a moment."""
    dunning.run_due(moment, wall_now=moment)
    charging.charge_due(moment, threads=1)
    dunning.run_due(moment, wall_now=moment)


def resume(moment: datetime) -> None:
    """Go on as the sweep does once the leases of the killed worker ran out."""
    for _ in range(2):
        for attempt in PaymentAttempt.objects.filter(status="calling"):
            expire_lease(attempt)
        sweep(moment)


def picture() -> dict[str, Any]:
    """Return everything that must not depend on a kill."""
    process = DunningProcess.objects.get()
    return {
        "process": (process.status, process.next_step, process.next_at, process.failures),
        "steps": list(DunningStep.objects.order_by("happened_at", "id").values_list("kind", "number")),
        "attempts": list(PaymentAttempt.objects.order_by("number").values_list("number", "status")),
        "captures": captures(PaymentAttempt.objects.latest("number")),
        "payments": list(Payment.objects.values_list("status", "amount_minor")),
        "invoice": Invoice.objects.values_list("status", "amount_due_minor").get(),
        "subscription": Subscription.objects.get().status,
        "facts": OutboxEvent.objects.filter(type__in=["invoice.payment_failed", "payment.succeeded"]).count(),
    }


def decline(**policy: Any) -> None:
    """Decline the charge of an invoice of 11.90."""
    make_due_charge(make_company(**policy), token="tok_lack_of_funds")
    sweep(JANUARY)


@pytest.mark.parametrize("point", [*POINTS, "sandbox.captured"])
def test_a_retry_that_pays_is_charged_once(point: str) -> None:
    decline()
    PaymentMethod.objects.update(provider_reference="card_visa_0")
    killed_at(point, lambda: sweep(RETRY))
    resume(RETRY)
    assert picture() == {
        "process": ("recovered", "", None, 0),
        "steps": [("begin", 0), ("retry", 1), ("recover", 0)],
        "attempts": [(1, "failed"), (2, "succeeded")],
        "captures": 1,
        "payments": [("completed", 1190)],
        "invoice": ("paid", 0),
        "subscription": "active",
        "facts": 2,
    }
    assert_books_balance()
    assert_charges_are_whole()


@pytest.mark.parametrize("point", ["charging.settled", "dunning.stepping@2", "dunning.stepped@2"])
def test_the_last_retry_is_declined_and_the_end_comes_once(point: str) -> None:
    decline(dunning_retry_days=[15], dunning_final_action="uncollectible")
    name, _, time = point.partition("@")
    killed_at(f"{name}:kill@{time or 1}", lambda: sweep(END))
    resume(END)
    assert picture() == {
        "process": ("finished", "", None, 0),
        "steps": [("begin", 0), ("retry", 1), ("finish", 0)],
        "attempts": [(1, "failed"), (2, "failed")],
        "captures": 0,
        "payments": [],
        "invoice": ("uncollectible", 0),
        "subscription": "active",
        "facts": 2,
    }
    assert_books_balance()
    assert_charges_are_whole()
