"""Calls of the REST API, one after the other over one connection, among a million customers."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, cycle
from random import Random
from statistics import median

import msgspec

from benchmarks import databases, processes
from benchmarks.client import Client
from benchmarks.crowd import Known, crowd, gather
from benchmarks.measure import Result, medians
from benchmarks.population import METRIC_CODE
from benchmarks.server import HOST, make_key, serving
from benchmarks.sizes import Sizes
from core.domain.access import Scope

READ, WRITE, FLOWGLAD = "api_read_ms", "api_write_ms", "flowglad_ms"
NAMES = (READ, WRITE, FLOWGLAD)
CROWD = ("Customer", "Subscription", "Invoice")
API, NOTHING_PATH = "/api/v1", "/bench/nothing"
_WARM_UP = 40
Call = Callable[[], object]


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield the medians of the calls, in milliseconds, beside a view that does nothing on the same server."""
    database = "bench_calls"
    databases.create(database, "bench_empty")
    known = processes.run(database, gather, sizes.known_customers)
    for model in CROWD:
        processes.run(database, crowd, model, sizes.crowd)
    key = processes.run(database, make_key, Scope.WRITE.value)
    chance = Random(1)  # noqa: S311 - a choice, not a secret
    chance.shuffle(known)
    with serving(database) as port, Client(HOST, port, key) as client:
        kinds = (
            _nothing(client),
            reads(client, known, chance, sizes.crowd),
            writes(client, known),
            asks(client, known),
        )
        for calls in kinds:
            _time(calls, _WARM_UP)
        nothing, read, write, asked = medians(lambda: [_time(calls, sizes.calls) for calls in kinds])
    yield Result(READ, read, "ms", nothing)
    yield Result(WRITE, write, "ms", nothing)
    yield Result(FLOWGLAD, asked, "ms", nothing)
    databases.drop(database)


def _time(calls: Iterator[Call], times: int) -> float:
    """Return the median of the milliseconds that the next so many calls took."""
    seconds = []
    for _ in range(times):
        call = next(calls)
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds) * 1_000


def _nothing(client: Client) -> Iterator[Call]:
    while True:
        yield lambda: client.get(NOTHING_PATH)


def reads(client: Client, known: Sequence[Known], chance: Random, crowd_size: int) -> Iterator[Call]:
    """Yield reads in turn: one of a kind each, pages at any place, filters that fit few and many."""
    for one in cycle(known):
        somebody = chance.randrange(1, crowd_size + 1)
        for path in (
            f"/customer/{one.customer_id}",
            f"/customer?email=someone-{somebody}@",
            f"/customer?country=DE&limit=100&last_key={one.customer_id}",
            f"/customer?reference={one.reference}",
            f"/subscription/{one.subscription_id}",
            f"/customer/{one.customer_id}/subscription",
            f"/customer/{one.customer_id}/limits",
            f"/invoice/{one.invoice_id}",
            f"/invoice?customer={one.customer_id}",
            f"/customer/{one.customer_id}/invoices",
            f"/customer/{one.customer_id}/balance",
            f"/subscription/{one.subscription_id}/usage",
        ):
            yield partial(client.get, API + path)


def writes(client: Client, known: Sequence[Known]) -> Iterator[Call]:
    """Yield writes in turn: customers made and changed, subscriptions started, seats, credit, usage, invoices."""
    numbers = count()
    for one in cycle(known):
        for method, path, body in (
            ("POST", "/customer", {"email": f"new-{next(numbers)}@example.com", "billing_type": "invoice"}),
            ("PUT", f"/customer/{one.customer_id}", {"name": f"Changed {next(numbers)}"}),
            (
                "POST",
                f"/customer/{one.customer_id}/subscription/start",
                {"plan": "bench", "price": str(one.price_id)},
            ),
            ("POST", f"/customer/{one.customer_id}/credit", {"type": "credit", "amount": 1, "currency": "EUR"}),
            ("POST", f"/subscription/{one.subscription_id}/seats/add", {"seats": 1}),
            (
                "POST",
                "/events",
                {
                    "event_id": f"call-{next(numbers)}",
                    "subscription": str(one.subscription_id),
                    "code": METRIC_CODE,
                    "value": 1,
                },
            ),
            (
                "POST",
                "/invoice",
                {
                    "customer": str(one.customer_id),
                    "items": [{"description": "Training", "amount": 5000, "currency": "EUR"}],
                },
            ),
        ):
            content = msgspec.json.encode(body)
            yield partial(client.send, method, API + path, content)


def asks(client: Client, known: Sequence[Known]) -> Iterator[Call]:
    """Yield Flowglad's one call, about everybody in turn."""
    for one in cycle(known):
        yield partial(client.get, f"{API}/customers/{one.reference}/billing")
