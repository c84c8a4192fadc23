"""What is told before it happens: cards that expire, trials that end, renewals; each once, at its moment."""

from datetime import datetime
from decimal import Decimal

import pytest

from billing.domain.announcing import Window
from billing.models import Announcement
from billing.operations import lifecycle
from billing.operations.announcing import announce
from billing.operations.cards import add_card
from billing.operations.clocks import advance_clock
from billing.operations.lifecycle import CancelCommand, CancelWhen
from core.models import OutboxEvent, TestClock
from core.operations import SYSTEM
from customers.models import Brand, Customer, PaymentMethod
from subscriptions.domain.voucher import VoucherWanted
from subscriptions.models import Subscription, VoucherRedemption
from subscriptions.operations.vouchers import create_voucher
from tests.cast import JANUARY, UNDUNNED, Company, at, make_company

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD = ("payment_method.expiring", "subscription.trial_ending", "subscription.renewing")


@pytest.fixture
def clock() -> TestClock:
    return TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)


@pytest.fixture
def company() -> Company:
    return make_company(time_zone="Europe/Berlin", **UNDUNNED)


def advance(moment: str) -> None:
    advance_clock(clock_id=TestClock.objects.get().id, to_at=at(moment), now=JANUARY)


def sweep(moment: str) -> int:
    return announce(Window(at(moment), at(moment)))


def told() -> list[tuple[str, datetime]]:
    facts = OutboxEvent.objects.filter(type__in=AHEAD).order_by("id")
    assert facts.count() == Announcement.objects.count()
    return [(fact.type.rpartition(".")[2], fact.created_at) for fact in facts]


def card_customer(company: Company, clock: TestClock | None, *, expiry: tuple[int, int]) -> Customer:
    """Alice is charged on the 15th of each month, with a card that expires."""
    alice = company.customer("Alice", test_clock=clock)
    card = company.card(alice)
    PaymentMethod.objects.filter(id=card.id).update(expiry_month=expiry[0], expiry_year=expiry[1])
    price = company.price()
    company.start(alice, company.plan("Team", price), price, now=JANUARY, alignment="calendar", billing_day=15)
    return alice


def trial(company: Company, clock: TestClock | None, days: int = 14) -> Subscription:
    price = company.price()
    plan = company.plan("Trial", price, has_trial=True, trial_length_days=days)
    return company.start(company.customer("Bob", test_clock=clock), plan, price, now=JANUARY)


def yearly(company: Company, clock: TestClock | None) -> Subscription:
    price = company.price(interval="year", unit_price=Decimal(30000))
    return company.start(company.customer("Bob", test_clock=clock), company.plan("Year", price), price, now=JANUARY)


def automatic_voucher() -> None:
    wanted = VoucherWanted(
        name="Thank you", type="percentage", percent=Decimal(10), entry="automatic", event="expired_card_added"
    )
    create_voucher(wanted, actor=SYSTEM, now=JANUARY)


def test_a_card_is_told_on_the_first_and_the_day_before_its_charge(company: Company, clock: TestClock) -> None:
    card_customer(company, clock, expiry=(3, 2026))
    advance("2026-02-28 22:59")
    assert told() == []
    advance("2026-06-20")
    # Days of Berlin, where the month begins an hour earlier and the charge comes at midnight.
    assert told() == [("expiring", at("2026-02-28 23:00")), ("expiring", at("2026-03-13 23:00"))]
    payload = OutboxEvent.objects.filter(type="payment_method.expiring").order_by("id")[0].payload
    assert (payload["expiry_month"], payload["charge_at"]) == (3, at("2026-03-14 23:00").isoformat())


def test_a_new_card_ends_it_and_redeems_what_was_promised(company: Company, clock: TestClock) -> None:
    automatic_voucher()
    alice = card_customer(company, clock, expiry=(3, 2026))
    advance("2026-03-02")
    assert add_card(customer_id=alice.id, token="tok_mastercard", now=at("2026-03-02")).is_default
    assert VoucherRedemption.objects.count() == 1
    advance("2026-06-20")
    assert [moment for _, moment in told()] == [at("2026-02-28 23:00")]


def test_a_card_that_nothing_is_charged_to_is_not_told(company: Company, clock: TestClock) -> None:
    alice = card_customer(company, clock, expiry=(3, 2026))
    lifecycle.cancel_subscription(
        subscription_id=Subscription.objects.get(customer=alice).id,
        command=CancelCommand(CancelWhen.END_OF_RUN),
        now=JANUARY,
    )
    advance("2026-04-20")
    assert told() == []


def test_a_trial_is_told_once_seven_days_ahead(company: Company, clock: TestClock) -> None:
    trial(company, clock)
    advance("2026-01-07 23:00")
    assert told() == []
    advance("2026-01-08")
    assert told() == [("trial_ending", at("2026-01-08"))]
    advance("2026-03-20")
    assert len(told()) == 1


def test_a_short_trial_is_told_at_its_start_and_one_that_is_cancelled_is_not(company: Company) -> None:
    subscription = trial(company, None, days=3)
    lifecycle.cancel_subscription(
        subscription_id=subscription.id, command=CancelCommand(CancelWhen.END_OF_RUN), now=JANUARY
    )
    assert sweep("2026-01-02") == 0
    lifecycle.undo_cancel(subscription_id=subscription.id, now=JANUARY)
    assert (sweep("2026-01-02"), sweep("2026-01-02")) == (1, 0)
    assert told() == [("trial_ending", at("2026-01-02"))]


def test_each_renewal_of_a_year_is_told_thirty_days_ahead(company: Company, clock: TestClock) -> None:
    yearly(company, clock)
    advance("2028-01-02")
    assert told() == [("renewing", at("2026-12-02")), ("renewing", at("2027-12-02"))]


def test_a_month_is_not_told_nor_what_ends_or_costs_nothing(company: Company) -> None:
    ends = yearly(company, None)
    lifecycle.cancel_subscription(subscription_id=ends.id, command=CancelCommand(CancelWhen.END_OF_RUN), now=JANUARY)
    month, free = company.price(), company.price(interval="year", unit_price=Decimal(0))
    for name, price in (("Month", month), ("Free", free)):
        company.start(company.customer(name), company.plan(name, price), price, now=JANUARY)
    Subscription.objects.filter(plan__name="Month").update(current_period_end=at("2027-01-01"))
    assert sweep("2026-12-20") == 0
    Subscription.objects.filter(id=ends.id).update(status="active", cancel_at=None)
    assert sweep("2026-12-20") == 1


def test_a_brand_says_what_is_told_and_how_long_ahead(company: Company) -> None:
    trial(company, None)
    price = company.price(interval="year")
    company.start(company.customer("Carol"), company.plan("Year", price), price, now=JANUARY)
    card_customer(company, None, expiry=(1, 2026))
    PaymentMethod.objects.update(created_at=at("2025-12-01"))
    off = {"announce_trial_days": 0, "announce_renewal_days": 0, "announce_expiring_cards": False}
    Brand.objects.update(**off)
    assert (sweep("2026-01-14"), sweep("2026-12-31")) == (0, 0)
    Brand.objects.update(announce_trial_days=2, announce_renewal_days=45, announce_expiring_cards=True)
    assert [sweep(moment) for moment in ("2026-01-12", "2026-01-13", "2026-11-16", "2026-11-17")] == [1, 1, 0, 1]
    assert [type_ for type_, _ in told()] == ["expiring", "trial_ending", "renewing"]
