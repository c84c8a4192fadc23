"""Several billing runs at once bill what one bills. The controls show what the lock and the constraint each do."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum

from billing.models import PaymentAttempt
from billing.operations import claiming
from billing.operations.agenda import refresh_agenda
from billing.run import engine
from billing.run.claiming import CHUNK, Scope, claim, list_due
from billing.run.engine import Tally, World, run_billing
from billing.run.parallel import bill_in_processes
from customers import queries as customer_queries
from customers.models import Agenda, Brand, Customer
from invoicing.models import InvoiceLine, NumberSeries
from invoicing.operations import issuing
from invoicing.operations.numbering import ensure_series
from subscriptions.models import Metric, Subscription
from tests.cast import JANUARY, Company, at, make_company
from tests.faults.run_company import AS_OF, SIZE
from tests.faults.run_picture import assert_same
from tests.faults.run_stage import SCOPE, Stage, bill, charge, finish, the_stage
from tests.forked import PATIENCE_SECONDS, Worker, at_once, make_barrier

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    return the_stage()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count_due() -> int:
    return Agenda.objects.filter(due_at__lte=AS_OF).count()


def count_waiting() -> int:
    """Count the sessions of this database that wait for a lock."""
    with connection.cursor() as cursor:
        # A transaction sees the activity as it was when it first asked.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def ids_of(kind: str) -> tuple[uuid.UUID, ...]:
    return tuple(Customer.objects.filter(name__startswith=f"{kind} ").order_by("id").values_list("id", flat=True))


def remove_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs claim by a plain SELECT, and two of them read the same customers before either writes."""
    both_have_read = make_barrier(2)
    unread = [True]

    def read_without_lock(scope: Scope, *, limit: int = CHUNK, wait: bool = False) -> list[uuid.UUID]:
        found = list_due(scope)[:limit]
        if unread:
            unread.clear()
            both_have_read.wait(PATIENCE_SECONDS)
        return found

    monkeypatch.setattr(engine, "claim", read_without_lock)


def note_refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that will hold what the database said when it refused a chunk."""
    refusals: list[str] = []
    in_halves = engine._bill_in_halves

    def note(scope: Scope, world: World, customer_ids: list[uuid.UUID], failure: Exception) -> Tally:
        refusals.append(str(failure))
        return in_halves(scope, world, customer_ids, failure)

    monkeypatch.setattr(engine, "_bill_in_halves", note)
    return refusals


def test_four_workers_do_what_one_does(stage: Stage) -> None:
    with stage.due.copied():
        billed = [int(count) for count in at_once(*[lambda: bill(chunk=4).customers] * 4)]
        assert sum(billed) == SIZE
        assert sum(count > 0 for count in billed) > 1, "they did not share the work"
        at_once(*[charge] * 4)
        finish()
        assert_same(stage.wanted, told="four workers")


def test_workers_who_take_each_other_for_dead_charge_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that run out at once: every worker takes over what the others are calling the provider for."""
    monkeypatch.setattr(claiming, "LEASE", timedelta(0))
    monkeypatch.setattr(settings, "SANDBOX_LATENCY_MS", 20)
    with stage.billed.copied():
        at_once(*[charge] * 4)
        assert any(calls > 1 for calls in PaymentAttempt.objects.values_list("calls", flat=True))
        monkeypatch.undo()
        finish()
        assert_same(stage.wanted, told="workers who take each other for dead")


def test_two_runs_of_one_instant_bill_nothing_twice(stage: Stage) -> None:
    with stage.due.copied():
        billed = [int(count) for count in at_once(*[lambda: bill(chunk=CHUNK).customers] * 2)]
        assert sorted(billed) == [0, SIZE]
        finish()
        assert_same(stage.wanted, told="two runs at once")


def test_control_without_the_lock_the_constraint_alone_holds(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_lock(monkeypatch)
    refusals = note_refusals(monkeypatch)
    with stage.due.copied():
        said = at_once(*[lambda: (bill(chunk=CHUNK), refusals)[1]] * 2)
        # Both went for the same customers: the second was refused, and found nothing due when it looked again. Which
        # of the guards stood in its way depends on what it wrote first.
        assert sorted(refusal != "[]" for refusal in said) == [False, True]
        monkeypatch.undo()
        finish()
        assert_same(stage.wanted, told="two runs without a lock")


def test_control_without_lock_and_constraint_everything_is_billed_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_lock(monkeypatch)
    with stage.due.copied():
        # A draft that a run issues is held by a guard of its own.
        patient = set(Customer.objects.filter(brand__grace_days__gt=0).values_list("id", flat=True))
        customer_ids = tuple(one for one in ids_of("by_invoice") if one not in patient)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE invoicing_invoiceline DROP CONSTRAINT a_charge_is_billed_once")
        before = InvoiceLine.objects.count()
        # The first line of each was there before the run.
        once = sum(line[0] in customer_ids for line in stage.wanted["lines"].elements()) - len(customer_ids)
        at_once(*[lambda: bill(scope=replace(SCOPE, customer_ids=customer_ids))] * 2)
        assert InvoiceLine.objects.count() - before == 2 * once


def test_a_customer_whom_somebody_holds_is_waited_for(stage: Stage) -> None:
    with stage.due.copied():
        is_held = make_barrier(2)
        worker = Worker(lambda: (is_held.wait(PATIENCE_SECONDS), bill().customers)[1])
        with transaction.atomic():
            customer = customer_queries.lock_customer(ids_of("by_invoice")[0])
            is_held.wait(PATIENCE_SECONDS)
            wait_until(lambda: count_due() == 1 and count_waiting() == 1)
            assert not worker.has_ended()
            # Whoever holds a customer moves its agenda next: the waiting run must not hold that against it.
            refresh_agenda(customer)
        assert worker.result() == str(SIZE)
        finish()
        assert_same(stage.wanted, told="a customer held by somebody")


def test_a_customer_whom_somebody_holds_is_passed_by_without_a_trace(stage: Stage) -> None:
    """A run that skips a customer does not keep its agenda locked until the chunk commits."""
    with stage.due.copied():
        (held,) = ids_of("by_invoice")[:1]
        has_claimed, may_go_on = make_barrier(2), make_barrier(2)

        def claim_and_wait() -> int:
            with transaction.atomic():
                has_claimed.wait(PATIENCE_SECONDS)
                claimed = claim(SCOPE)
                has_claimed.wait(PATIENCE_SECONDS)
                may_go_on.wait(PATIENCE_SECONDS)
            return len(claimed)

        worker = Worker(claim_and_wait)
        with transaction.atomic():
            customer = customer_queries.lock_customer(held)
            has_claimed.wait(PATIENCE_SECONDS)
            has_claimed.wait(PATIENCE_SECONDS)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
            refresh_agenda(customer)
        may_go_on.wait(PATIENCE_SECONDS)
        assert worker.result() == str(SIZE - 1)


def test_a_process_that_dies_leaves_its_work_to_the_others(stage: Stage) -> None:
    with stage.due.copied():
        is_held = make_barrier(2)
        run = Worker(lambda: (is_held.wait(PATIENCE_SECONDS), bill_in_processes(SCOPE, workers=2).parked)[1])
        with transaction.atomic():
            customer_queries.lock_customer(ids_of("by_invoice")[0])
            is_held.wait(PATIENCE_SECONDS)
            # Both are at the end of their runs, where they wait for the customer who is held.
            wait_until(lambda: count_waiting() == 2)
            os.kill(spawned_by(run.pid)[0], signal.SIGKILL)
        assert run.result() == "0"
        assert count_due() == 0
        finish()
        assert_same(stage.wanted, told="a process that died")


def spawned_by(pid: int) -> list[int]:
    """Return the processes that a process has started to do its work."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_events_under_way_while_a_run_passes_are_billed_by_the_next(stage: Stage) -> None:
    next_run = Scope(as_of=at("2026-04-05"), now=at("2026-04-05"))
    with stage.due.copied():
        bill()
        without = usage_of_february()
    with stage.due.copied():
        store_events(threading.Event(), threading.Event(), is_held=False)
        bill()
        in_time = usage_of_february()
        run_billing(next_run)
        assert usage_of_february() == in_time > without
    with stage.due.copied(), ThreadPoolExecutor(1) as pool:
        are_stored, may_commit = threading.Event(), threading.Event()
        intake = pool.submit(store_events, are_stored, may_commit, is_held=True)
        assert are_stored.wait(PATIENCE_SECONDS)
        # The run neither sees them nor waits for them.
        bill()
        assert count_due() == 0
        assert usage_of_february() == without
        may_commit.set()
        intake.result()
        run_billing(next_run)
        assert usage_of_february() == in_time
        run_billing(next_run)
        assert usage_of_february() == in_time


def store_events(are_stored: threading.Event, may_commit: threading.Event, *, is_held: bool) -> None:
    """Store usage of February in one transaction, which is held open until told otherwise."""
    subscription = Subscription.objects.get(customer__name="with_usage 2")
    metric = Metric.objects.get(code="calls")
    rows = [(subscription.id, f"under way {n}", metric.id, n + 1, at(f"2026-02-{n + 2:02}"), AS_OF) for n in range(20)]
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO usage_event (subscription_id, event_id, metric_id, value, timestamp, received_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    rows,
                )
            are_stored.set()
            assert not is_held or may_commit.wait(PATIENCE_SECONDS)
    finally:
        if is_held:
            connection.close()


def usage_of_february() -> int:
    """Return what that customer was billed for its usage of February, in minor units."""
    lines = InvoiceLine.objects.filter(
        subscription__customer__name="with_usage 2", kind="usage", period_start=at("2026-02-01")
    )
    return int(lines.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def test_series_are_made_in_one_order_by_everybody(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs that make the first series of several brands in different orders would wait for each other."""
    price = company.price()
    trial = company.plan("Trial", price, has_trial=True, trial_length_days=14)
    for number in range(6):
        brand = Brand.objects.create(
            code=f"brand-{number}", name="", country="DE", created_at=JANUARY, updated_at=JANUARY
        )
        other = Company(brand, company.product)
        other.start(other.customer(f"Customer {number}"), trial, price, now=JANUARY)
    made: list[uuid.UUID] = []

    def note(*, brand: Brand, kind: str, now: datetime) -> NumberSeries:
        made.append(brand.id)
        return ensure_series(brand=brand, kind=kind, now=now)

    monkeypatch.setattr(issuing, "ensure_series", note)
    assert run_billing(Scope(as_of=at("2026-01-15"), now=at("2026-01-15"))).invoices == 6
    assert made == sorted(made)
    assert len(made) == 6


@pytest.fixture
def company() -> Company:
    return make_company()
