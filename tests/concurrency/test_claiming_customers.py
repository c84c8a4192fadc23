"""The run and an operation meet on one customer: the customer's row is the lock both take first."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing.operations.agenda import refresh_agenda
from billing.run import claiming
from billing.run.claiming import Scope, claim
from customers import queries as customer_queries
from customers.models import Agenda, Customer
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db(transaction=True)

DUE = at("2026-02-01")
SCOPE = Scope(as_of=DUE, now=DUE)
WAITING_FOR_US = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@pytest.fixture
def alice() -> Customer:
    company = make_company()
    alice = company.customer("Alice")
    price = company.price()
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    return alice


def wait_until_somebody_waits() -> None:
    """Return once another session waits for a lock of this one."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(WAITING_FOR_US)
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits for our locks")


def meet(alice: Customer) -> list[Any]:
    """Let an operation hold Alice, a waiting claim run into it, and the operation then move her agenda."""
    held = threading.Event()

    def operate() -> str:
        with transaction.atomic():
            customer = customer_queries.lock_customer(alice.id)
            held.set()
            wait_until_somebody_waits()
            refresh_agenda(customer)
        return "moved"

    def run() -> int:
        held.wait(30)
        with transaction.atomic():
            return len(claim(SCOPE, wait=True))

    def guarded(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except DatabaseError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(guarded, (operate, run)))


def test_a_claim_that_waits_and_an_operation_never_wait_in_a_circle(alice: Customer) -> None:
    assert meet(alice) == ["moved", 1]


def test_control_an_agenda_locked_before_its_customer_is_a_deadlock(
    alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = claiming.CLAIM.replace("OF customer, agenda", "OF agenda, customer")
    assert wrong != claiming.CLAIM
    monkeypatch.setattr(claiming, "CLAIM", wrong)
    outcomes = meet(alice)
    assert any("deadlock" in str(outcome) for outcome in outcomes), outcomes


def test_a_skipped_customer_keeps_its_agenda_free(alice: Customer) -> None:
    """Who holds Alice may move her agenda at once, though a run that skips her is still under way."""
    held, skipped, moved = threading.Event(), threading.Event(), threading.Event()

    def run() -> list[Any]:
        held.wait(30)
        try:
            with transaction.atomic():
                claimed = claim(SCOPE)
                skipped.set()
                moved.wait(30)
                return claimed
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        claimed = pool.submit(run)
        with transaction.atomic():
            customer_queries.lock_customer(alice.id)
            held.set()
            skipped.wait(30)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
            Agenda.objects.filter(customer=alice).update(due_at=DUE)
        moved.set()
        assert claimed.result(30) == []
