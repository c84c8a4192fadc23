"""The billing run against its floor, four workers against one, the 36th month against the first."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks import databases, processes
from benchmarks.billing_tasks import Ran, bill, copy, record
from benchmarks.history import add_months
from benchmarks.measure import Result, alternate
from benchmarks.mixture import mix
from benchmarks.population import EVENTS_A_MONTH, START, due_at, populate
from benchmarks.sizes import Sizes

RUN, WORKERS, MEMORY, OLD = "billing_run", "billing_run_4_workers", "billing_run_memory", "billing_run_month_36"
MIXED = "billing_run_mixed"
NAMES = (RUN, WORKERS, MEMORY, OLD, MIXED)
WORKER_COUNT = 4
LAST_MONTH = 36


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield the figures of the billing run, in customers a second."""
    if names & {RUN, WORKERS, MEMORY}:
        yield from _measure_run(sizes)
    if OLD in names:
        yield _measure_old_run(sizes)
    if MIXED in names:
        yield _measure_mixed_run(sizes)


def _measure_run(sizes: Sizes) -> Iterator[Result]:
    """Yield one worker against the copying of its rows, four workers against one, and the memory of one."""
    count, moment = sizes.customers, due_at(1)
    databases.create("bench_due", "bench_empty")
    processes.run("bench_due", populate, count, START, EVENTS_A_MONTH)
    memory_mib: list[float] = []

    def bill_alone() -> float:
        (ran,) = _bill("bench_due", moment, workers=1)
        memory_mib.append(ran.memory_mib)
        return count / ran.seconds

    def bill_together() -> float:
        return count / max(ran.seconds for ran in _bill("bench_due", moment, workers=WORKER_COUNT))

    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording"
        databases.create("bench_copy", "bench_due")
        processes.run("bench_copy", record, moment, recording)

        def copy_alone() -> float:
            databases.create("bench_copy", "bench_due")
            return count / processes.run("bench_copy", copy, recording)

        floor, alone, together = alternate(copy_alone, bill_alone, bill_together)
    yield Result(RUN, alone, "customers/s", floor)
    yield Result(WORKERS, together, "customers/s", alone)
    yield Result(MEMORY, max(memory_mib), "MiB")
    for name in ("bench_copy", "bench_due"):
        databases.drop(name)


def _measure_old_run(sizes: Sizes) -> Result:
    """Return the run of customers billed for the 36th time against that of the same number billed for the first."""
    count = sizes.old_customers
    databases.create("bench_young", "bench_empty")
    processes.run("bench_young", populate, count, START, EVENTS_A_MONTH)
    databases.create("bench_old", "bench_young")
    processes.run("bench_old", add_months, LAST_MONTH)

    def bill_young() -> float:
        return count / _bill("bench_young", due_at(1), workers=1)[0].seconds

    def bill_old() -> float:
        return count / _bill("bench_old", due_at(LAST_MONTH), workers=1)[0].seconds

    young, old = alternate(bill_young, bill_old)
    for name in ("bench_old", "bench_young"):
        databases.drop(name)
    return Result(OLD, old, "customers/s", young)


def _measure_mixed_run(sizes: Sizes) -> Result:
    """Return the run of customers unlike each other: changes, vouchers, the whole tax decision."""
    count = sizes.mixed_customers
    databases.create("bench_due", "bench_empty")
    processes.run("bench_due", populate, count, START, EVENTS_A_MONTH)
    processes.run("bench_due", mix, due_at(1))

    def bill_mixed() -> float:
        return count / _bill("bench_due", due_at(2), workers=1)[0].seconds

    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording"
        databases.create("bench_copy", "bench_due")
        processes.run("bench_copy", record, due_at(2), recording)

        def copy_mixed() -> float:
            databases.create("bench_copy", "bench_due")
            return count / processes.run("bench_copy", copy, recording)

        floor, mixed = alternate(copy_mixed, bill_mixed)
    for name in ("bench_copy", "bench_due"):
        databases.drop(name)
    return Result(MIXED, mixed, "customers/s", floor)


def _bill(template: str, moment: datetime, *, workers: int) -> list[Ran]:
    """Bill everybody of a fresh copy of a database by so many workers."""
    databases.create("bench_run", template)
    ran: list[Ran] = processes.run_together("bench_run", [(bill, (moment,))] * workers)
    databases.drop("bench_run")
    return ran
