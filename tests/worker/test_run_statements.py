"""A chunk of the billing run takes the same statements however many customers are in it."""

from datetime import datetime
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core import copying
from tests.cast import Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db
START, DUE = at("2026-02-01"), at("2026-03-01 06:00")


@pytest.fixture
def company() -> Company:
    return make_company()


class Shop:
    """A flat price, seats and usage for everybody; every other customer has a card, and every third a voucher."""

    def __init__(self, company: Company) -> None:
        self.company = company
        company.tax("DE", "19")
        self.metric = company.metric("calls")
        self.seat = company.price(type="unit", unit_price=Decimal(1000))
        self.plan = company.plan("Team", self.seat, per_seat=True)
        self.extras = (
            company.price(unit_price=Decimal(4900)),
            company.price(type="unit", unit_price=Decimal("0.5"), usage=True, metric=self.metric),
        )

    def add(self, number: int) -> None:
        """Add a customer who is due on 1 March."""
        customer = self.company.customer(f"Customer {number}")
        if number % 2:
            self.company.card(customer)
        if number % 3 == 0:
            self.company.voucher(customer, code=f"less-{number}", percent=Decimal(10), duration="forever")
        subscription = self.company.start(customer, self.plan, self.seat, now=START, seats=3, items=self.extras)
        draft = EventDraft(
            event_id=f"event {number}",
            subscription_id=subscription.id,
            code="calls",
            value=Decimal(number + 1),
            timestamp=at("2026-02-10"),
        )
        record_events([draft], now=at("2026-02-11"))


def statements_of_a_run(customers: int) -> int:
    """Bill everybody who is due in one chunk, and return how many statements, COPY among them, it took."""
    with (
        CaptureQueriesContext(connection) as queries,
        patch.object(copying, "send", wraps=copying.send) as copies,
    ):
        tally = run_billing(Scope(as_of=DUE, now=DUE), chunk=500)
    assert tally == Tally(customers=customers, invoices=customers)
    return len(queries) + copies.call_count


def test_thirty_customers_take_the_statements_of_six(company: Company) -> None:
    shop = Shop(company)
    counts = []
    for customers in (6, 30):
        for number in range(customers):
            shop.add(100 * customers + number)
        counts.append(statements_of_a_run(customers))
    assert counts[0] == counts[1]
    assert counts[0] < 60


def test_where_nobody_is_due_the_tax_rules_are_not_read(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(at: datetime) -> None:
        raise AssertionError("nobody is due")

    monkeypatch.setattr("billing.run.engine.get_tax_world", refuse)
    assert run_billing(Scope(as_of=at("2026-01-01"), now=at("2026-01-01"))).customers == 0
