"""The proofs of the books: silent where all is well, however odd it looks (Billing rules, section 9)."""

from decimal import Decimal

import pytest

from billing.operations.doctor import check_books
from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Agenda
from invoicing.models import InvoiceLine
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def breaches(moment: str) -> list[str]:
    return [breach.proof for breach in check_books(now=at(moment))]


def test_two_moments_of_a_day_of_25_hours_are_one_day(company: Company) -> None:
    """Berlin, 25 October 2026: 00:30 and 23:45 of one date lie 24 hours and a quarter apart."""
    price = company.price()
    team = company.plan("Team", price)
    alice = company.customer("Alice", time_zone="Europe/Berlin")
    for moment in ("2026-09-24 22:30", "2026-09-25 21:45"):
        company.start(alice, team, price, now=at(moment))
    assert Agenda.objects.get().due_at == at("2026-10-25 22:45")
    assert breaches("2026-10-01") == []


def test_periods_tile_whatever_tier_their_seats_fall_in(company: Company) -> None:
    """10 seats, 11 for a month, 10 again: each period is one line of another tier."""
    tiers = [
        {"first_unit": 1, "last_unit": 10, "unit_price": "1000", "flat_fee": "0"},
        {"first_unit": 11, "last_unit": None, "unit_price": "900", "flat_fee": "0"},
    ]
    price = company.price(type="tiered_volume", tiers=tiers, unit_price=Decimal(0))
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(company.customer("Alice"), team, price, now=at("2026-01-01"), seats=10)
    add_seats(subscription_id=subscription.id, seats=1, now=at("2026-01-20"))
    run("2026-02-01")
    remove_seats(subscription_id=subscription.id, seats=1, now=at("2026-02-20"))
    run("2026-03-01")
    lines = InvoiceLine.objects.filter(kind="recurring").order_by("period_start")
    assert list(lines.values_list("tier", "amount_minor")) == [(1, 10000), (2, 9900), (1, 10000)]
    assert breaches("2026-03-01") == []


def test_a_period_that_is_missing_is_found_in_any_tier(company: Company) -> None:
    """Everything in the second tier, and February never billed."""
    tiers = [
        {"first_unit": 1, "last_unit": 10, "unit_price": "1000", "flat_fee": "0"},
        {"first_unit": 11, "last_unit": None, "unit_price": "900", "flat_fee": "0"},
    ]
    price = company.price(type="tiered_volume", tiers=tiers, unit_price=Decimal(0))
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(company.customer("Alice"), team, price, now=at("2026-01-01"), seats=20)
    subscription.billed_to_at = subscription.next_due_at = at("2026-02-01")
    subscription.save()
    run("2026-03-01")
    assert breaches("2026-03-01") == ["recurring lines tile their item's timeline"]


def test_a_month_that_costs_nothing_leaves_no_line(company: Company) -> None:
    """Three seats are free. Five in February, three in March and April, five from May on: April has no paper."""
    tiers = [
        {"first_unit": 1, "last_unit": 3, "unit_price": "0", "flat_fee": "0"},
        {"first_unit": 4, "last_unit": None, "unit_price": "1000", "flat_fee": "0"},
    ]
    price = company.price(type="tiered_volume", tiers=tiers, unit_price=Decimal(0))
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(company.customer("Alice"), team, price, now=at("2026-01-01"), seats=3)
    add_seats(subscription_id=subscription.id, seats=2, now=at("2026-01-20"))
    run("2026-02-01")
    remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-02-20"))
    run("2026-03-01")
    run("2026-04-01")
    add_seats(subscription_id=subscription.id, seats=2, now=at("2026-04-16"))
    run("2026-05-01")
    recurring = InvoiceLine.objects.filter(kind="recurring").order_by("period_start")
    assert [f"{line.period_start:%m}" for line in recurring] == ["02", "05"]  # March is on a credit note
    assert breaches("2026-05-01") == []
