"""Killed at any moment and resumed, a billing run leaves what the undisturbed run leaves, row for row."""

import os
import random
import re
import secrets
import time
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from tqdm import tqdm

from billing.models import BillingRun
from billing.operations.runs import SILENCE, request_run, run_requested
from billing.run import engine
from billing.run.writing import write_pieces
from core.operations import SYSTEM
from core.services.folder import REPOSITORY
from customers.models import Agenda
from tests.faults.run_company import AS_OF, SIZE
from tests.faults.run_picture import assert_same
from tests.faults.run_stage import Stage, bill, charge, expire_leases, finish, the_stage
from tests.forked import KILLED, Worker, killed_at

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

RUN_POINTS = [
    "billing.claimed",
    "billing.proposed",
    "billing.drafts_written",
    "issuing.lines_written",
    "issuing.entries_written",
    "billing.vouchers_spent",
    "billing.subscriptions_settled",
    "billing.boundaries_moved",
    "billing.charges_scheduled",
    "issuing.numbered",
    "issuing.documents_written",
    "billing.written",
    "billing.committed",
]
CHARGE_POINTS = [
    "charging.claimed",
    "charging.before_call",
    "sandbox.captured",
    "charging.answered",
    "charging.settling",
    "charging.settled",
]
REQUESTED = "billing.requested"
# So small that the runs which are killed in their second chunk have enough to do.
SMALL_CHUNK = 4
RANDOM_KILLS = 10
MANY_KILLS = int(os.environ.get("RECKONER_KILLS", "1000"))
MANY_KILLS_SECONDS = float(os.environ.get("RECKONER_KILLS_SECONDS", "3600"))
SEED = int(os.environ.get("RECKONER_SEED") or secrets.randbelow(10**6))


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    return the_stage()


def bill_and_charge() -> None:
    bill()
    charge()


def count_due() -> int:
    return Agenda.objects.filter(due_at__lte=AS_OF).count()


def test_the_undisturbed_run_is_worth_comparing_with(stage: Stage) -> None:
    counts = {name: sum(rows.values()) for name, rows in stage.wanted.items()}
    assert counts["agenda"] == SIZE
    assert counts["invoices"] > 2 * SIZE
    # Every kind of thing a run writes is there, or a kill could not lose or double it.
    assert [name for name, count in counts.items() if not count] == ["parked"]
    lines = stage.wanted["lines"]
    assert {line[5] for line in lines} == {"recurring", "seats", "usage"}
    assert {line[9] for line in lines} == {0, 1}, "a late event makes a line of revision 1"
    assert {attempt[3] for attempt in stage.wanted["attempts"]} == {"succeeded", "failed", "scheduled"}
    assert counts["captures"] == counts["payments"]


def test_every_named_point_is_killed_at() -> None:
    code = [*(REPOSITORY / "billing").rglob("*.py"), *(REPOSITORY / "invoicing").rglob("*.py")]
    named = {name for path in code for name in re.findall(r'"((?:billing|issuing)\.[a-z_]+)"', path.read_text())}
    reached = {name for path in code for name in re.findall(r'\breach\("([a-z_.]+)"\)', path.read_text())}
    assert {name for name in reached if name in named} == {*RUN_POINTS, REQUESTED}
    assert {name for name in reached if name.startswith("charging.")} <= set(CHARGE_POINTS)


@pytest.mark.parametrize("points", [RUN_POINTS[first::3] for first in range(3)], ids=["0", "1", "2"])
def test_runs_killed_at_one_point_after_the_other(stage: Stage, points: list[str]) -> None:
    """Each run goes on where the last one was killed, and is killed itself: in its first chunk, then in its second."""
    with stage.due.copied():
        for which in (1, 2):
            for point in points:
                killed_at(f"{point}:kill@{which}", partial(bill, chunk=SMALL_CHUNK))
        finish()
        assert_same(stage.wanted, told=", ".join(points))


@pytest.mark.long
@pytest.mark.parametrize("point", RUN_POINTS)
def test_a_run_killed_at_a_point_and_resumed(stage: Stage, point: str) -> None:
    with stage.due.copied():
        killed_at(f"{point}:kill@1", bill)
        # The run that resumes is killed too, in its second chunk.
        killed_at(f"{point}:kill@2", bill)
        finish()
        assert_same(stage.wanted, told=point)


def test_a_requested_run_killed_once_it_was_claimed(stage: Stage) -> None:
    with stage.due.copied():
        request_run(now=AS_OF, actor=SYSTEM)
        killed_at(REQUESTED, partial(run_requested, clock=lambda: AS_OF))
        assert run_requested(clock=lambda: AS_OF + 2 * SILENCE) == 1
        finish()
        assert_same(stage.wanted, told=REQUESTED)


@pytest.mark.parametrize("points", [CHARGE_POINTS[first::2] for first in range(2)], ids=["0", "1"])
def test_charging_killed_at_one_point_after_the_other(stage: Stage, points: list[str]) -> None:
    with stage.billed.copied():
        for point in points:
            killed_at(f"{point}:kill@1", charge)
            expire_leases()
        finish()
        assert_same(stage.wanted, told=", ".join(points))


@pytest.mark.long
@pytest.mark.parametrize("point", CHARGE_POINTS)
def test_charging_killed_at_a_point_and_resumed(stage: Stage, point: str) -> None:
    with stage.billed.copied():
        killed_at(f"{point}:kill@1", charge)
        expire_leases()
        killed_at(f"{point}:kill@3", charge)
        finish()
        assert_same(stage.wanted, told=point)


def test_what_a_kill_leaves_is_whole_chunks(stage: Stage) -> None:
    with stage.due.copied():
        killed_at("billing.committed:kill@2", bill)
        assert count_due() == SIZE - 40
        killed_at("billing.written:kill@1", bill)
        assert count_due() == SIZE - 40


def test_the_command_killed_in_its_run_and_in_its_charges(stage: Stage) -> None:
    command = partial(call_command, "bill", "--as-of", AS_OF.isoformat())
    with stage.due.copied():
        killed_at("issuing.numbered", command)
        killed_at("sandbox.captured:kill@3", command)
        assert list(BillingRun.objects.order_by("id").values_list("status", flat=True)) == ["running", "finished"]
        assert Worker(command).end() == 0
        finish()
        assert_same(stage.wanted, told="the command")


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment_and_resumed(stage: Stage, number: int) -> None:
    chance = random.Random(SEED + number)  # noqa: S311 - moments, not secrets
    longest = stage.run_seconds
    while True:
        with stage.due.copied():
            delay = chance.uniform(0, longest)
            told = f"RECKONER_SEED={SEED}, kill {number}: after {delay:.4f} s"
            print(told)  # noqa: T201 - a failing moment can be tried again
            if kill_after(delay):
                finish()
                assert_same(stage.wanted, told=told)
                return
            # It was faster than the one that was timed.
            longest *= 0.8


def kill_after(seconds: float) -> bool:
    """Kill a worker so long after its start; False when it had ended before."""
    worker = Worker(bill_and_charge)
    time.sleep(seconds)
    worker.kill()
    code = worker.end()
    assert code in (0, KILLED)
    return code == KILLED


@pytest.mark.long
def test_a_thousand_kills(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Up to five kills on the way to each finished run, until the kills or the time is used up."""
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    deadline = time.monotonic() + MANY_KILLS_SECONDS
    with capsys.disabled(), tqdm(total=MANY_KILLS, unit="kill", desc=f"RECKONER_SEED={SEED}") as bar:
        while bar.n < MANY_KILLS and time.monotonic() < deadline:
            with stage.due.copied():
                delays = [chance.uniform(0, stage.run_seconds) for _ in range(chance.randint(1, 5))]
                bar.update(sum(kill_after(delay) for delay in delays))
                if chance.random() < 0.5:
                    expire_leases()
                finish()
                assert_same(stage.wanted, told=f"RECKONER_SEED={SEED}, kill {bar.n}: after {delays} s")
    assert bar.n >= MANY_KILLS


def test_a_session_that_the_database_ends_blames_no_customer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is restarted in mid-run: the run ends, but nobody is parked for it."""
    calls = []

    def end_session_once(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return write_pieces(*arguments, **options)

    monkeypatch.setattr(engine, "write_pieces", end_session_once)
    with stage.due.copied():
        with pytest.raises(OperationalError, match="terminating connection"):
            bill(chunk=1)
        finish()
        assert_same(stage.wanted, told="the end of its session")
