"""Questions about usage over HTTP while events keep coming: of any subscription, and of the busiest of all."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random

import msgspec

from benchmarks import databases, processes
from benchmarks.client import Client
from benchmarks.event_tasks import store_events, sweep_usage
from benchmarks.events import AGE, BATCH_PATH
from benchmarks.measure import Result, medians, percentile_99
from benchmarks.population import METRIC_CODE, populate
from benchmarks.server import HOST, make_key, serving
from benchmarks.sizes import Sizes
from core.clock import wall_now
from core.domain.access import Scope

ANY, BUSIEST = "usage_p99_ms", "usage_busiest_p99_ms"
NAMES = (ANY, BUSIEST)
STORED_A_SUBSCRIPTION = 1_000
# What comes in for the busiest subscription meanwhile: a thousand events a second, 2.6 thousand million a month.
WRITTEN_AT_ONCE = 100
WRITE_EVERY_SECONDS = 0.1
_WARM_UP = 20


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield how long one question in a hundred takes longer than, in milliseconds."""
    database = "bench_questions"
    databases.create(database, "bench_empty")
    busiest_events = sizes.asked_events // 10
    others = (sizes.asked_events - busiest_events) // STORED_A_SUBSCRIPTION
    subscriptions = processes.run(database, populate, others, wall_now() - AGE, 0)
    busiest = processes.run(database, store_events, STORED_A_SUBSCRIPTION, busiest_events)
    processes.run(database, sweep_usage)
    key = processes.run(database, make_key, Scope.WRITE.value)
    chance = Random(1)  # noqa: S311 - a choice, not a secret
    with serving(database) as port, Client(HOST, port, key) as client:
        writer = Writer(busiest, STORED_A_SUBSCRIPTION + busiest_events)

        def ask_any() -> None:
            if _count(client, chance.choice(subscriptions)) < STORED_A_SUBSCRIPTION:
                raise RuntimeError("a usage question missed events")

        def ask_busiest() -> None:
            answered = writer.answered
            if _count(client, busiest) < answered:
                raise RuntimeError("a usage question missed events that had been answered as stored")

        with writer.writing(port, key):
            anybody, busy = medians(
                lambda: [percentile_99(_time(ask, sizes.questions)) for ask in (ask_any, ask_busiest)]
            )
        if _count(client, busiest) != writer.answered:
            raise RuntimeError("a usage question counts other events than were stored")
    yield Result(ANY, anybody, "ms")
    yield Result(BUSIEST, busy, "ms")
    databases.drop(database)


def _count(client: Client, subscription: str | uuid.UUID) -> int:
    """Return how many events of a subscription its usage is made of."""
    answer = msgspec.json.decode(client.get(f"/api/v1/subscription/{subscription}/usage"))
    return int(answer["metrics"][0]["event_count"])


def _time(ask: Callable[[], None], times: int) -> Sequence[float]:
    """Ask so many times and return the seconds each took."""
    for _ in range(_WARM_UP):
        ask()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return seconds


class Writer:
    """A client that sends batches for one subscription; `answered` counts the events known to be stored."""

    def __init__(self, subscription: str, stored: int) -> None:
        self.answered = stored
        self._subscription = subscription
        self._numbers = count()

    @contextmanager
    def writing(self, port: int, key: str) -> Iterator[None]:
        """Send batches in a thread until the block is left."""
        stop = threading.Event()
        thread = threading.Thread(target=self._write, args=(port, key, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _write(self, port: int, key: str, stop: threading.Event) -> None:
        with Client(HOST, port, key) as client:
            while not stop.wait(WRITE_EVERY_SECONDS):
                events = [
                    {"event_id": f"new-{next(self._numbers)}", "subscription": self._subscription, "code": METRIC_CODE,
                     "value": 1}
                    for _ in range(WRITTEN_AT_ONCE)
                ]  # fmt: skip
                client.post(BATCH_PATH, msgspec.json.encode(events))
                self.answered += WRITTEN_AT_ONCE
