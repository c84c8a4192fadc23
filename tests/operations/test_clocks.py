"""A test clock moves only ahead, and finishes what was cut off."""

from typing import Any

import pytest

from billing.models import PaymentAttempt
from billing.operations import charging
from billing.operations.clocks import advance_clock
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core.errors import Conflict, Invalid, NotFound
from core.identifiers import new_id
from core.models import TestClock
from invoicing.models import Invoice
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db
START = at("2026-01-01")


@pytest.fixture
def clock() -> TestClock:
    return TestClock.objects.create(now_at=START, created_at=START)


@pytest.fixture
def company() -> Company:
    return make_company()


def test_each_renewal_carries_its_own_date(company: Company, clock: TestClock) -> None:
    price = company.price()
    bob = company.customer("Bob", test_clock=clock)
    company.card(bob)
    company.start(bob, company.plan("Team", price), price, now=START)
    advance_clock(clock_id=clock.id, to_at=at("2026-03-15"), now=at("2030-01-01"))
    dates = Invoice.objects.order_by("sequence").values_list("issue_date", "paid_at")
    assert list(dates) == [(at(day).date(), at(day)) for day in ("2026-01-01", "2026-02-01", "2026-03-01")]
    clock.refresh_from_db()
    assert (clock.now_at, clock.status, clock.target_at) == (at("2026-03-15"), "ready", None)


def test_an_advance_cut_off_before_the_charge_is_finished(
    company: Company, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = company.price()
    bob = company.customer("Bob", test_clock=clock)
    company.card(bob)
    company.start(bob, company.plan("Team", price), price, now=START)
    real = charging.charge_due

    def cut_off(moment: Any, **options: Any) -> Any:
        if moment > START:
            raise ConnectionError("the provider's host is gone")
        return real(moment, **options)

    monkeypatch.setattr(charging, "charge_due", cut_off)
    with pytest.raises(ConnectionError):
        advance_clock(clock_id=clock.id, to_at=at("2026-02-01"), now=START)
    clock.refresh_from_db()
    assert (clock.status, clock.now_at) == ("failed", at("2026-02-01"))
    assert PaymentAttempt.objects.filter(status="scheduled").count() == 1
    monkeypatch.undo()
    advance_clock(clock_id=clock.id, to_at=at("2026-02-01"), now=START)
    assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}


def test_where_nothing_is_left_an_advance_begins_with_no_round(
    company: Company, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = company.price()
    bob = company.customer("Bob", test_clock=clock)
    company.start(bob, company.plan("Team", price), price, now=START)
    rounds: list[Any] = []
    real = charging.charge_due

    def noted(moment: Any, **options: Any) -> Any:
        rounds.append(moment)
        return real(moment, **options)

    monkeypatch.setattr(charging, "charge_due", noted)
    for day in ("2026-01-10", "2026-01-20", "2026-02-01"):
        advance_clock(clock_id=clock.id, to_at=at(day), now=START)
    assert rounds == [at("2026-02-01")]


def test_a_clock_never_goes_back(clock: TestClock) -> None:
    with pytest.raises(Invalid):
        advance_clock(clock_id=clock.id, to_at=at("2025-12-31"), now=START)
    with pytest.raises(NotFound):
        advance_clock(clock_id=new_id(), to_at=at("2026-12-31"), now=START)


def test_a_clock_on_its_way_elsewhere_is_left_alone(clock: TestClock) -> None:
    TestClock.objects.filter(id=clock.id).update(status="advancing", target_at=at("2026-05-01"))
    with pytest.raises(Conflict):
        advance_clock(clock_id=clock.id, to_at=at("2026-06-01"), now=START)


def test_customers_on_a_clock_are_left_out_of_the_real_run(company: Company, clock: TestClock) -> None:
    price = company.price()
    alice = company.customer("Alice", test_clock=clock)
    company.start(alice, company.plan("Team", price), price, now=START)
    assert run_billing(Scope(at("2026-06-01"), at("2026-06-01"))) == Tally()
