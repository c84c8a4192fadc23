"""Tasks are hints: lost, doubled, cut off or sent by two schedulers, the rows end up the same."""

import pkgutil
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest
from django.conf import settings

from billing import tasks
from billing.operations import clocks
from billing.operations.clocks import ClockProgress, advance_clock
from core.errors import Conflict, Invalid
from core.faults import InjectedFault
from core.models import TestClock
from invoicing.models import Invoice, RevenueRecognition
from invoicing.operations import recognition
from invoicing.queries.recognition import sum_deferred
from ledger.models import Entry
from tests.cast import JANUARY, UNDUNNED, Company, at, make_company
from tests.faults.run_company import AS_OF
from tests.faults.run_picture import assert_same
from tests.faults.run_stage import Stage, expire_leases, the_stage
from tests.forked import Worker, at_once, killed_at, make_barrier

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

Groups = list[list[str]]
BEATS = 4
APRIL = at("2026-04-02")
HINTS: dict[str, Any] = {
    entry["task"].rpartition(".")[2]: pkgutil.resolve_name(entry["task"])
    for entry in settings.CELERY_BEAT_SCHEDULE.values()
}
"""What the scheduler sends."""


@pytest.fixture
def stage(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(tasks, "wall_now", lambda: AS_OF)
    return the_stage()


class OneAfterTheOther:
    """Each hint is handled once."""

    def __call__(self, hints: list[str]) -> Groups:
        return [[hint] for hint in hints]


class EachLostOnce:
    """The first hint of each task never arrives."""

    def __init__(self) -> None:
        self._lost: set[str] = set()

    def __call__(self, hints: list[str]) -> Groups:
        arrived = [[hint] for hint in hints if hint in self._lost]
        self._lost.update(hints)
        return arrived


class EachDoubled:
    """Each hint is handled twice, one after the other."""

    def __call__(self, hints: list[str]) -> Groups:
        return [[hint] for hint in hints for _ in range(2)]


class EachDoubledAtOnce:
    """Each hint is handled by two workers at the same time."""

    def __call__(self, hints: list[str]) -> Groups:
        return [[hint, hint] for hint in hints]


class TwoBeats:
    """Two schedulers send everything, and four workers handle it at the same time, in no order."""

    def __call__(self, hints: list[str]) -> Groups:
        return [hints * 2] if hints else []


class Backwards:
    """What was sent last is handled first."""

    def __call__(self, hints: list[str]) -> Groups:
        return [[hint] for hint in reversed(hints)]


CONDUCTS = (OneAfterTheOther, EachLostOnce, EachDoubled, EachDoubledAtOnce, TwoBeats, Backwards)


def beat(hand_out: Callable[[list[str]], Groups]) -> None:
    """Send what the scheduler sends, and hand it to workers, with what they send, until nothing is left."""
    hints = list(HINTS)
    while hints:
        sent: list[str] = []
        for group in hand_out(hints):
            works = [partial(work, hint) for hint in group]
            # One alone may as well be handled here.
            for said in at_once(*works) if len(works) > 1 else [works[0]()]:
                sent += said.split()
        hints = sent


def work(hint: str) -> str:
    """Handle a hint, and return the hints it sends."""
    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, task in HINTS.items():
            patch.setattr(task, "delay", partial(sent.append, name))
        HINTS[hint]()
    return " ".join(sent)


@pytest.mark.parametrize("conduct", CONDUCTS)
def test_whatever_becomes_of_hints_the_rows_are_the_same(stage: Stage, conduct: Callable[[], Any]) -> None:
    hand_out = conduct()
    with stage.due.copied():
        for _ in range(BEATS):
            beat(hand_out)
            # Time passes between two beats.
            expire_leases()
        assert_same(stage.wanted, told=conduct.__doc__)
        assert_months_are_recognised_once()


def assert_months_are_recognised_once() -> None:
    """Fail unless every month before AS_OF is recognised and posted, once, and holds what is deferred now."""
    months = RevenueRecognition.objects.values_list("brand_id", "currency", "month")
    assert len(months) == len(set(months)) > 0
    assert {one.month for one in RevenueRecognition.objects.order_by("-month")} >= {date(2026, 2, 1)}
    assert Entry.objects.filter(kind="recognition").count() == months.exclude(recognised_minor=0).count()
    assert recognition.recognise_revenue(now=AS_OF) == ()
    left = {(one.brand_id, one.currency): one.deferred_minor for one in months.model.objects.order_by("month")}
    assert {key: minor for key, minor in sum_deferred(date(2026, 2, 28)).items() if minor} == {
        key: minor for key, minor in left.items() if minor
    }


@pytest.mark.parametrize("hint", ["tick", "sweep"])
def test_a_worker_killed_with_a_hint_in_hand(stage: Stage, hint: str) -> None:
    point = {"tick": "issuing.numbered", "sweep": "charging.answered"}[hint]
    master = {"tick": stage.due, "sweep": stage.billed}[hint]
    with master.copied():
        killed_at(point, partial(work, hint))
        for _ in range(BEATS):
            expire_leases()
            beat(OneAfterTheOther())
        assert_same(stage.wanted, told=hint)


@pytest.fixture
def clock(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> TestClock:
    """A clock on 1 January on which Alice hangs: 30.00 a month."""
    monkeypatch.setattr(tasks, "wall_now", lambda: APRIL)
    company: Company = make_company(**UNDUNNED)
    clock = TestClock.objects.create(now_at=JANUARY, created_at=JANUARY)
    price = company.price()
    company.start(company.customer("Alice", test_clock=clock), company.plan("Team", price), price, now=JANUARY)
    return clock


def cut_off(progress: ClockProgress) -> None:
    raise InjectedFault("a process that does not go on")


def state_of(clock: TestClock) -> tuple[str, datetime, int]:
    clock.refresh_from_db()
    return clock.status, clock.now_at, Invoice.objects.count()


def test_an_advance_whose_hint_is_lost_is_finished_by_the_sweep(clock: TestClock) -> None:
    with pytest.raises(InjectedFault):
        advance_clock(clock_id=clock.id, to_at=APRIL, now=APRIL, progress=cut_off)
    assert state_of(clock)[0] == "advancing"
    assert state_of(clock)[1:] < (APRIL, 4)
    tasks.sweep()
    assert state_of(clock) == ("ready", APRIL, 4)
    tasks.sweep()
    assert state_of(clock) == ("ready", APRIL, 4)


@pytest.mark.parametrize("point", ["billing.claimed", "issuing.numbered", "billing.committed"])
def test_an_advance_that_is_killed_is_finished_by_the_sweep(clock: TestClock, point: str) -> None:
    killed_at(f"{point}:kill@2", partial(tasks.advance_test_clock, str(clock.id), APRIL.isoformat()))
    assert state_of(clock)[:2] == ("advancing", at("2026-03-01"))
    tasks.sweep()
    assert state_of(clock) == ("ready", APRIL, 4)


def test_an_advance_whose_hint_is_doubled_runs_once(clock: TestClock) -> None:
    tasks.advance_test_clock(str(clock.id), APRIL.isoformat())
    with pytest.raises(Invalid):
        tasks.advance_test_clock(str(clock.id), APRIL.isoformat())
    assert state_of(clock) == ("ready", APRIL, 4)


def test_two_workers_with_one_advance_and_a_sweep(clock: TestClock) -> None:
    def advance() -> str:
        try:
            tasks.advance_test_clock(str(clock.id), APRIL.isoformat())
        except (Conflict, Invalid) as refusal:
            return refusal.code
        return "advanced"

    said = at_once(advance, advance, tasks.sweep)
    assert said[2] == "None"
    assert "advanced" in said[:2] or "clock_advancing" in said[:2]
    assert state_of(clock) == ("ready", APRIL, 4)


def test_an_advance_that_somebody_works_on_is_left_to_them(clock: TestClock) -> None:
    TestClock.objects.filter(id=clock.id).update(status="advancing", target_at=APRIL)
    has_lock = make_barrier(2)

    def hold() -> None:
        with clocks._only_one(clock.id):
            has_lock.wait(30)
            has_lock.wait(30)

    worker = Worker(hold)
    has_lock.wait(30)
    tasks.sweep()
    assert state_of(clock) == ("advancing", JANUARY, 1)
    has_lock.wait(30)
    worker.result()
    tasks.sweep()
    assert state_of(clock) == ("ready", APRIL, 4)
