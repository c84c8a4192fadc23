"""Customers whose usage comes late. Every line, worked out by hand."""

from decimal import Decimal

import pytest

from billing.operations.lifecycle import CancelWhen, RefundType
from subscriptions.models import Subscription
from tests.scenarios.year import Year

pytestmark = pytest.mark.django_db


def metered(year: Year, amount: int, per_call: int) -> Subscription:
    """Start a monthly price with calls beside it."""
    flat = year.company.price(unit_price=amount)
    calls = year.company.price(
        type="unit", unit_price=Decimal(per_call), usage=True, metric=year.company.metric("calls")
    )
    return year.begin("Alice", year.company.plan("Team", flat, calls), flat, items=(calls,))


def test_a_month_whose_events_come_late() -> None:
    """10.00 a month and 10 cents a call. 100 calls in January, 20 more of it in February, 5 in March, then too late.

    Cancelled on 16 April with 15 of 30 days left: -500, and 8 calls of April; 3 that come after are an invoice of their
    own once nothing more can come: 35 days and one later, on 22 May. 19 % of 1050 = 199.5 -> 200; of -420 -> -80.
    """
    year = Year("2026-01-01")
    alice = metered(year, 1000, 10)
    year.to("2026-01-10")
    assert year.use(alice, "2026-01-10", 100) == "stored"
    year.to("2026-02-15")
    assert year.use(alice, "2026-01-20", 20) == "stored"
    year.to("2026-03-07")
    assert year.use(alice, "2026-01-25", 5) == "stored"
    year.to("2026-03-10")
    assert year.use(alice, "2026-01-26", 7) == "rejected"
    year.to("2026-04-10")
    assert year.use(alice, "2026-04-10", 8) == "stored"
    year.to("2026-04-16")
    year.cancel(alice, CancelWhen.INSTANTLY, RefundType.PRORATE)
    year.to("2026-04-20")
    assert year.use(alice, "2026-04-12", 3) == "stored"
    assert year.use(alice, "2026-04-17", 3) == "rejected"
    year.to("2026-06-01")
    assert year.papers() == [
        ("01-01", 1190, [("recurring", "01-01", "02-01", 1000)]),
        ("02-01", 2380, [("recurring", "02-01", "03-01", 1000), ("usage", "01-01", "02-01", 1000)]),
        ("03-01", 1428, [("recurring", "03-01", "04-01", 1000), ("usage", "01-01", "02-01", 200)]),
        ("04-01", 1250, [("recurring", "04-01", "05-01", 1000), ("usage", "01-01", "02-01", 50)]),
        ("04-16", -500, [("credit", "04-16", "05-01", -500), ("usage", "04-01", "04-16", 80)]),
        ("05-22", 36, [("usage", "04-01", "04-16", 30)]),
    ]
    year.prove()


def test_drafts_that_wait_three_days() -> None:
    """30.00 a month, a cent a call; invoices of the run wait three days.

    150 calls of January come in time on 2 February: 3000 + 250, 19 % = 617.5 -> 618, issued on 4 February. 40 more of
    January on the 5th come with March's.
    """
    year = Year("2026-01-01", brand={"grace_days": 3})
    alice = metered(year, 3000, 1)
    year.to("2026-01-10")
    year.use(alice, "2026-01-10", 100)
    year.to("2026-02-02")
    year.use(alice, "2026-01-31", 150)
    assert len(year.papers()) == 1
    year.to("2026-02-05")
    year.use(alice, "2026-01-30", 40)
    year.to("2026-03-05")
    assert year.papers() == [
        ("01-01", 3570, [("recurring", "01-01", "02-01", 3000)]),
        ("02-04", 3868, [("recurring", "02-01", "03-01", 3000), ("usage", "01-01", "02-01", 250)]),
        ("03-04", 3618, [("recurring", "03-01", "04-01", 3000), ("usage", "01-01", "02-01", 40)]),
    ]
    year.prove()
