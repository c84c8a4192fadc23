"""Customers of other calendars, clocks and currencies. Every line, worked out by hand."""

from itertools import pairwise

import pytest

from billing.operations import lifecycle
from billing.operations.plan_changes import When
from core.domain.schedule import local_wall
from customers.models import Customer
from invoicing.models import InvoiceLine, TaxCountry
from tests.cast import at
from tests.scenarios.year import Year

pytestmark = pytest.mark.django_db


def test_an_anchor_on_31_january() -> None:
    """3 seats at 10.00: months end where they end; 20.00 from 15 April, 15 of 30 days; five days' pause move the rest.

    -3000/2 + 6000/2 = 1500. Paused from 10 to 15 May: the end of 31 May becomes 5 June, and so does the anchor.
    """
    year = Year("2026-01-31")
    small, big = (year.company.price(type="unit", unit_price=amount) for amount in (1000, 2000))
    alice = year.begin("Alice", year.company.plan("Team", small, big, per_seat=True), small, seats=3)
    year.to("2026-04-15")
    year.change(alice, big)
    year.to("2026-05-10")
    lifecycle.pause_subscription(subscription_id=alice.id, now=at(year.now))
    year.to("2026-05-15")
    lifecycle.resume_subscription(subscription_id=alice.id, now=at(year.now))
    year.to("2026-07-06")
    assert year.papers() == [
        ("01-31", 3570, [("recurring", "01-31", "02-28", 3000)]),
        ("02-28", 3570, [("recurring", "02-28", "03-31", 3000)]),
        ("03-31", 3570, [("recurring", "03-31", "04-30", 3000)]),
        ("04-15", 1785, [("credit", "04-15", "04-30", -1500), ("recurring", "04-15", "04-30", 3000)]),
        ("04-30", 7140, [("recurring", "04-30", "05-31", 6000)]),
        ("06-05", 7140, [("recurring", "06-05", "07-05", 6000)]),
        ("07-05", 7140, [("recurring", "07-05", "08-05", 6000)]),
    ]
    year.prove()


def test_the_clocks_of_halifax() -> None:
    """31.00 a month at 02:30 local: on 8 March that hour is skipped, and 03:00 takes its place; no day is lost or won.

    62.00 from 17 March 23:30 local, already the 18th in UTC: 22 of 31 days are left, -3100 x 22/31 = -2200, + 4400.
    """
    year = Year("2026-02-08 06:30", zone="America/Halifax")
    small, big = year.company.price(unit_price=3100), year.company.price(unit_price=6200)
    alice = year.begin("Alice", year.company.plan("Team", small, big), small)
    year.to("2026-03-18 02:30")
    year.change(alice, big)
    year.to("2026-12-01")
    months = ["04-08", "05-08", "06-08", "07-08", "08-08", "09-08", "10-08", "11-08", "12-08"]
    assert year.papers() == [
        ("02-08", 3689, [("recurring", "02-08", "03-08", 3100)]),
        ("03-08", 3689, [("recurring", "03-08", "04-08", 3100)]),
        ("03-17", 2618, [("credit", "03-17", "04-08", -2200), ("recurring", "03-17", "04-08", 4400)]),
        *[(first, 7378, [("recurring", first, last, 6200)]) for first, last in pairwise(months)],
    ]
    starts = InvoiceLine.objects.filter(invoice__origin="cycle").order_by("period_start")
    moments = [moment for moment in starts.values_list("period_start", flat=True) if moment is not None]
    walls = [f"{local_wall(moment, year.zone):%m-%d %H:%M}" for moment in moments]
    assert walls == ["03-08 03:00", *(f"{month} 02:30" for month in months[:-1])]
    year.prove()


def test_yen_have_no_minor_unit() -> None:
    """1000 yen, 1500 from 11 January with 21 of 31 days left: -677 + 1016 = 339, 10 % tax 34; back in March."""
    year = Year("2026-01-01", brand={"country": "JP", "tax_number": ""}, tax=("JP", "10"))
    TaxCountry.objects.update(in_eu=False)
    small, big = (year.company.price(unit_price=amount, currency="JPY") for amount in (1000, 1500))
    alice = year.company.start(
        year.customer("Alice", country="JP"), year.company.plan("Team", small, big), small, now=at(year.now)
    )
    year.to("2026-01-11")
    year.change(alice, big)
    year.to("2026-02-10")
    year.change(alice, small, When.NEXT_CYCLE)
    year.to("2026-03-02")
    assert year.papers() == [
        ("01-01", 1100, [("recurring", "01-01", "02-01", 1000)]),
        ("01-11", 373, [("credit", "01-11", "02-01", -677), ("recurring", "01-11", "02-01", 1016)]),
        ("02-01", 1650, [("recurring", "02-01", "03-01", 1500)]),
        ("03-01", 1100, [("recurring", "03-01", "04-01", 1000)]),
    ]
    year.prove()


def test_dinars_have_three_decimals() -> None:
    """5 seats at 1.500 dinars, 2.250 from 16 June: -3750 + 5625 = 1875; two seats less from 11 July.

    -2 x 2250 x 21/31 = -3048 fils with the invoice of August, which has 3 x 2250.
    """
    year = Year("2026-06-01")
    small, big = (year.company.price(type="unit", unit_price=amount, currency="KWD") for amount in (1500, 2250))
    alice = year.begin("Alice", year.company.plan("Team", small, big, per_seat=True), small, seats=5)
    year.to("2026-06-16")
    year.change(alice, big)
    year.to("2026-07-11")
    year.seats(alice, -2)
    year.to("2026-08-02")
    assert year.papers() == [
        ("06-01", 8925, [("recurring", "06-01", "07-01", 7500)]),
        ("06-16", 2231, [("credit", "06-16", "07-01", -3750), ("recurring", "06-16", "07-01", 5625)]),
        ("07-01", 13388, [("recurring", "07-01", "08-01", 11250)]),
        ("08-01", 4405, [("seats", "07-11", "08-01", -3048), ("recurring", "08-01", "09-01", 6750)]),
    ]
    year.prove()


def test_a_business_abroad_owes_the_tax_itself() -> None:
    """A checked business in Austria: 0 %, category AE, also on what a change gives back and charges."""
    year = Year("2026-01-01")
    year.company.tax("AT", "20")
    small, big = year.company.price(unit_price=3000), year.company.price(unit_price=4500)
    firm = {"country": "AT", "type": "business", "tax_number": "ATU12345675", "tax_number_check": "format"}
    alice = year.company.start(
        year.customer("Alice", **firm), year.company.plan("Team", small, big), small, now=at(year.now)
    )
    year.to("2026-01-16")
    year.change(alice, big)
    year.to("2026-03-02")
    assert year.papers() == [
        ("01-01", 3000, [("recurring", "01-01", "02-01", 3000)]),
        ("01-16", 775, [("credit", "01-16", "02-01", -1548), ("recurring", "01-16", "02-01", 2323)]),
        ("02-01", 4500, [("recurring", "02-01", "03-01", 4500)]),
        ("03-01", 4500, [("recurring", "03-01", "04-01", 4500)]),
    ]
    assert set(InvoiceLine.objects.values_list("tax_category", "tax_minor")) == {("AE", 0)}
    year.prove()


def test_a_move_to_berlin_before_a_change_that_waits() -> None:
    """31.00 a month from UTC; moved to Berlin in January; 90.00 a quarter from 1 February on.

    The boundary of 1 February stays, 01:00 in Berlin; from there every quarter ends at 01:00 in Berlin, which is 23:00
    in UTC in summer and midnight after October.
    """
    year = Year("2026-01-01")
    small, big = year.company.price(unit_price=3100), year.company.price(unit_price=9000, interval_count=3)
    alice = year.begin("Alice", year.company.plan("Team", small, big), small)
    year.to("2026-01-10")
    Customer.objects.update(time_zone="Europe/Berlin")
    year.change(alice, big, When.NEXT_CYCLE)
    year.to("2026-08-01")
    moments = InvoiceLine.objects.order_by("period_start").values_list("period_start", "period_end")
    assert [tuple(f"{one:%m-%d %H:%M}" for one in pair if one is not None) for pair in moments] == [
        ("01-01 00:00", "02-01 00:00"),
        ("02-01 00:00", "04-30 23:00"),
        ("04-30 23:00", "07-31 23:00"),
        ("07-31 23:00", "11-01 00:00"),
    ]
    year.prove()
