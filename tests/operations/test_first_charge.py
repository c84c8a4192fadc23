"""The first invoice of a card customer is a draft until its charge succeeds (Billing rules, section 5, Start)."""

from collections.abc import Callable, Iterator

import pytest

from billing.models import Payment, PaymentAttempt
from billing.operations.charging import ChargeSummary, charge_due
from billing.providers.pacing import Pace
from core.errors import Declined
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import expire_lease
from tests.sandbox import calls, captures

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


@pytest.fixture
def start(company: Company) -> Callable[[str], Subscription]:
    price = company.price()
    plan = company.plan("Team", price)

    def start(token: str) -> Subscription:
        customer = company.customer("Alice")
        company.card(customer, token)
        return company.start(customer, plan, price, now=JANUARY)

    return start


def test_a_paid_start_is_active_with_a_paid_invoice(start: Callable[[str], Subscription]) -> None:
    assert start("tok_visa").status == "active"
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.number, invoice.amount_paid_minor) == ("paid", "INV-2026-000001", 3000)
    assert Payment.objects.get().invoice == invoice == PaymentAttempt.objects.get().invoice


def test_a_declined_start_leaves_the_attempt_alone(start: Callable[[str], Subscription]) -> None:
    with pytest.raises(Declined):
        start("tok_declined")
    attempt = PaymentAttempt.objects.get()
    assert (attempt.status, attempt.invoice_id) == ("failed", None)
    assert not Subscription.objects.exists()
    assert not Invoice.objects.exists()


def test_an_open_start_is_finished_by_the_sweep(start: Callable[[str], Subscription]) -> None:
    subscription = start("tok_timeout_lost")
    assert (subscription.status, Invoice.objects.get().status) == ("incomplete", "draft")
    attempt = PaymentAttempt.objects.get()
    expire_lease(attempt)
    assert charge_due(JANUARY) == ChargeSummary(succeeded=1)
    subscription.refresh_from_db()
    assert (subscription.status, Invoice.objects.get().status) == ("active", "paid")
    assert (captures(attempt), calls(attempt)) == (1, 2)
