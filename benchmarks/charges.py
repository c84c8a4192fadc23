"""Charging cards at a provider that takes 300 ms for each: one worker, as many calls at a time as it makes."""

import time
from collections.abc import Iterator

from django.conf import settings

from benchmarks import databases, processes
from benchmarks.measure import Result
from benchmarks.population import EVENTS_A_MONTH, START, due_at, populate
from benchmarks.processes import Gate
from benchmarks.sizes import Sizes
from billing.models import PaymentAttempt
from billing.operations.cards import add_card
from billing.operations.charging import charge_due
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from customers.models import Customer

CHARGES = "charges_300_ms"
NAMES = (CHARGES,)
LATENCY_MS = 300


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield how many charges a worker makes in a second."""
    databases.create("bench_charges", "bench_empty")
    processes.run("bench_charges", populate, sizes.charges, START, EVENTS_A_MONTH)
    seconds = processes.run("bench_charges", charge)
    yield Result(CHARGES, sizes.charges / seconds, "charges/s")
    databases.drop("bench_charges")


def charge(gate: Gate) -> float:
    """Give everybody a card, bill everybody, charge; return the seconds that charging took."""
    moment = due_at(1)
    for customer_id in Customer.objects.values_list("id", flat=True):
        add_card(customer_id=customer_id, token="tok_visa", now=START)  # noqa: S106 - the sandbox's word for a card
    Customer.objects.update(billing_type=Customer.BillingType.CARD)
    tally = run_billing(Scope(as_of=moment, now=moment))
    settings.SANDBOX_LATENCY_MS = LATENCY_MS
    gate()
    began = time.perf_counter()
    charge_due(moment)
    seconds = time.perf_counter() - began
    paid = PaymentAttempt.objects.filter(status="succeeded").count()
    if paid != tally.invoices:
        raise RuntimeError(f"{paid} of {tally.invoices} invoices were charged")
    return seconds
