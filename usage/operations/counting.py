"""Count what becomes of events, for whoever watches: in this process at once, in Redis within a second.

The hot path adds to a dictionary and asks nobody. What a killed process had not handed over is lost; nothing but the
figures of `/metrics` depends on it.
"""

import atexit
import os
import threading
from collections import Counter, deque
from collections.abc import Iterable

import structlog

from core.redis_client import REDIS_AWAY, redis_client
from usage.domain.event import DUPLICATE, REJECTED, STORED, EventOutcome
from usage.queries.counts import counts_key

FLUSH_SECONDS = 1.0
PAUSE_SECONDS = 30.0

log = structlog.get_logger(__name__)

# Outcomes are shared objects: counting them by identity costs a tenth of hashing them.
_NAMES = {id(STORED): "stored", id(DUPLICATE): "duplicate"} | {
    id(outcome): f"rejected:{reason}" for reason, outcome in REJECTED.items()
}


class OutcomeCounter:
    """The counts of one process on their way to Redis.

    Who adds takes no lock: many threads answer at once, and whoever held it would keep all of them waiting.
    """

    def __init__(self) -> None:
        self._added: deque[Counter[int]] = deque()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._flushes_at_exit = False

    def add(self, outcomes: Iterable[EventOutcome]) -> None:
        """Count outcomes; they are handed over a moment later, together with what comes meanwhile."""
        counts = Counter(map(id, outcomes))
        if not counts:
            return
        # Appending is one step that no other thread can divide.
        self._added.append(counts)
        if self._timer is None:
            self._start(FLUSH_SECONDS)

    def flush(self) -> None:
        """Hand over what waits; when Redis is away it is kept for the next time, and that is logged."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            # Before what waits is taken: what is added from now on starts another.
            self._timer = None
        taken = self._take()
        if not taken:
            return
        counts: Counter[str] = Counter()
        for identity, count in taken.items():
            counts[_NAMES.get(identity, "other")] += count
        try:
            pipeline = redis_client().pipeline(transaction=True)
            for name, count in counts.items():
                pipeline.hincrby(counts_key(), name, count)
            pipeline.execute()
        except REDIS_AWAY as error:
            log.warning("event_counts_kept", reason=str(error), seconds=PAUSE_SECONDS)
            self._added.append(taken)
            self._start(PAUSE_SECONDS)

    def forget(self) -> None:
        """Drop what waits, in a process that only inherited it; its lock may have been held elsewhere."""
        self._added = deque()

    def _take(self) -> Counter[int]:
        """Return the sum of what waits, which waits no longer."""
        taken: Counter[int] = Counter()
        while self._added:
            try:
                taken += self._added.popleft()
            except IndexError:
                # Another flush was faster.
                break
        return taken

    def _start(self, seconds: float) -> None:
        """See to it that what waits is handed over after so long."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(seconds, self.flush)
                self._timer.daemon = True
                self._timer.start()
            if not self._flushes_at_exit:
                # Registered this late it runs before embedded servers are let go.
                self._flushes_at_exit = True
                atexit.register(self.flush)


_counter = OutcomeCounter()


def count_outcomes(outcomes: Iterable[EventOutcome]) -> None:
    """Count what became of events."""
    _counter.add(outcomes)


def flush_counts() -> None:
    """Hand over what this process has counted and not yet handed over."""
    _counter.flush()


def _forget_counter() -> None:
    """Begin anew in a forked process: what waits is its parent's."""
    global _counter  # noqa: PLW0603 - one process, one counter
    _counter.forget()
    _counter = OutcomeCounter()


os.register_at_fork(after_in_child=_forget_counter)
