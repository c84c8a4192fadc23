"""Killed anywhere between asking Stripe and storing its answer: every card is charged once, every refund made once.

The twin lives in the test's own process, the worker that is killed in another.
"""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from billing.models import Dispute, Payment, PaymentAttempt, ProviderNotice, Refund
from billing.operations import inbound, notices, refunding
from billing.operations.charging import charge_due
from billing.operations.refunds import RefundWanted, start_refund
from core.clock import wall_now
from core.operations import SYSTEM
from customers import queries as customer_queries
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import expire_lease, make_due_charge
from tests.forked import killed_at
from tests.stripe_twin.server import Twin
from tests.stripe_twin.use import make_healthy, use_twin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

# The last one's answer comes when its worker is dead, or never: the request arrives after the look-up.
TOKENS = ["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_mastercard"]


@pytest.fixture(autouse=True)
def twin(settings: Settings) -> Iterator[Twin]:
    twin = use_twin(settings)
    make_healthy()
    yield twin
    make_healthy()


@pytest.fixture
def company() -> Company:
    return make_company()


def charge() -> None:
    charge_due(JANUARY, threads=2)


def resume() -> None:
    """Go on as the sweep does once the leases of the killed worker ran out."""
    for _ in range(3):
        for attempt in PaymentAttempt.objects.filter(status="calling"):
            expire_lease(attempt)
        Refund.objects.filter(settled_at=None).update(lease_until=None)
        ProviderNotice.objects.update(lease_until=None)
        charge_due(JANUARY)
        refunding.pay_out_due(JANUARY, limit=10)
        notices.handle_due(wall_now(), limit=10)


@pytest.mark.parametrize(
    "point",
    [
        "charging.claimed",
        "charging.before_call",
        "stripe.charged",
        "stripe.charged@3",
        "charging.answered",
        "charging.settling",
        "charging.settled",
    ],
)
def test_a_killed_charge_is_made_once(company: Company, twin: Twin, point: str) -> None:
    for number, token in enumerate(TOKENS):
        make_due_charge(company, f"Customer {number}", token)
    name, _, time = point.partition("@")
    killed_at(f"{name}:kill@{time or 1}", charge)
    resume()
    assert len(twin.charges()) == Payment.objects.filter(status="completed").count() == 2
    assert sorted(PaymentAttempt.objects.values_list("status", flat=True)) == ["failed", "succeeded", "succeeded"]
    assert_books_balance()
    assert_charges_are_whole()


def test_a_request_that_arrives_after_its_worker_died_is_found(company: Company, twin: Twin) -> None:
    attempt = make_due_charge(company, token="pm_card_visa")
    twin.trouble = [("POST payment_intents", "hold")]
    killed_at("charging.answered", charge)
    assert not twin.charges()
    twin.release()
    twin.shift_seconds = 2 * 24 * 3600
    expire_lease(attempt)
    charge_due(JANUARY)
    assert len(twin.charges()) == Payment.objects.filter(status="completed").count() == 1
    assert twin.arrivals[attempt.idempotency_key] == 1


@pytest.mark.parametrize("point", ["refunding.before_call", "stripe.refunded", "refunding.settling"])
def test_a_killed_refund_is_made_once(company: Company, twin: Twin, point: str) -> None:
    make_due_charge(company, token="pm_card_visa")
    charge_due(JANUARY)
    payment = Payment.objects.get()
    with transaction.atomic():
        customer = customer_queries.lock_customer(payment.customer_id)
        start_refund(RefundWanted(payment.id, 590, "EUR"), customer=customer, now=JANUARY, actor=SYSTEM)
    killed_at(point, lambda: refunding.pay_out_due(JANUARY, limit=10))
    resume()
    assert Refund.objects.get().status == "issued"
    assert twin.state.refunded(payment.external_reference) == 590
    assert_books_balance()


@pytest.mark.parametrize("point", ["notices.claimed", "notices.acted"])
def test_a_notice_whose_worker_was_killed_is_handled_by_the_next(company: Company, twin: Twin, point: str) -> None:
    make_due_charge(company, token="pm_card_createDispute")
    charge_due(JANUARY)
    inbound.receive("stripe", *twin.signed(twin.state.events[-1]), now=wall_now())
    killed_at(point, lambda: notices.handle_due(wall_now(), limit=10))
    resume()
    notice = ProviderNotice.objects.get()
    assert (notice.status, notice.tries) == ("handled", 2)
    assert (Dispute.objects.get().moves, Payment.objects.get().status) == (1, "disputed")
    assert_books_balance()
