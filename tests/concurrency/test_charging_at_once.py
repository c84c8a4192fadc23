"""Two workers at once: each charge is claimed by one of them. The control shows that the lock is what does it."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import Payment, PaymentAttempt, Receipt
from billing.operations import claiming, settling
from billing.operations.charging import charge_due, charge_invoice
from billing.operations.payments import record_transfer
from billing.operations.settling import Settlement
from billing.providers.base import ChargeResult, Outcome
from billing.providers.pacing import Pace
from billing.queries import payments as payment_queries
from core.errors import Conflict
from customers import queries as customer_queries
from invoicing.models import Invoice
from ledger.models import CustomerBalance
from tests.books import assert_books_balance, assert_charges_are_whole
from tests.cast import JANUARY, Company, make_company
from tests.factories import invoice_of, make_due_charge, make_invoice
from tests.sandbox import captures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    Pace("sandbox").note_answer()
    return make_company()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the works in threads with connections of their own; return what each returned or raised."""
    barrier = threading.Barrier(len(works))

    def start(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(30)
            return work()
        except (DatabaseError, Conflict) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))


def claim() -> int:
    due = payment_queries.list_due_attempt_ids(JANUARY, limit=10, test_clock_id=None, paused_providers=())
    with transaction.atomic():
        return len(claiming.claim_due_attempts(due, JANUARY).works)


def test_two_workers_share_what_is_due(company: Company) -> None:
    attempts = [make_due_charge(company, f"Customer {number}") for number in range(12)]
    summaries = at_once(*[lambda: charge_due(JANUARY, threads=3)] * 4)
    assert sum(summary.succeeded for summary in summaries) == 12
    assert [captures(attempt) for attempt in attempts] == [1] * 12
    assert_books_balance()
    assert_charges_are_whole()


def test_one_attempt_is_claimed_once(company: Company) -> None:
    make_due_charge(company)
    assert sorted(at_once(*[claim] * 4)) == [0, 0, 0, 1]
    assert Payment.objects.count() == 1


def test_control_without_the_lock_two_workers_take_the_same_attempt(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_due_charge(company)
    both_have_read = threading.Barrier(2)

    def read_without_lock(attempt_ids: list[uuid.UUID], now: datetime) -> list[PaymentAttempt]:
        found = list(PaymentAttempt.objects.filter(id__in=attempt_ids).select_related("customer__brand"))
        both_have_read.wait(30)
        return found

    monkeypatch.setattr(payment_queries, "lock_due_attempts", read_without_lock)
    outcomes = at_once(claim, claim)
    # Both went for it; only the database's last guard, one pending payment an invoice, stopped the second.
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 1
    assert outcomes.count(1) == 1


def test_a_customer_held_by_another_does_not_hold_up_the_batch(company: Company) -> None:
    """Waiting for one customer while holding others could meet a billing run that does the same in another order."""
    attempts = sorted((make_due_charge(company, name) for name in ("Alice", "Bob")), key=lambda attempt: attempt.id)
    paid = [
        Settlement(attempt.id, ChargeResult(Outcome.SUCCEEDED, f"ch_{attempt.id}", 1190, "EUR")) for attempt in attempts
    ]
    with transaction.atomic():
        claiming.claim_due_attempts([attempt.id for attempt in attempts], JANUARY)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            customer_queries.lock_customer(attempts[0].customer_id)
            held.set()
            done.wait(30)

    def settle() -> list[uuid.UUID]:
        held.wait(30)
        try:
            return [outcome.attempt_id for outcome in settling.settle(paid, JANUARY, wait=False)]
        finally:
            done.set()

    _, settled = at_once(hold, settle)
    assert settled == [attempts[1].id]
    assert settling.settle(paid, JANUARY)[0].is_paid
    assert_charges_are_whole()


def test_charging_on_demand_and_the_sweep_meet(company: Company) -> None:
    attempt = make_due_charge(company)
    on_demand, swept, again = at_once(
        lambda: charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid,
        lambda: charge_due(JANUARY).succeeded,
        lambda: charge_invoice(invoice_id=invoice_of(attempt).id, now=JANUARY).is_paid,
    )
    assert {True} >= {result for result in (on_demand, again) if not isinstance(result, Conflict)}
    assert swept in (0, 1)
    assert captures(attempt) == Payment.objects.count() == 1
    assert_charges_are_whole()


def test_transfers_at_once_lose_nothing(company: Company) -> None:
    invoice = make_invoice(company.customer("Alice"))

    def transfer() -> Payment:
        return record_transfer(
            invoice_id=invoice.id, amount_minor=500, currency="EUR", paid_at=JANUARY, reference="", now=JANUARY
        )

    at_once(*[transfer] * 4)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid_minor) == ("paid", 1190)
    assert CustomerBalance.objects.get().balance_minor == 810
    assert Receipt.objects.count() == 4
    assert_books_balance()
    assert_charges_are_whole()


def test_the_same_transfer_at_once_is_recorded_once(company: Company) -> None:
    invoices = [make_invoice(company.customer(name), at=JANUARY + timedelta(days=1)) for name in ("Alice", "Bob")]

    def transfer(invoice: Invoice) -> Callable[[], Payment]:
        return lambda: record_transfer(
            invoice_id=invoice.id,
            amount_minor=1190,
            currency="EUR",
            paid_at=JANUARY,
            reference="BANK-1",
            now=JANUARY,
        )

    outcomes = at_once(*map(transfer, invoices))
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert sorted(Invoice.objects.values_list("status", flat=True)) == ["open", "paid"]
    assert_books_balance()
