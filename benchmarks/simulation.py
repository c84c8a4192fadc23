"""Simulating everybody for the year ahead, as `manage.py simulate` does, against the run that bills a month of it."""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection

from benchmarks import databases, processes
from benchmarks.billing_tasks import bill
from benchmarks.measure import Result
from benchmarks.population import EVENTS_A_MONTH, LATEST_START, START, due_at, populate
from benchmarks.processes import Gate
from benchmarks.sizes import Sizes
from billing.operations.simulating import Failed, Simulation, one_snapshot, simulate_all

SIMULATION = "simulate_10k"
NAMES = (SIMULATION,)
MONTHS = 12


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield how many months of subscriptions are simulated in a second, beside how many a run bills."""
    count = sizes.simulated
    databases.create("bench_simulated", "bench_empty")
    processes.run("bench_simulated", populate, count, START, EVENTS_A_MONTH)
    seconds = processes.run("bench_simulated", simulate, count)
    ran = processes.run("bench_simulated", bill, due_at(1))
    yield Result(SIMULATION, count * MONTHS / seconds, "months/s", count / ran.seconds)
    databases.drop("bench_simulated")


def simulate(gate: Gate, count: int) -> float:
    """Simulate everybody for a year; return the seconds it took. Raises RuntimeError unless it is everybody's year."""
    connection.ensure_connection()
    gate()
    began = time.perf_counter()
    documents = 0
    with one_snapshot():
        for told in simulate_all(Simulation(START + LATEST_START + timedelta(days=1), MONTHS)):
            if isinstance(told, Failed):
                raise RuntimeError(told.reason)
            documents += len(told.documents)
    seconds = time.perf_counter() - began
    if documents != count * MONTHS:
        raise RuntimeError(f"{documents} documents of {count} subscriptions")
    return seconds
