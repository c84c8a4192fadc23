"""Turn a test clock: everything due on the way runs in order, each at its own moment."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from billing.domain.announcing import Window
from billing.operations import announcing, charging, dunning, first_invoices, mass_changes
from billing.queries.dunning import list_overdue_invoice_ids, next_overdue_at
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core.errors import Conflict, Invalid, NotFound
from core.models import TestClock
from core.operations_instance import require_running

NEXT_MOMENT = """
SELECT least(
    (SELECT min(agenda.due_at) FROM customers_agenda agenda
     WHERE agenda.test_clock_id = %(clock)s AND agenda.due_at <= %(target)s
       AND (agenda.retry_at IS NULL OR agenda.retry_at <= %(now)s)),
    (SELECT min(attempt.due_at) FROM billing_paymentattempt attempt
     JOIN customers_customer customer ON customer.id = attempt.customer_id
     WHERE customer.test_clock_id = %(clock)s AND attempt.status = 'scheduled'
       AND attempt.due_at > %(clock_now)s AND attempt.due_at <= %(target)s),
    (SELECT min(mass.due_at) FROM billing_masschange mass
     WHERE mass.test_clock_id = %(clock)s AND mass.status IN ('scheduled', 'running')
       AND mass.due_at > %(clock_now)s AND mass.due_at <= %(target)s),
    (SELECT min(process.next_at) FROM billing_dunningprocess process
     JOIN customers_customer customer ON customer.id = process.customer_id
     WHERE customer.test_clock_id = %(clock)s AND process.next_at <= %(target)s
       AND (process.held_until IS NULL OR process.held_until <= %(now)s)),
    (SELECT %(overdue)s::timestamptz WHERE %(overdue)s::timestamptz <= %(target)s)
)
"""
# A charge under way counts whatever its moment: its worker may be dead.
IS_WORK = """
SELECT EXISTS (SELECT FROM customers_agenda agenda
               WHERE agenda.test_clock_id = %(clock)s AND agenda.due_at <= %(at)s
                 AND (agenda.retry_at IS NULL OR agenda.retry_at <= %(now)s))
    OR EXISTS (SELECT FROM billing_masschange mass
               WHERE mass.test_clock_id = %(clock)s AND mass.due_at <= %(at)s
                 AND mass.status IN ('scheduled', 'running'))
    OR EXISTS (SELECT FROM billing_paymentattempt attempt
               JOIN customers_customer customer ON customer.id = attempt.customer_id
               WHERE customer.test_clock_id = %(clock)s
                 AND (attempt.status = 'calling' OR (attempt.status = 'scheduled' AND attempt.due_at <= %(at)s)))
    OR EXISTS (SELECT FROM billing_dunningprocess process
               JOIN customers_customer customer ON customer.id = process.customer_id
               WHERE customer.test_clock_id = %(clock)s AND process.next_at <= %(at)s
                 AND (process.held_until IS NULL OR process.held_until <= %(now)s))
"""


@dataclass(frozen=True, slots=True)
class ClockProgress:
    """How far an advance has come."""

    now_at: datetime
    tally: Tally


def advance_clock(
    *,
    clock_id: uuid.UUID,
    to_at: datetime,
    now: datetime,
    progress: Callable[[ClockProgress], None] | None = None,
) -> TestClock:
    """Move a clock to `to_at`, due moment by due moment: renewals, mass changes, dunning, then the charges they bring.

    Interrupted, it can be called again with the same target. `now` is the wall's moment. Raises NotFound, Invalid when
    the target is not ahead, Conflict while another advance goes elsewhere or runs, InstanceHeld.
    """
    require_running()
    _begin(clock_id, to_at)
    with _only_one(clock_id):
        try:
            _step_through(clock_id, to_at, now, progress or (lambda _: None))
        except Exception as error:
            TestClock.objects.filter(id=clock_id).update(
                status=TestClock.Status.FAILED, failure_reason=f"{type(error).__name__}: {error}"
            )
            raise
        TestClock.objects.filter(id=clock_id).update(
            now_at=to_at, target_at=None, status=TestClock.Status.READY, failure_reason=""
        )
    return TestClock.objects.get(id=clock_id)


def _step_through(
    clock_id: uuid.UUID, to_at: datetime, now: datetime, progress: Callable[[ClockProgress], None]
) -> None:
    """Run every due moment up to the target, the clock standing at each; first what a cut-off advance left behind."""
    tally = Tally()
    at = announced_to = TestClock.objects.get(id=clock_id).now_at
    # A clock that is turned often stands mostly where nothing is left: one question instead of a round that finds none.
    is_work = _is_work(clock_id, at, now)
    while True:
        if is_work:
            tally = tally.plus(run_billing(Scope(as_of=at, now=now, test_clock_id=clock_id)))
            mass_changes.run_due(at, test_clock_id=clock_id)
            while dunning.run_due(at, wall_now=now, test_clock_id=clock_id) >= dunning.STEPS_A_SWEEP:
                pass
            charging.charge_due(at, test_clock_id=clock_id)
        progress(ClockProgress(at, tally))
        moment = _next_moment(clock_id, at, to_at, now)
        if moment is None:
            break
        if moment - announced_to >= announcing.EVERY:
            announcing.announce(Window(announced_to, moment), test_clock_id=clock_id)
            announced_to = moment
        at = max(moment, at)
        TestClock.objects.filter(id=clock_id).update(now_at=at)
        is_work = True
    announcing.announce(Window(announced_to, to_at), test_clock_id=clock_id)
    TestClock.objects.filter(id=clock_id).update(now_at=to_at)
    first_invoices.abandon_stale(now=now)


def finish_advances(*, now: datetime) -> None:
    """Go on with every advance that was cut off: its process died, or the hint that should have finished it was lost.

    `now` is the wall's moment. An advance that somebody works on is left to them.
    """
    for clock in TestClock.objects.filter(status=TestClock.Status.ADVANCING).order_by("id"):
        # Refused: somebody is on it, or was faster.
        with suppress(Conflict, Invalid):
            advance_clock(clock_id=clock.id, to_at=clock.target_at or clock.now_at, now=now)


def _begin(clock_id: uuid.UUID, to_at: datetime) -> None:
    """Note where the clock is going, so that an advance that is cut off can be finished."""
    with transaction.atomic(durable=True):
        clock = TestClock.objects.select_for_update().filter(id=clock_id).first()
        if clock is None:
            raise NotFound(f"No test clock has the id {clock_id}.")
        if to_at < clock.now_at or (to_at == clock.now_at and clock.status == TestClock.Status.READY):
            raise Invalid("A clock only moves ahead.", fields={"now": f"It is {clock.now_at.isoformat()} already."})
        if clock.status == TestClock.Status.ADVANCING and clock.target_at != to_at:
            raise Conflict(f"The clock is advancing to {clock.target_at}.", code="clock_advancing")
        clock.target_at, clock.status = to_at, TestClock.Status.ADVANCING
        clock.save(update_fields=["target_at", "status"])


@contextmanager
def _only_one(clock_id: uuid.UUID) -> Iterator[None]:
    """Hold a clock while it advances; the lock goes with the session, so a killed process leaves none behind."""
    key = clock_id.int % 2**63
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise Conflict("The clock is advancing already.", code="clock_advancing")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _is_work(clock_id: uuid.UUID, at: datetime, now: datetime) -> bool:
    """Tell whether anything of this clock's customers is due where it stands, or a charge of theirs is under way."""
    with connection.cursor() as cursor:
        cursor.execute(IS_WORK, {"clock": clock_id, "at": at, "now": now})
        is_work = bool(cursor.fetchone()[0])
    return is_work or bool(list_overdue_invoice_ids(at, wall_now=now, test_clock_id=clock_id, limit=1))


def _next_moment(clock_id: uuid.UUID, at: datetime, target: datetime, now: datetime) -> datetime | None:
    """Return the next moment at which something of this clock's customers is due, None when nothing is on the way."""
    with connection.cursor() as cursor:
        overdue_at = next_overdue_at(clock_id, after=at)
        moments: dict[str, uuid.UUID | datetime | None] = {
            "clock": clock_id,
            "clock_now": at,
            "target": target,
            "now": now,
            "overdue": overdue_at,
        }
        cursor.execute(NEXT_MOMENT, moments)
        moment: datetime | None = cursor.fetchone()[0]
        return moment
