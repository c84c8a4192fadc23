"""Run billing in several processes on one machine; they share nothing but the database."""

import logging
import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack

import django
from django.db import connection

from billing.run.claiming import Scope, count_due
from billing.run.engine import Progress, Tally, run_billing

POLL_SECONDS = 0.5

logger = logging.getLogger(__name__)


def bill_in_processes(scope: Scope, *, workers: int, progress: Progress | None = None) -> Tally:
    """Bill a scope with so many processes and return what they told; one that dies takes its own count along.

    Each is a plain run: what one that dies leaves, the others bill, and at last this process. Raises what a run raised.
    """
    total = count_due(scope)
    with ExitStack() as pools:
        runs = [pools.enter_context(_new_process()).submit(_run, scope, _database()) for _ in range(workers)]
        while wait(runs, timeout=POLL_SECONDS).not_done:
            if progress is not None:
                progress(Tally(customers=max(total - count_due(scope), 0)))
        tally = Tally()
        for run in runs:
            tally = tally.plus(_told(run))
    tally = tally.plus(run_billing(scope))
    if progress is not None:
        progress(tally)
    return tally


def _new_process() -> ProcessPoolExecutor:
    """Return a pool of one: when a process of a larger pool dies, the pool ends the others too."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=django.setup)


def _database() -> str:
    """Return the name of this process's database, which the others use too."""
    return str(connection.settings_dict["NAME"])


def _run(scope: Scope, database: str) -> Tally:
    """Run billing in a process of its own."""
    connection.settings_dict["NAME"] = database
    return run_billing(scope)


def _told(run: Future[Tally]) -> Tally:
    """Return what a run did, nothing when its process died. Raises what it raised."""
    try:
        return run.result()
    except BrokenProcessPool:
        logger.exception("a process of the run died; the others did its work")
        return Tally()
