"""Run the measurements, print what they come to, write it to var/bench.json."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks import (
    billing_run,
    calls,
    charges,
    databases,
    events,
    papers,
    processes,
    questions,
    simulation,
    webhooks,
)
from benchmarks.measure import Result
from benchmarks.population import migrate
from benchmarks.sizes import Sizes

OUTPUT = Path(__file__).resolve().parent.parent / "var" / "bench.json"
Group = tuple[Sequence[str], Callable[[Sizes, set[str]], Iterator[Result]]]
GROUPS: tuple[Group, ...] = (
    (billing_run.NAMES, billing_run.measure),
    (events.NAMES, events.measure),
    (questions.NAMES, questions.measure),
    (papers.NAMES, papers.measure),
)
# Too long for every time: these are measured when they are asked for.
ON_DEMAND: tuple[Group, ...] = (
    (charges.NAMES, charges.measure),
    (simulation.NAMES, simulation.measure),
    (webhooks.NAMES, webhooks.measure),
    (calls.NAMES, calls.measure),
)


def main() -> None:
    """Measure what is asked for, at the scale that BENCH_SCALE says."""
    default = [name for names, _ in GROUPS for name in names]
    known = default + [name for names, _ in ON_DEMAND for name in names]
    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    parser.add_argument("--only", action="append", choices=known, help="measure this one; may be given several times")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the figures go (var/bench.json)")
    options = parser.parse_args()
    wanted = set(options.only or default)
    sizes = Sizes(float(os.environ.get("BENCH_SCALE", "1")))
    began = time.monotonic()
    databases.create("bench_empty")
    processes.run("bench_empty", migrate)
    results: list[Result] = []
    for names, measure in GROUPS + ON_DEMAND:
        if wanted & set(names):
            for result in measure(sizes, wanted):
                if result.name in wanted:
                    results.append(result)
                    sys.stderr.write(f"{time.monotonic() - began:4.0f} s  {_row(result)}\n")
    sys.stderr.write(f"{time.monotonic() - began:.0f} s at scale {sizes.scale:g}\n")
    sys.stdout.write("".join(f"{line}\n" for line in (_HEAD, *map(_row, results))))
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_bytes(msgspec.json.format(msgspec.json.encode([_entry(result) for result in results])) + b"\n")


def _row(result: Result) -> str:
    """Return a line of the table."""
    floor = "" if result.floor is None else f"{result.floor:,.1f}"
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    return f"{result.name:<24}{result.value:>12,.1f}{floor:>12}{ratio:>8}  {result.unit}"


def _entry(result: Result) -> dict[str, str | float | None]:
    """Return a result as the file holds it."""
    return {
        "name": result.name,
        "value": round(result.value, 3),
        "unit": result.unit,
        "floor": None if result.floor is None else round(result.floor, 3),
        "ratio": None if result.ratio is None else round(result.ratio, 3),
    }


_HEAD = f"{'':<24}{'measured':>12}{'floor':>12}{'ratio':>8}"
