"""Alice's first year on a test clock, every line listed.

She starts on 31 January in Berlin with three seats at 10.00 a month, metered calls (1 000 free, then 0.03 cents each,
so finer than a cent), 20 % off three invoices, 19 % tax, and pays by card. Seats come and go; her anchor never drifts.
"""

from datetime import datetime
from decimal import Decimal

import pytest

from billing.models import Payment, Receipt
from billing.operations.clocks import advance_clock
from billing.operations.doctor import check_books
from billing.operations.seats import add_seats, remove_seats
from core.domain.schedule import local_date
from core.models import TestClock
from invoicing.models import CreditNoteLine, Invoice, InvoiceLine
from subscriptions.models import Subscription
from tests.cast import at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db

START = at("2026-01-31 09:30")


def to(clock: TestClock, moment: str) -> None:
    """Turn the clock."""
    advance_clock(clock_id=clock.id, to_at=at(moment), now=at(moment))


def calls(subscription: Subscription, day: str, value: int) -> None:
    """Report calls as of the clock's time."""
    draft = EventDraft(
        event_id=f"calls-{day}", subscription_id=subscription.id, code="calls", value=Decimal(value), timestamp=at(day)
    )
    (outcome,) = record_events([draft], now=at(day))
    assert outcome.outcome == "stored"


def in_berlin(moment: datetime | None) -> str:
    """Return month and day of a moment in Berlin."""
    return "" if moment is None else f"{local_date(moment, 'Europe/Berlin'):%m-%d}"


def invoice_lines() -> list[tuple[str, str, str, str, int, int, int]]:
    """Return every line: invoice, kind, first and last moment in Berlin days, amount, discount, net."""
    rows = InvoiceLine.objects.order_by("invoice__sequence", "position").select_related("invoice")
    return [
        (
            str(line.invoice.number)[-2:],
            line.kind,
            in_berlin(line.period_start),
            in_berlin(line.period_end),
            line.amount_minor,
            line.discount_minor,
            line.net_minor,
        )
        for line in rows
    ]


def test_alices_year() -> None:
    company = make_company(time_zone="Europe/Berlin")
    company.tax("DE", "19")
    clock = TestClock.objects.create(now_at=START, created_at=START)
    alice = company.customer("Alice", test_clock=clock)
    company.card(alice)
    company.voucher(alice, percent=Decimal(20), duration="repeating", duration_count=3)
    seats = company.price(type="unit", unit_price=Decimal(1000))
    tiers = [
        {"first_unit": 1, "last_unit": 1000, "unit_price": "0", "flat_fee": "0"},
        {"first_unit": 1001, "last_unit": None, "unit_price": "0.03", "flat_fee": "0"},
    ]
    metered = company.price(type="tiered_graduated", usage=True, metric=company.metric("calls"), tiers=tiers)
    team = company.plan("Team", seats, per_seat=True)
    subscription = company.start(alice, team, seats, now=START, seats=3, items=(metered,))

    to(clock, "2026-02-10")
    calls(subscription, "2026-02-10", 151_000)
    to(clock, "2026-03-10")
    add_seats(subscription_id=subscription.id, seats=2, now=at("2026-03-10"))
    to(clock, "2026-06-15")
    remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-06-15"))
    calls(subscription, "2026-06-15", 500)
    to(clock, "2026-07-03")
    calls(subscription, "2026-06-20", 2_000)
    to(clock, "2027-01-31")
    assert invoice_lines() == [
        ("01", "recurring", "01-31", "02-28", 3000, 600, 2400),
        ("02", "recurring", "02-28", "03-31", 3000, 600, 2400),
        ("02", "usage", "01-31", "02-28", 0, 0, 0),  # the 1 000 free calls
        ("02", "usage", "01-31", "02-28", 4500, 900, 3600),  # 150 000 x 0.03
        ("03", "seats", "03-10", "03-31", 1355, 271, 1084),  # 2 x 1000 x 21/31
        ("03", "recurring", "03-31", "04-30", 5000, 1000, 4000),
        ("04", "recurring", "04-30", "05-31", 5000, 0, 5000),  # the voucher is used up
        ("05", "recurring", "05-31", "06-30", 5000, 0, 5000),
        ("06", "recurring", "07-31", "08-31", 1000, 0, 1000),  # 30 June was a credit note
        ("06", "usage", "05-31", "06-30", 45, 0, 45),  # 2 000 came late: 1 500 above the free ones
        ("07", "recurring", "08-31", "09-30", 1000, 0, 1000),
        ("08", "recurring", "09-30", "10-31", 1000, 0, 1000),
        ("09", "recurring", "10-31", "11-30", 1000, 0, 1000),
        ("10", "recurring", "11-30", "12-31", 1000, 0, 1000),
        ("11", "recurring", "12-31", "01-31", 1000, 0, 1000),
    ]
    credited = CreditNoteLine.objects.order_by("position").values_list("kind", "amount_minor", "net_minor", "tax_minor")
    assert list(credited) == [("seats", -2000, -2000, -380), ("recurring", 1000, 1000, 190), ("usage", 0, 0, 0)]
    totals = Invoice.objects.order_by("sequence").values_list(
        "total_minor", "balance_applied_minor", "amount_paid_minor"
    )
    assert list(totals) == [
        (2856, 0, 2856),
        (7140, 0, 7140),
        (6050, 0, 6050),
        (5950, 0, 5950),
        (5950, 0, 5950),
        (1244, 1190, 54),  # the credit note's 11.90 pays most of it
        *[(1190, 0, 1190)] * 5,
    ]
    assert Invoice.objects.exclude(status="paid").count() == 0
    assert Payment.objects.count() == Receipt.objects.count() == 11
    assert check_books(now=at("2027-01-31")) == ()
