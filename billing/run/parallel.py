"""Run billing in several processes on one machine; they share nothing but the database."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait

import django

from billing.run.claiming import Scope, count_due
from billing.run.engine import Progress, Tally, run_billing

POLL_SECONDS = 0.5


def bill_in_processes(scope: Scope, *, workers: int, progress: Progress | None = None) -> Tally:
    """Bill a scope with so many processes and return what all of them did.

    Each is a plain run: one that dies leaves whole chunks behind, which the others bill. Raises what a process raised.
    """
    total = count_due(scope)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=django.setup) as pool:
        runs: Sequence[Future[Tally]] = [pool.submit(_run, scope) for _ in range(workers)]
        while wait(runs, timeout=POLL_SECONDS).not_done:
            if progress is not None:
                progress(Tally(customers=max(total - count_due(scope), 0)))
        tally = Tally()
        for run in runs:
            tally = tally.plus(run.result())
    if progress is not None:
        progress(tally)
    return tally


def _run(scope: Scope) -> Tally:
    """Run billing in a process of its own."""
    return run_billing(scope)
