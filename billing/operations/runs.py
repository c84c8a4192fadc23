"""Keep a record of each billing run, and do those that were asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from billing.models import BillingRun
from billing.run.claiming import Scope
from billing.run.engine import Progress, Tally, run_billing
from core.faults import reach
from core.operations import Actor, AuditDraft, record_audit
from core.operations_instance import require_running

COMMAND = "command"
TICK = "tick"
API = "api"
SILENCE = timedelta(minutes=10)
"""A run that said nothing for so long has lost its worker; a chunk takes seconds."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run and what it did."""

    run: BillingRun
    tally: Tally


def bill_due(
    scope: Scope, *, trigger: str, clock: Callable[[], datetime], progress: Progress | None = None
) -> RunRecord:
    """Bill everybody who is due in a scope, with a row that tells how it goes and how it ended.

    `clock` tells the wall's time for the record alone. A run that is cut off leaves its row `running` with its last
    heartbeat; what it billed stands, and the next run does the rest. Raises InstanceHeld; then nothing is recorded.
    """
    require_running()
    now = clock()
    run = BillingRun.objects.create(
        as_of=scope.as_of,
        trigger=trigger,
        created_at=now,
        started_at=now,
        heartbeat_at=now,
        status=BillingRun.Status.RUNNING,
    )
    return _carry_out(run, scope, clock, progress)


def request_run(*, now: datetime, actor: Actor) -> BillingRun:
    """Ask for a run over everybody who is due on the wall clock at `now`; its row waits for a worker.

    Raises InstanceHeld; then nothing is asked for.
    """
    require_running()
    with transaction.atomic():
        run = BillingRun.objects.create(
            as_of=now, trigger=API, created_at=now, heartbeat_at=now, status=BillingRun.Status.WAITING
        )
        record_audit(actor, [AuditDraft("billing_run.requested", "billing_run", run.id)], recorded_at=now)
    return run


def run_requested(*, clock: Callable[[], datetime]) -> int:
    """Do the runs that were asked for, oldest first, and return how many ended here.

    One whose worker died is gone on with, and counts on from what it had made. Raises InstanceHeld; they wait then.
    """
    ended = 0
    while (run := _claim_requested(clock())) is not None:
        reach("billing.requested")
        _carry_out(run, Scope(as_of=run.as_of, now=clock()), clock)
        ended += 1
    return ended


def _claim_requested(now: datetime) -> BillingRun | None:
    """Take the oldest run that waits, or that lost its worker; None when there is none."""
    require_running()
    with transaction.atomic(durable=True):
        lost = Q(status=BillingRun.Status.RUNNING, trigger=API, heartbeat_at__lt=now - SILENCE)
        wanted = BillingRun.objects.filter(Q(status=BillingRun.Status.WAITING) | lost)
        run = wanted.select_for_update(skip_locked=True).order_by("id").first()
        if run is not None:
            run.status, run.started_at, run.heartbeat_at = BillingRun.Status.RUNNING, run.started_at or now, now
            run.save(update_fields=["status", "started_at", "heartbeat_at"])
    return run


def _carry_out(
    run: BillingRun, scope: Scope, clock: Callable[[], datetime], progress: Progress | None = None
) -> RunRecord:
    """Bill a scope, and tell in the run's row how it goes and how it ended."""
    before = Tally(run.customers, run.invoices, 0, run.parked)

    def note(tally: Tally) -> None:
        _save(run, before.plus(tally), clock())
        if progress is not None:
            progress(tally)

    tally = Tally()
    try:
        tally = run_billing(scope, progress=note)
    except BaseException:
        run.status, run.finished_at = BillingRun.Status.STOPPED, clock()
        run.save(update_fields=["status", "finished_at"])
        raise
    run.status, run.finished_at = BillingRun.Status.FINISHED, clock()
    _save(run, before.plus(tally), clock())
    return RunRecord(run, tally)


def _save(run: BillingRun, tally: Tally, now: datetime) -> None:
    """Write how far a run has come."""
    run.customers, run.invoices, run.parked = tally.customers, tally.invoices, tally.parked
    run.heartbeat_at = now
    run.save(update_fields=["customers", "invoices", "parked", "heartbeat_at", "status", "finished_at"])
