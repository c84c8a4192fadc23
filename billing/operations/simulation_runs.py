"""Simulate everybody when asked for over the API: a row waits for a worker, and holds what came of it.

Only that row is written; what is simulated is read in a snapshot in which PostgreSQL refuses every write.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction

from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from billing.domain.forecast_totals import Totals
from billing.models import SimulationRun
from billing.operations.simulating import Failed, Simulation, one_snapshot, simulate_all
from billing.operations.supposing import Supposed, suppose
from core.errors import BillingError
from core.faults import reach
from core.operations import Actor, AuditDraft, record_audit
from core.operations_idempotency import remember_resources, resumed_resource

KEPT_FOR = timedelta(days=30)
"""How long a result can be read after its end."""
MOST_BEGUN = 3
"""Whatever kills its worker so often is told, not tried for ever."""
LONGEST_REASON = 400
RESOURCE = "simulation"
_TURN = 0x51304C4154
"""The advisory lock under which one simulation after the other is computed: each may take a core for minutes."""

logger = logging.getLogger(__name__)


def request_simulation(
    *, months: int, usage: Assumption, payments: Payments, supposed: Supposed | None, now: datetime, actor: Actor
) -> SimulationRun:
    """Ask for a simulation of everybody on the wall clock, with a change in thought of all on a plan or none.

    Asked again after a crash with the same Idempotency-Key, it is the same one. Raises Invalid as `suppose` does.
    """
    if supposed is not None:
        suppose(supposed, customer_id=None, now=now)
    resumed = resumed_resource(RESOURCE)
    if resumed is not None:
        return SimulationRun.objects.get(id=resumed)
    change = {} if supposed is None else _columns(supposed)
    with transaction.atomic():
        made = SimulationRun.objects.create(
            months=months, usage=usage.value, payments=payments.value, created_at=now, **change
        )
        remember_resources(**{RESOURCE: made.id})
        record_audit(actor, [AuditDraft("simulation.requested", "simulation", made.id)], recorded_at=now)
    return made


def _columns(supposed: Supposed) -> dict[str, uuid.UUID | datetime | None]:
    """Return a change in thought as a row keeps it."""
    return {
        "plan_id": supposed.plan_id,
        "new_plan_id": supposed.new_plan_id,
        "new_price_id": supposed.new_price_id,
        "change_at": supposed.at,
    }


def run_requested(*, clock: Callable[[], datetime]) -> int:
    """Do the simulations that were asked for, oldest first, and return how many ended here.

    One whose worker died is done again from its beginning. Whoever comes while another works leaves at once.
    """
    ended = 0
    with _turn() as is_ours:
        while is_ours and (run := _begin(clock())) is not None:
            _carry_out(run, clock)
            ended += 1
    return ended


def purge(*, now: datetime) -> int:
    """Delete the simulations that were kept long enough, and return their number."""
    deleted, _ = SimulationRun.objects.filter(finished_at__lte=now - KEPT_FOR).delete()
    return deleted


@contextmanager
def _turn() -> Iterator[bool]:
    """Take the turn to simulate, unless somebody has it; the lock goes with the session, whatever becomes of us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_TURN])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_TURN])


def _begin(now: datetime) -> SimulationRun | None:
    """Take the oldest simulation that has not ended; None when there is none. Holding the turn, nobody else has it.

    One that was begun too often without an end is stopped.
    """
    for run in SimulationRun.objects.filter(status__in=["waiting", "running"]).order_by("id"):
        run.started_at = now
        if run.begun >= MOST_BEGUN:
            _end(run, now, reason=f"It was begun {run.begun} times, and each time its worker died.")
            continue
        run.status, run.begun = SimulationRun.Status.RUNNING, run.begun + 1
        run.save(update_fields=["status", "begun", "started_at"])
        return run
    return None


def _carry_out(run: SimulationRun, clock: Callable[[], datetime]) -> None:
    """Simulate, and keep what came of it. Raises OperationalError when the database is gone: it is done again then."""
    reach("simulation.begun")
    try:
        totals = _simulate(run)
    except OperationalError:
        raise
    except BillingError as refusal:
        _end(run, clock(), reason=refusal.message)
    except Exception as failure:
        logger.exception("a simulation failed", extra={"simulation": str(run.id)})
        _end(run, clock(), reason=f"{type(failure).__name__}: {failure}".strip())
    else:
        reach("simulation.computed")
        _end(run, clock(), totals=totals)


def _simulate(run: SimulationRun) -> Totals:
    """Return what everybody's future comes to, from the moment the run began. Raises what `suppose` does."""
    now = run.started_at
    assert now is not None  # noqa: S101 - it has begun, says a constraint
    totals = Totals()
    with one_snapshot():
        what_if = None
        if run.plan_id is not None:
            at = max(run.change_at or now, now)
            supposed = Supposed(at, None, run.plan_id, run.new_plan_id, run.new_price_id)
            what_if = suppose(supposed, customer_id=None, now=now)
        wanted = Simulation(now, run.months, Assumption(run.usage), what_if, Payments(run.payments))
        for told in simulate_all(wanted):
            if isinstance(told, Failed):
                totals.add_failure(told.customer_id, told.reason)
            else:
                totals.add(told)
    return totals


def _end(run: SimulationRun, now: datetime, *, totals: Totals | None = None, reason: str = "") -> None:
    """Write how a simulation ended."""
    run.status = SimulationRun.Status.STOPPED if totals is None else SimulationRun.Status.FINISHED
    run.finished_at, run.reason = now, reason[:LONGEST_REASON]
    if totals is not None:
        run.customers, run.failed, run.result = totals.customers, totals.failed, totals.told()
    run.save()
