"""A day of tax turnover is closed while somebody still issues on it: each document is counted once.

The lock is of brand and day; the control shows what happens without it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction

from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Customer
from invoicing.domain.tax_thresholds import SalesKey
from invoicing.models import TaxClosing, TaxCountry, TaxTurnover
from invoicing.operations import issuing, tax_turnover
from invoicing.queries.tax import get_tax_world
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db(transaction=True)

DUE = at("2026-02-05 12:00")
NEXT_DAY = at("2026-02-06 00:00")


@pytest.fixture
def company() -> Company:
    """Two Swiss customers who pay 10.00 a month, Alice's invoice of 5 February not made yet."""
    company = make_company()
    company.tax("CH", "8.1")
    TaxCountry.objects.update(collecting=False, in_eu=False, currency="EUR", threshold_minor=10**9)
    price = company.price(unit_price=Decimal(1000))
    plan = company.plan("Team", price)
    for name, day in (("Alice", "2026-01-05 12:00"), ("Bob", "2026-02-05 09:00")):
        company.start(company.customer(name, country="CH"), plan, price, now=at(day))
    return company


def net_before(day: str) -> int:
    """What the threshold is compared with on a day."""
    (sold,) = get_tax_world(at(f"{day} 12:00")).closed.find(SalesKey("CH", date.fromisoformat(day)))
    return int(sold.net_minor)


def in_a_session(work: Callable[[], object]) -> object:
    """Do something in a thread, whose session is closed afterwards."""
    try:
        return work()
    finally:
        connection.close()


def bill_alice_and_hold(held: threading.Event, go_on: threading.Event) -> object:
    """Bill Alice, and commit only when told."""

    def work() -> int:
        alice = Customer.objects.get(name="Alice")
        with transaction.atomic():
            made = run_billing(Scope(DUE, DUE, customer_ids=(alice.id,))).invoices
            held.set()
            assert go_on.wait(20)
            return made

    return in_a_session(work)


def close_meanwhile(until_it_waits: bool) -> tuple[object, object]:
    """Close the day while Alice's invoice of it is written and not committed; return what both did."""
    held, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        billing = pool.submit(bill_alice_and_hold, held, go_on)
        assert held.wait(20)
        closing: Future[object] = pool.submit(in_a_session, lambda: tax_turnover.close_days(now=NEXT_DAY))
        if until_it_waits:
            wait_until_a_closing_waits()
        else:
            closing.result(20)
        go_on.set()
        return billing.result(20), closing.result(20)


def wait_until_a_closing_waits() -> None:
    """Return once a session waits for an advisory lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits for an advisory lock")


def start_closing() -> None:
    """Close what came before, so that only the day at hand is left."""
    tax_turnover.close_days(now=DUE)
    assert TaxClosing.objects.get().closed_until == date(2026, 2, 5)


def test_the_closing_waits_for_who_issues_on_the_day(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.run.engine.transaction.atomic", _not_durable)
    start_closing()
    assert close_meanwhile(until_it_waits=True) == (1, 1)
    assert net_before("2026-02-06") == 3000
    assert sum(TaxTurnover.objects.values_list("net_minor", flat=True)) == 3000


def test_who_issues_on_a_closed_day_adds_to_it(company: Company) -> None:
    tax_turnover.close_days(now=NEXT_DAY)
    assert run_billing(Scope(DUE, DUE)).invoices == 1
    assert net_before("2026-02-06") == 3000
    assert TaxTurnover.objects.filter(day="2026-02-05").count() == 2


def test_control_without_the_lock_a_document_is_lost(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.run.engine.transaction.atomic", _not_durable)
    start_closing()
    monkeypatch.setattr(issuing, "count_sales", lambda sales: None)
    assert close_meanwhile(until_it_waits=False) == (1, 1)
    assert net_before("2026-02-06") == 2000


_atomic = transaction.atomic


def _not_durable(*args: object, **options: object) -> object:
    """Let a run be part of the test's transaction."""
    return _atomic()
