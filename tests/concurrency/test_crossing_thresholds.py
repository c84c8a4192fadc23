"""Two runs cross one threshold at once: the place begins to collect once, and one event says so."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, transaction

from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.models import AuditEntry, OutboxEvent
from customers.models import Customer
from invoicing.models import InvoiceLine, TaxCountry
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db(transaction=True)

DUE = at("2026-02-05 12:00")
_atomic = transaction.atomic


def bill_and_hold(name: str, held: threading.Event, go_on: threading.Event) -> int:
    """Bill a customer in a session of its own, and commit only when told."""
    try:
        customer = Customer.objects.get(name=name)
        with transaction.atomic():
            made = run_billing(Scope(DUE, DUE, customer_ids=(customer.id,))).invoices
            held.set()
            assert go_on.wait(20)
            return made
    finally:
        connection.close()


def wait_until_somebody_waits_for_a_row() -> None:
    """Return once a session waits for another's transaction."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits for a row")


def test_the_second_finds_it_done(monkeypatch: pytest.MonkeyPatch) -> None:
    company = make_company()
    company.tax("CH", "8.1")
    price = company.price(unit_price=Decimal(1000))
    plan = company.plan("Team", price)
    for name in ("Alice", "Bob"):
        company.start(company.customer(name, country="CH"), plan, price, now=at("2026-01-05 12:00"))
    TaxCountry.objects.update(collecting=False, in_eu=False, currency="EUR", threshold_minor=3000)
    monkeypatch.setattr("billing.run.engine.transaction.atomic", lambda **options: _atomic())
    held, held_too, go_on = threading.Event(), threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(bill_and_hold, "Alice", held, go_on)
        assert held.wait(20)
        second = pool.submit(bill_and_hold, "Bob", held_too, go_on)
        wait_until_somebody_waits_for_a_row()
        go_on.set()
        assert (first.result(20), second.result(20)) == (1, 1)
    assert OutboxEvent.objects.filter(type="tax.threshold_reached").count() == 1
    assert AuditEntry.objects.filter(action="tax_country.threshold_reached").count() == 1
    assert TaxCountry.objects.get().collecting_since == DUE
    taxed = InvoiceLine.objects.filter(period_start=DUE).values_list("invoice__customer__name", "tax_minor")
    assert sorted(taxed) == [("Alice", 81), ("Bob", 81)]
