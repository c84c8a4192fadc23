"""Many charges through a provider with 5 % time-outs and 5 % declines: invoices, provider and books agree to the cent.

300 each in the short suite, 10 000 in `make test-long`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Sum
from pytest_django.fixtures import Settings

from billing.models import Payment, PaymentAttempt
from billing.operations.charging import charge_due
from billing.operations.doctor import check_books
from billing.providers.base import Outcome
from billing.providers.pacing import Pace
from billing.providers.registry import card_provider_name, get_provider
from core.clock import wall_now
from core.identifiers import new_id
from customers.models import PaymentMethod
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import make_invoice, schedule
from tests.stripe_twin.server import Twin
from tests.stripe_twin.use import make_healthy, use_twin

pytestmark = pytest.mark.django_db

SHORT, LONG = 300, 10_000
WANTED = "providers", "payment is in the books", "receivable", "trial balance"
"""The proofs that these rows, made without a billing run, can be held to."""


@pytest.fixture
def on_sandbox(settings: Settings) -> Iterator[None]:
    settings.SANDBOX_TIMEOUT_PERCENT = settings.SANDBOX_DECLINE_PERCENT = 5.0
    Pace("sandbox").note_answer()
    yield
    Pace("sandbox").note_answer()


@pytest.fixture
def on_stripe(settings: Settings) -> Iterator[Twin]:
    twin = use_twin(settings)
    make_healthy()
    yield twin
    make_healthy()


def make_charges(company: Company, count: int, twin: Twin | None = None) -> list[PaymentAttempt]:
    """Store customers with a card each and an open invoice of its own amount, due to be charged."""
    attempts = []
    for number in range(count):
        known_as, reference = _card_at(twin)
        customer = company.customer(f"Customer {number}", billing_type="card", external_reference=known_as)
        card = PaymentMethod.objects.create(
            customer=customer,
            provider=card_provider_name(),
            provider_reference=reference,
            is_default=True,
            created_at=JANUARY,
        )
        attempts.append(schedule(make_invoice(customer, net_minor=1000 + number, card=card), card))
    with connection.cursor() as cursor:
        # Nothing counts the rows of an open transaction, and each charge would read whole tables for one row.
        cursor.execute("ANALYZE")
    return attempts


def _card_at(twin: Twin | None) -> tuple[str, str]:
    """Return a customer and a card as a provider knows them, without a call."""
    if twin is None:
        return "", f"card_visa_{new_id().hex}"
    customer, method = twin.state.create_customer({}), twin.state.method("pm_card_visa")
    method["customer"] = customer["id"]
    return customer["id"], method["id"]


def charge_all() -> int:
    """Charge until nothing is open, as sweeps do once leases ran out; return the rounds it took."""
    for round_number in range(1, 10):
        charge_due(JANUARY)
        open_attempts = PaymentAttempt.objects.filter(status="calling")
        if not open_attempts.exists():
            return round_number
        open_attempts.update(lease_until=JANUARY)
    raise AssertionError("charges stay open")


def assert_everything_agrees(attempts: list[PaymentAttempt]) -> Counter[str]:
    """Hold invoices, payments, the provider's records and the books to each other; return how attempts ended."""
    keys = {attempt.idempotency_key for attempt in attempts}
    # The sandbox's records are those of every test of this process.
    charges = get_provider(card_provider_name()).list_charges(datetime(2020, 1, 1, tzinfo=UTC))
    listed = {one.idempotency_key: one.result for one in charges if one.idempotency_key in keys}
    ended: Counter[str] = Counter()
    taken_minor = 0
    for attempt in PaymentAttempt.objects.select_related("invoice", "payment"):
        ended[attempt.status] += 1
        invoice, result = attempt.invoice, listed[attempt.idempotency_key]
        assert invoice is not None
        if attempt.status == "succeeded":
            payment = attempt.payment
            assert payment is not None
            assert result.outcome is Outcome.SUCCEEDED
            assert result.amount_minor == payment.amount_minor == invoice.total_minor == invoice.amount_paid_minor
            assert (invoice.status, invoice.amount_due_minor, payment.external_reference) == (
                "paid",
                0,
                result.reference,
            )
            taken_minor += result.amount_minor
        else:
            assert result.outcome is Outcome.DECLINED
            assert (invoice.status, invoice.amount_due_minor) == ("open", invoice.total_minor)
    assert len(listed) == len(attempts) == sum(ended.values())
    assert Payment.objects.aggregate(minor=Sum("amount_minor"))["minor"] == taken_minor
    assert_books_balance()
    assert_charges_are_whole()
    breaches = [one for one in check_books(now=wall_now()) if any(word in one.proof for word in WANTED)]
    assert breaches == []
    return ended


def through_sandbox(count: int) -> Counter[str]:
    attempts = make_charges(make_company(), count)
    charge_all()
    return assert_everything_agrees(attempts)


def through_stripe(twin: Twin, count: int) -> Counter[str]:
    attempts = make_charges(make_company(), count, twin)
    twin.timeout_percent = twin.decline_percent = 5
    charge_all()
    assert max(Counter(one["metadata"]["reckoner_key"] for one in twin.charges()).values()) == 1
    return assert_everything_agrees(attempts)


def test_hundreds_of_charges_through_the_sandbox(on_sandbox: None) -> None:
    ended = through_sandbox(SHORT)
    assert ended["failed"] > 0


def test_hundreds_of_charges_through_stripe(on_stripe: Twin) -> None:
    ended = through_stripe(on_stripe, SHORT)
    assert ended["failed"] > 0


@pytest.mark.long
def test_ten_thousand_charges_through_the_sandbox(on_sandbox: None) -> None:
    ended = through_sandbox(LONG)
    assert 400 < ended["failed"] < 600


@pytest.mark.long
def test_ten_thousand_charges_through_stripe(on_stripe: Twin) -> None:
    ended = through_stripe(on_stripe, LONG)
    assert 400 < ended["failed"] < 600
