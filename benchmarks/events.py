"""The intake of usage events over HTTP: batches against the copying of the same rows, single ones against nothing."""

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from benchmarks import databases, processes
from benchmarks.client import Client, post_all, post_request
from benchmarks.event_tasks import copy_batches, record_batches, store_events
from benchmarks.measure import Result, medians
from benchmarks.population import METRIC_CODE, populate
from benchmarks.server import HOST, make_key, serving
from benchmarks.sizes import Sizes
from core.clock import wall_now
from core.domain.access import Scope

BATCH_1, BATCH_4, SINGLE = "events_batch_1", "events_batch_4", "events_single"
NAMES = (BATCH_1, BATCH_4, SINGLE)
BATCH_SIZE = 1_000
SINGLE_CONNECTIONS = 64
BATCH_PATH, SINGLE_PATH, NOTHING_PATH = "/api/v1/events/batch", "/api/v1/events", "/bench/nothing"
STORED_A_SUBSCRIPTION = 1_000
# The running period of everybody holds the last days.
AGE = timedelta(days=20)
_WARM_UP_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent in a round: batches over one connection and over four, single events, and as much of nothing."""

    first: Sequence[bytes]
    second: Sequence[bytes]
    singles: Sequence[bytes]
    nothing: Sequence[bytes]
    warm_up_batches: Sequence[bytes]
    warm_up_singles: Sequence[bytes]


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield the figures of the intake, in events a second."""
    database, run = "bench_events", "bench_run"
    databases.create(database, "bench_empty")
    subscriptions = processes.run(database, populate, sizes.stored_events // STORED_A_SUBSCRIPTION, wall_now() - AGE, 0)
    processes.run(database, store_events, STORED_A_SUBSCRIPTION)
    key = processes.run(database, make_key, Scope.USAGE_WRITE.value)
    load = make_load(subscriptions, sizes, key)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording"
        processes.run(database, record_batches, load.first, recording)

        def measure_round() -> list[float]:
            databases.create(run, database)
            floor = len(load.first) * BATCH_SIZE / processes.run(run, copy_batches, recording)
            databases.create(run, database)
            with serving(run) as port:
                return [floor, *_send(load, port, key)]

        floor, one, four, single, nothing = medians(measure_round)
    yield Result(BATCH_1, one, "events/s", floor)
    yield Result(BATCH_4, four, "events/s", floor)
    yield Result(SINGLE, single, "events/s", nothing)
    for name in (run, database):
        databases.drop(name)


def make_load(subscriptions: Sequence[uuid.UUID], sizes: Sizes, key: str) -> Load:
    """Return what is sent: events of the last days, of subscriptions taken at random."""
    chance = Random(1)  # noqa: S311 - a choice, not a secret
    now = wall_now()

    def make_event(name: str) -> dict[str, Any]:
        happened_at = now - timedelta(seconds=chance.randrange(10 * 24 * 3600))
        return {
            "event_id": f"{name}-{uuid.UUID(int=chance.getrandbits(128))}",
            "subscription": chance.choice(subscriptions),
            "code": METRIC_CODE,
            "value": chance.randrange(1, 1_000),
            "timestamp": happened_at,
        }

    def make_batches(name: str, count: int) -> list[bytes]:
        return [msgspec.json.encode([make_event(name) for _ in range(BATCH_SIZE)]) for _ in range(count)]

    def make_singles(name: str, count: int) -> list[bytes]:
        return [post_request(SINGLE_PATH, msgspec.json.encode(make_event(name)), key) for _ in range(count)]

    return Load(
        make_batches("first", sizes.batches),
        make_batches("second", sizes.batches),
        make_singles("single", sizes.single_events),
        [post_request(NOTHING_PATH, msgspec.json.encode(make_event("nothing")), key)] * sizes.single_events,
        make_batches("warm", _WARM_UP_BATCHES),
        make_singles("warm", 10 * SINGLE_CONNECTIONS),
    )


def _send(load: Load, port: int, key: str) -> Iterator[float]:
    """Send a load to a server that has just started; yield the events a second of each part."""
    # Every thread of the server has answered before the clock starts.
    _send_batches(load.warm_up_batches, port, key, connections=_WARM_UP_BATCHES)
    post_all(HOST, port, load.warm_up_singles, connections=SINGLE_CONNECTIONS)
    yield _send_batches(load.first, port, key, connections=1)
    yield _send_batches(load.second, port, key, connections=4)
    for requests in (load.singles, load.nothing):
        began = time.perf_counter()
        post_all(HOST, port, requests, connections=SINGLE_CONNECTIONS)
        yield len(requests) / (time.perf_counter() - began)


def _send_batches(batches: Sequence[bytes], port: int, key: str, *, connections: int) -> float:
    """Send batches over so many connections, each one after the other; return the events stored a second."""

    def send(share: Sequence[bytes]) -> int:
        with Client(HOST, port, key) as client:
            return sum(_stored(client.post(BATCH_PATH, batch)) for batch in share)

    shares = [batches[number::connections] for number in range(connections)]
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        stored = sum(pool.map(send, shares))
    seconds = time.perf_counter() - began
    if stored != len(batches) * BATCH_SIZE:
        raise RuntimeError(f"{stored} of {len(batches) * BATCH_SIZE} events were stored")
    return stored / seconds


def _stored(answer: bytes) -> int:
    """Return how many events of a batch were stored; the end of the answer tells."""
    return int(answer[answer.rindex(b'"stored":') + 9 :].split(b",", 1)[0])
