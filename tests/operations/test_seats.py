"""Adding and removing seats (Billing rules, section 5, Seats)."""

import uuid
from decimal import Decimal

import pytest

from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict, Invalid, NotFound
from core.models import OutboxEvent
from core.operations import Actor
from invoicing.models import InvoiceLine
from subscriptions.domain.change import MAXIMUM_SEATS
from subscriptions.models import ItemTerms, Subscription
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def team(company: Company) -> Subscription:
    """Three seats of 30.00 a month from 1 June."""
    price = company.price(type="unit")
    plan = company.plan("Team", price, per_seat=True)
    return company.start(company.customer("Alice"), plan, price, now=at("2026-06-01"), seats=3)


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def seats(subscription: Subscription) -> list[int]:
    """The seats after each change."""
    return list(ItemTerms.objects.filter(item__subscription=subscription).values_list("quantity", flat=True))


def billed() -> list[tuple[str, str, int]]:
    lines = InvoiceLine.objects.order_by("invoice__sequence", "position")
    return [(line.kind, f"{line.period_start:%m-%d}", line.amount_minor) for line in lines]


def test_one_added_to_three_makes_four(team: Subscription) -> None:
    add_seats(subscription_id=team.id, seats=1, now=at("2026-06-11"), actor=Actor("staff", name="Sam"))
    change = ItemTerms.objects.get(version=2)
    assert (change.delta, change.quantity, change.change, change.actor) == (1, 4, "added", "Sam")
    assert (change.from_at, change.recorded_at) == (at("2026-06-11"), at("2026-06-11"))
    event = OutboxEvent.objects.get(type="subscription.seats_changed")
    assert (event.object_id, event.payload) == (team.id, {"seats": 4, "previous": {"seats": 3}})


def test_two_of_three_removed_leave_one(team: Subscription) -> None:
    remove_seats(subscription_id=team.id, seats=2, now=at("2026-06-11"))
    change = ItemTerms.objects.get(version=2)
    assert (change.delta, change.quantity, change.change) == (-2, 1, "removed")


@pytest.mark.parametrize("removed", [3, 24])
def test_at_least_one_stays(team: Subscription, removed: int) -> None:
    with pytest.raises(Invalid) as refusal:
        remove_seats(subscription_id=team.id, seats=removed, now=at("2026-06-11"))
    assert "seats" in refusal.value.fields
    assert seats(team) == [3]


@pytest.mark.parametrize("number", [0, -1, MAXIMUM_SEATS])
def test_numbers_that_make_no_change_are_refused(team: Subscription, number: int) -> None:
    with pytest.raises(Invalid):
        add_seats(subscription_id=team.id, seats=number, now=at("2026-06-11"))
    assert seats(team) == [3]


def test_only_plans_per_seat_have_seats(company: Company) -> None:
    price = company.price()
    flat = company.start(company.customer("Bob"), company.plan("Flat", price), price, now=at("2026-06-01"))
    with pytest.raises(Invalid, match="not per seat"):
        add_seats(subscription_id=flat.id, seats=1, now=at("2026-06-11"))


@pytest.mark.parametrize("status", ["incomplete", "trial_ended", "paused", "blocked", "overdue_payment_disabled"])
def test_what_does_not_run_keeps_its_seats(team: Subscription, status: str) -> None:
    Subscription.objects.update(status=status)
    with pytest.raises(Conflict) as refusal:
        remove_seats(subscription_id=team.id, seats=1, now=at("2026-06-11"))
    assert refusal.value.code == "subscription_not_active"


def test_an_unknown_subscription_is_not_found() -> None:
    with pytest.raises(NotFound):
        add_seats(subscription_id=uuid.UUID(int=1), seats=1, now=at("2026-06-11"))


def test_the_next_boundary_bills_the_days(team: Subscription) -> None:
    add_seats(subscription_id=team.id, seats=1, now=at("2026-06-16"))
    remove_seats(subscription_id=team.id, seats=3, now=at("2026-06-21"))
    run("2026-07-01")
    assert billed() == [
        ("recurring", "06-01", 9000),
        ("seats", "06-16", 1500),
        ("seats", "06-21", -3000),
        ("recurring", "07-01", 3000),
    ]
    run("2026-08-01")
    assert billed()[4:] == [("recurring", "08-01", 3000)]


def test_seats_of_a_trial_are_charged_from_its_end(company: Company) -> None:
    price = company.price(type="unit")
    plan = company.plan("Team", price, per_seat=True, has_trial=True, trial_length_days=14)
    trial = company.start(company.customer("Alice"), plan, price, now=at("2026-06-01"), seats=2)
    add_seats(subscription_id=trial.id, seats=3, now=at("2026-06-10"))
    run("2026-06-15")
    assert billed() == [("recurring", "06-15", 15000)]


def test_a_change_that_waited_for_the_run_counts_from_what_it_billed(team: Subscription) -> None:
    """Asked for a second before the boundary, stored after the run had billed July with three seats.

    Dated before the boundary it would fall into June, which is billed, and July would never hear of the fourth seat.
    """
    run("2026-07-01")
    add_seats(subscription_id=team.id, seats=1, now=at("2026-06-30 23:59:59"))
    run("2026-08-01")
    assert billed() == [
        ("recurring", "06-01", 9000),
        ("recurring", "07-01", 9000),
        ("seats", "07-01", 3000),
        ("recurring", "08-01", 12000),
    ]


def test_changes_stay_in_their_order_when_clocks_disagree(team: Subscription) -> None:
    """The second change comes from a machine whose clock is behind."""
    add_seats(subscription_id=team.id, seats=2, now=at("2026-06-16 12:00:05"))
    remove_seats(subscription_id=team.id, seats=1, now=at("2026-06-16 12:00:00"))
    assert seats(team) == [3, 5, 4]
    run("2026-07-01")
    assert billed()[1:] == [("seats", "06-16", 1500), ("recurring", "07-01", 12000)]


def test_seats_of_a_yearly_plan_wait_for_the_year_though_its_usage_is_billed_each_month(company: Company) -> None:
    """Added a day before a monthly boundary of usage: the year's line comes once, with the year."""
    year = company.price(type="unit", interval="year", unit_price=Decimal(36500))
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    plan = company.plan("Year", year, per_seat=True)
    alice = company.customer("Alice")
    subscription = company.start(alice, plan, year, now=at("2026-01-31"), items=(calls,))
    add_seats(subscription_id=subscription.id, seats=1, now=at("2026-02-27"))
    for moment in ("2026-02-28", "2026-03-31", "2026-12-31"):
        run(moment)
    assert billed() == [("recurring", "01-31", 36500)]
    run("2027-01-31")
    assert billed()[1:] == [("seats", "02-27", 33800), ("recurring", "01-31", 73000)]
