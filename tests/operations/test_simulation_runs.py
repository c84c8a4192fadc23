"""A simulation of everybody: a row waits for a worker, who computes it in a snapshot and writes that row alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from billing.domain.forecast import forecast
from billing.models import SimulationRun
from billing.operations import simulating, simulation_runs
from billing.operations.supposing import Supposed
from core.errors import Invalid
from core.faults import VARIABLE, InjectedFault
from core.models import TestClock
from core.operations import SYSTEM
from subscriptions.models import Plan, Price
from tests.api.world import count_rows
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db
BEGIN, NOW = at("2026-01-31 10:17"), at("2026-03-10 08:00")
COMPUTED = "simulation.computed:raise"


class World:
    """Alice and Bob have a plan of 30.00 by the month, Charlie is on a test clock; 19 % tax, 30 days to pay."""

    def __init__(self) -> None:
        self.company: Company = make_company(vat_registered=True)
        self.company.tax("DE", "19")
        self.small: Price = self.company.price(unit_price=3000)
        self.big: Price = self.company.price(unit_price=4500)
        self.plan: Plan = self.company.plan("Team", self.small, self.big)
        clock = TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)
        for name, values in (("Alice", {}), ("Bob", {}), ("Charlie", {"test_clock": clock})):
            self.company.start(self.company.customer(name, **values), self.plan, self.small, now=BEGIN)

    def ask(self, months: int = 2, supposed: Supposed | None = None, **values: Any) -> SimulationRun:
        wanted = {"usage": Assumption.LAST_PERIOD, "payments": Payments.MADE, **values}
        return simulation_runs.request_simulation(months=months, supposed=supposed, now=NOW, actor=SYSTEM, **wanted)

    def suppose(self, price: Price, moment: str) -> Supposed:
        return Supposed(at(moment), None, self.plan.id, None, price.id)


@pytest.fixture
def world() -> World:
    return World()


def work(now: datetime = NOW) -> int:
    return simulation_runs.run_requested(clock=lambda: now)


def months(run: SimulationRun) -> list[tuple[Any, ...]]:
    run.refresh_from_db()
    assert run.result is not None
    names = ("month", "invoices", "credit_notes", "sub_total", "tax_total", "total", "cash")
    return [tuple(one[name] for name in names) for one in run.result["months"]]


def test_where_nobody_pays_everybody_is_dunned(world: World) -> None:
    """31 January's has been overdue since 3 March, and is found so on the 10th: 30 days later both are disabled."""
    run = world.ask(3, payments=Payments.FAIL)
    work()
    assert months(run) == [("2026-03", 4, 0, 12000, 2280, 14280, 0)]
    assert run.result is not None
    assert run.result["past_due"] == [{"currency": "EUR", "amount": 6 * 3570}]


def test_everybody_month_by_month(world: World) -> None:
    """28 February's is overdue for the run and comes in March; then 31 March and 30 April, each paid after 30 days.

    3000 and 570 tax for each of two; what was due before today is expected in no month.
    """
    run, before = world.ask(2), count_rows()
    assert (run.status, work(), work()) == ("waiting", 1, 0)
    assert months(run) == [
        ("2026-03", 4, 0, 12000, 2280, 14280, 0),
        ("2026-04", 2, 0, 6000, 1140, 7140, 7140 + 7140),
    ]
    assert (run.status, run.customers, run.failed, run.begun, run.started_at) == ("finished", 2, 0, 1, NOW)
    assert run.result is not None
    assert run.result["past_due"] == [{"currency": "EUR", "amount": 7140}]
    assert count_rows() == before


def test_a_change_of_all_on_a_plan(world: World) -> None:
    """From 31 March 4500 in place of 3000; in April the first of two is paid."""
    run = world.ask(1, world.suppose(world.big, "2026-03-31 10:17"))
    work()
    assert [(one[0], one[3]) for one in months(run)] == [("2026-03", 2 * 3000 + 2 * 4500), ("2026-04", 0)]


def test_a_change_whose_moment_came_while_it_waited_is_made_at_once(world: World) -> None:
    """Asked for 10 March, computed on the 11th: 20 of 31 days, -1935 + 2903 for each beside what is due."""
    run = world.ask(1, world.suppose(world.big, "2026-03-10 09:00"))
    work(NOW + timedelta(days=1))
    assert run.change_at == at("2026-03-10 09:00")
    assert months(run)[0][3] == 2 * (3000 - 1935 + 2903 + 4500)


def test_what_cannot_be_supposed_is_refused_and_nothing_stored(world: World) -> None:
    with pytest.raises(Invalid):
        world.ask(2, world.suppose(world.company.price(), "2026-05-01"))
    with pytest.raises(Invalid):
        world.ask(2, world.suppose(world.big, "2026-03-09"))
    assert not SimulationRun.objects.exists()


def test_who_cannot_be_computed_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def spoilt(case: Any, *rest: Any) -> Any:
        seen.append(case.account.customer_id)
        if len(seen) == 1:
            raise ZeroDivisionError("no")
        return forecast(case, *rest)

    monkeypatch.setattr(simulating, "forecast", spoilt)
    run = world.ask(1)
    work()
    assert [one[3] for one in months(run)] == [6000, 0]
    assert (run.customers, run.failed) == (2, 1)
    assert run.result is not None
    assert run.result["failures"] == [{"customer": str(seen[0]), "reason": "ZeroDivisionError: no"}]


class TestWorkers:
    def test_one_that_dies_leaves_it_to_the_next(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        run = world.ask(1)
        monkeypatch.setenv(VARIABLE, COMPUTED)
        with pytest.raises(InjectedFault):
            work()
        run.refresh_from_db()
        assert (run.status, run.begun, run.result) == ("running", 1, None)
        later = NOW + timedelta(hours=1)
        assert work(later) == 1
        assert [one[3] for one in months(run)] == [12000, 0]
        assert (run.status, run.begun, run.started_at) == ("finished", 2, later)

    def test_what_kills_three_is_told(self, world: World) -> None:
        run, other = world.ask(1), world.ask(1)
        SimulationRun.objects.filter(id=run.id).update(status="running", started_at=NOW, begun=3)
        assert work() == 1
        run.refresh_from_db()
        other.refresh_from_db()
        assert (run.status, other.status) == ("stopped", "finished")
        assert run.reason == "It was begun 3 times, and each time its worker died."

    @pytest.mark.parametrize("error", [ZeroDivisionError("no"), OperationalError("gone")])
    def test_what_fails_is_told_unless_the_database_was_gone(
        self, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(*_: Any, **__: Any) -> Iterator[Any]:
            raise error

        run = world.ask(1)
        monkeypatch.setattr(simulation_runs, "simulate_all", fail)
        if isinstance(error, OperationalError):
            with pytest.raises(OperationalError):
                work()
        else:
            assert work() == 1
        run.refresh_from_db()
        wanted = ("running", "") if isinstance(error, OperationalError) else ("stopped", "ZeroDivisionError: no")
        assert (run.status, run.reason) == wanted


@pytest.mark.django_db(transaction=True)
def test_one_works_at_a_time(world: World) -> None:
    """Another session holds the turn: whoever comes leaves, and the row waits."""
    run = world.ask(1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [simulation_runs._TURN])
            assert work() == 0
            run.refresh_from_db()
            assert run.status == "waiting"
            cursor.execute("SELECT pg_advisory_unlock(%s)", [simulation_runs._TURN])
        assert work() == 1
    finally:
        other.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


def test_it_is_kept_for_thirty_days(world: World) -> None:
    run = world.ask(1)
    work()
    waits = world.ask(1)
    assert simulation_runs.purge(now=NOW + timedelta(days=29)) == 0
    assert simulation_runs.purge(now=NOW + timedelta(days=30)) == 1
    assert not SimulationRun.objects.filter(id=run.id).exists()
    assert SimulationRun.objects.filter(id=waits.id).exists()


def test_the_database_knows_what_a_status_means(db: None) -> None:
    for wrong, name in (
        ({"status": "waiting", "started_at": NOW}, "status_has_its_moments"),
        ({"status": "finished", "started_at": NOW, "finished_at": NOW}, "result_or_a_reason"),
        ({"new_price_id": None, "change_at": NOW}, "says_whose_and_what"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            SimulationRun.objects.create(months=1, usage="none", created_at=NOW, **wrong)
