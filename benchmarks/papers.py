"""Drawing invoices as PDF, in one process: rows are read, the paper is drawn and kept."""

import time
from collections.abc import Iterator

from benchmarks import databases, processes
from benchmarks.measure import REPETITIONS, Result, medians
from benchmarks.population import EVENTS_A_MONTH, START, due_at, populate
from benchmarks.processes import Gate
from benchmarks.sizes import Sizes
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.models import Invoice
from invoicing.operations.documents import get_document

PAPERS = "pdf_per_core"
NAMES = (PAPERS,)


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield how many invoices a process draws in a second."""
    databases.create("bench_papers", "bench_empty")
    processes.run("bench_papers", populate, 1 + sizes.papers * REPETITIONS, START, EVENTS_A_MONTH)
    (figure,) = processes.run("bench_papers", draw, sizes.papers)
    yield Result(PAPERS, figure, "papers/s")
    databases.drop("bench_papers")


def draw(gate: Gate, count: int) -> tuple[float, ...]:
    """Bill everybody and draw the invoices, so many at a time; return the papers a second."""
    run_billing(Scope(as_of=due_at(1), now=due_at(1)))
    waiting = Invoice.objects.order_by("id").values_list("id", flat=True).iterator()
    # The first one loads fonts.
    get_document("invoice", next(waiting))
    gate()

    def draw_some() -> list[float]:
        began = time.perf_counter()
        for _ in range(count):
            get_document("invoice", next(waiting))
        return [count / (time.perf_counter() - began)]

    return medians(draw_some)
