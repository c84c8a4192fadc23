"""Customers who change their minds: upgrades, seats, pauses, ends, vouchers. Every line, worked out by hand."""

import pytest

from billing.models import Refund
from billing.operations import lifecycle, mass_changes
from billing.operations.lifecycle import CancelWhen, RefundType
from billing.operations.plan_changes import When
from billing.queries.mass_changes import MassWanted
from core.errors import Invalid
from core.operations import SYSTEM
from invoicing.models import CreditNote, Invoice
from subscriptions.models import Subscription
from tests.cast import at
from tests.scenarios.year import Year

pytestmark = pytest.mark.django_db


def test_alices_upgrades() -> None:
    """30.00 a month, 45.00 from 16 January, 300.00 a year from 11 March, back to 30.00 when the year is over.

    16 of 31 days are left in January: -3000 x 16/31 = -1548, 4500 x 16/31 = 2323; 19 % of 775 = 147. On 11 March 21 of
    31: -4500 x 21/31 = -3048, and a whole year from there.
    """
    year = Year("2026-01-01")
    small, big = year.company.price(unit_price=3000), year.company.price(unit_price=4500)
    yearly = year.company.price(unit_price=30000, interval="year")
    alice = year.begin("Alice", year.company.plan("Team", small, big, yearly), small)
    year.to("2026-01-16 12:00")
    year.change(alice, big)
    year.to("2026-03-11")
    year.change(alice, yearly)
    year.to("2026-09-11")
    year.change(alice, small, When.NEXT_CYCLE)
    year.to("2027-03-12")
    assert year.papers() == [
        ("01-01", 3570, [("recurring", "01-01", "02-01", 3000)]),
        ("01-16", 922, [("credit", "01-16", "02-01", -1548), ("recurring", "01-16", "02-01", 2323)]),
        ("02-01", 5355, [("recurring", "02-01", "03-01", 4500)]),
        ("03-01", 5355, [("recurring", "03-01", "04-01", 4500)]),
        ("03-11", 32073, [("credit", "03-11", "04-01", -3048), ("recurring", "03-11", "03-11", 30000)]),
        ("03-11", 3570, [("recurring", "03-11", "04-11", 3000)]),
    ]
    year.prove()


def test_a_seat_roller_coaster() -> None:
    """10.00 a seat. January, 31 days: 3, 8 from the 11th, 6 from the 21st, 7 from the 26th, then billed at once.

    Seat days: 3 x 31 = 93 are paid; with 5 more 198 -> 6387 - 3000 = 3387; with 2 less 176 -> 5677 - 6387 = -710; with
    one more 182 -> 5871 - 5677 = 194. February: 7 paid, 1 from the 15th: 112 of 28 -> 4000 - 7000 = -3000.
    """
    year = Year("2026-01-01")
    price = year.company.price(type="unit", unit_price=1000)
    alice = year.begin("Alice", year.company.plan("Team", price, per_seat=True), price, seats=3)
    year.to("2026-01-11 15:00")
    year.seats(alice, 5)
    year.to("2026-01-21")
    year.seats(alice, -2)
    year.to("2026-01-26")
    year.seats(alice, 1, at_once=True)
    year.to("2026-02-15")
    with pytest.raises(Invalid):
        year.seats(alice, -24)
    year.seats(alice, -6)
    year.to("2026-04-02")
    assert year.papers() == [
        ("01-01", 3570, [("recurring", "01-01", "02-01", 3000)]),
        (
            "01-26",
            3416,
            [
                ("seats", "01-11", "02-01", 3387),
                ("seats", "01-21", "02-01", -710),
                ("seats", "01-26", "02-01", 194),
            ],
        ),
        ("02-01", 8330, [("recurring", "02-01", "03-01", 7000)]),
        ("03-01", -2380, [("seats", "02-15", "03-01", -3000), ("recurring", "03-01", "04-01", 1000)]),
        ("04-01", 1190, [("recurring", "04-01", "05-01", 1000)]),
    ]
    year.prove()


def test_a_paused_quarter() -> None:
    """90.00 a quarter, paused from 1 February to 1 May, boundaries kept.

    59 of the first 90 days were paused: -9000 x 59/90 = -5900. 1 April passed unbilled; of the second quarter's 91 days
    61 are left: 9000 x 61/91 = 6033.
    """
    year = Year("2026-01-01")
    price = year.company.price(unit_price=9000, interval_count=3)
    alice = year.begin("Alice", year.company.plan("Team", price), price)
    year.to("2026-02-01")
    lifecycle.pause_subscription(subscription_id=alice.id, now=at(year.now))
    year.to("2026-05-01")
    lifecycle.resume_subscription(subscription_id=alice.id, policy="keep", now=at(year.now))
    year.to("2026-12-31")
    assert year.papers() == [
        ("01-01", 10710, [("recurring", "01-01", "04-01", 9000)]),
        ("05-01", 158, [("credit", "02-01", "04-01", -5900), ("recurring", "05-01", "07-01", 6033)]),
        ("07-01", 10710, [("recurring", "07-01", "10-01", 9000)]),
        ("10-01", 10710, [("recurring", "10-01", "01-01", 9000)]),
    ]
    year.prove()


def test_a_yearly_cancelled_and_refunded() -> None:
    """300.00 a year by card, cancelled with 100 of 365 days left: 8219 and 1562 of tax go back to the card."""
    year = Year("2026-01-01")
    price = year.company.price(unit_price=30000, interval="year")
    alice = year.customer("Alice")
    year.company.card(alice)
    subscription = year.company.start(alice, year.company.plan("Team", price), price, now=at(year.now))
    year.to("2026-09-23")
    year.cancel(subscription, CancelWhen.INSTANTLY, RefundType.PRORATE)
    year.to("2027-01-02")
    assert year.papers() == [
        ("01-01", 35700, [("recurring", "01-01", "01-01", 30000)]),
        ("09-23", -9781, [("credit", "09-23", "01-01", -8219)]),
    ]
    assert CreditNote.objects.get().refunded_minor == Refund.objects.get().amount_minor == 9781
    year.prove()


def test_a_voucher_for_three_months() -> None:
    """25 % off three invoices of 30.00, 60.00 from 15 February.

    14 of 28 days: the credit shares the discount of what it corrects, -1500 + 375; what is charged instead shares the
    voucher of the running period, 3000 - 750, and uses none up. March is the third.
    """
    year = Year("2026-01-01")
    small, big = year.company.price(unit_price=3000), year.company.price(unit_price=6000)
    alice = year.customer("Alice")
    year.company.voucher(alice, percent=25, duration="repeating", duration_count=3)
    subscription = year.company.start(alice, year.company.plan("Team", small, big), small, now=at(year.now))
    year.to("2026-02-15")
    year.change(subscription, big)
    year.to("2026-04-02")
    assert year.papers() == [
        ("01-01", 2678, [("recurring", "01-01", "02-01", 2250)]),
        ("02-01", 2678, [("recurring", "02-01", "03-01", 2250)]),
        ("02-15", 1339, [("credit", "02-15", "03-01", -1125), ("recurring", "02-15", "03-01", 2250)]),
        ("03-01", 5355, [("recurring", "03-01", "04-01", 4500)]),
        ("04-01", 7140, [("recurring", "04-01", "05-01", 6000)]),
    ]
    year.prove()


def test_a_trial_that_converts_and_ends() -> None:
    """14 days free from 20 January, then 2 x 15.00 by card from 3 February until a cancellation at the period's end."""
    year = Year("2026-01-20")
    price = year.company.price(type="unit", unit_price=1500)
    plan = year.company.plan("Team", price, per_seat=True, has_trial=True, trial_length_days=14)
    alice = year.customer("Alice")
    year.company.card(alice)
    subscription = year.company.start(alice, plan, price, now=at(year.now), seats=2)
    assert year.papers() == []
    year.to("2026-04-10")
    year.cancel(subscription, CancelWhen.END_OF_RUN)
    year.to("2026-08-01")
    assert year.papers() == [
        ("02-03", 3570, [("recurring", "02-03", "03-03", 3000)]),
        ("03-03", 3570, [("recurring", "03-03", "04-03", 3000)]),
        ("04-03", 3570, [("recurring", "04-03", "05-03", 3000)]),
    ]
    assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}
    assert Subscription.objects.get().status == "cancelled"
    year.prove()


def test_a_mass_change() -> None:
    """45.00 instead of 30.00 a seat for everybody from 16 June, 15 of 30 days: 750 a seat; Charlie left before."""
    year = Year("2026-06-01")
    small, big = year.company.price(unit_price=3000), year.company.price(unit_price=4500)
    plan = year.company.plan("Team", small, big, per_seat=True)
    year.begin("Alice", plan, small)
    year.begin("Bob", plan, small, seats=3)
    charlie = year.begin("Charlie", plan, small)
    wanted = MassWanted(price_id=small.id, new_price_id=big.id, test_clock_id=year.clock.id)
    mass_changes.schedule_mass_change(wanted=wanted, due_at=at("2026-06-16"), now=at(year.now), actor=SYSTEM)
    year.to("2026-06-10")
    year.cancel(charlie, CancelWhen.INSTANTLY)
    year.to("2026-07-02")
    assert year.papers("Alice") == [
        ("06-01", 3570, [("recurring", "06-01", "07-01", 3000)]),
        ("06-16", 893, [("credit", "06-16", "07-01", -1500), ("recurring", "06-16", "07-01", 2250)]),
        ("07-01", 5355, [("recurring", "07-01", "08-01", 4500)]),
    ]
    assert year.papers("Bob") == [
        ("06-01", 10710, [("recurring", "06-01", "07-01", 9000)]),
        ("06-16", 2678, [("credit", "06-16", "07-01", -4500), ("recurring", "06-16", "07-01", 6750)]),
        ("07-01", 16065, [("recurring", "07-01", "08-01", 13500)]),
    ]
    assert year.papers("Charlie") == [("06-01", 3570, [("recurring", "06-01", "07-01", 3000)])]
    year.prove()
