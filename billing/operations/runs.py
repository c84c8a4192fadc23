"""Keep a record of each billing run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from billing.models import BillingRun
from billing.run.claiming import Scope
from billing.run.engine import Progress, Tally, run_billing
from core.operations_instance import require_running

COMMAND = "command"
TICK = "tick"
API = "api"


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
    run = BillingRun.objects.create(
        as_of=scope.as_of, trigger=trigger, started_at=clock(), heartbeat_at=clock(), status=BillingRun.Status.RUNNING
    )

    def note(tally: Tally) -> None:
        _save(run, tally, clock())
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
    _save(run, tally, clock())
    return RunRecord(run, tally)


def _save(run: BillingRun, tally: Tally, now: datetime) -> None:
    """Write how far a run has come."""
    run.customers, run.invoices, run.parked = tally.customers, tally.invoices, tally.parked
    run.heartbeat_at = now
    run.save(update_fields=["customers", "invoices", "parked", "heartbeat_at", "status", "finished_at"])
