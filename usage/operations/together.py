"""Single events, stored together: the requests of one process that wait at the same time share one commit.

A commit waits for the disk, and while it does, further requests arrive. One thread with one connection writes for all
of them: what came while it wrote is the next lot. Each request is answered when its event is durable.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from core.errors import Unavailable
from usage.domain.event import EventDraft, EventOutcome
from usage.operations.intake import record_events, record_unwatched

LARGEST_LOT = 1_000
LONGEST_WAIT_SECONDS = 60.0
# Without work for so long the thread ends and gives its connection back; the next event starts another.
IDLE_SECONDS = 5.0
CHECK_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request that waits for what becomes of its event."""

    draft: EventDraft
    now: datetime
    done: threading.Lock = field(default_factory=threading.Lock)
    outcome: EventOutcome | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        """Begin to wait: the lock is opened by whoever knows the outcome."""
        self.done.acquire()


class EventWriter:
    """Stores single events of many threads, all that wait in one transaction.

    With `slower`, a writer of its own for events of customers with usage limits, it hands those over.
    """

    def __init__(self, slower: "EventWriter | None" = None) -> None:
        self._slower = slower
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def record(self, draft: EventDraft, now: datetime) -> EventOutcome:
        """Hand an event over and wait for its outcome. Raises what the lot failed with, Unavailable after a minute."""
        waiting = _Waiting(draft, now)
        self._take((waiting,))
        if not waiting.done.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise Unavailable("The event waits too long to be stored; sending it again is safe.", code="busy")
        if waiting.error is not None:
            raise waiting.error
        if waiting.outcome is None:
            raise RuntimeError("an event was left without an outcome")
        return waiting.outcome

    def _take(self, waiting: Sequence[_Waiting]) -> None:
        """Let requests wait for their lot."""
        with self._changed:
            self._queue.extend(waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)
                self._thread.start()
            else:
                self._changed.notify_all()

    def stop(self) -> None:
        """Write what waits, end the thread and give its connection back. The next event starts another."""
        self._stop()
        if self._slower is not None:
            self._slower.stop()

    def _stop(self) -> None:
        with self._changed:
            thread, self._is_stopping = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join()
        with self._changed:
            self._is_stopping = False

    def _run(self) -> None:
        """Write one lot after the other until there is nothing to do for a while."""
        checked_at = time.monotonic()
        try:
            while lot := self._next_lot():
                failed = self._write(lot)
                # As Django does between two requests: a broken connection is dropped, an old one renewed.
                if failed or time.monotonic() - checked_at > CHECK_SECONDS:
                    connection.close_if_unusable_or_obsolete()
                    checked_at = time.monotonic()
        finally:
            connection.close()

    def _next_lot(self) -> list[_Waiting]:
        """Return those who wait, in the order in which they came; nobody when it is time to end."""
        with self._changed:
            if not self._queue and not self._is_stopping:
                self._changed.wait(IDLE_SECONDS)
            lot = self._queue[:LARGEST_LOT]
            del self._queue[:LARGEST_LOT]
            if not lot:
                self._thread = None
            return lot

    def _write(self, lot: Sequence[_Waiting]) -> bool:
        """Store a lot and wake those who wait for it; tell whether it failed, for all of them alike."""
        failure: Exception | None = None
        slow: list[_Waiting] = []
        drafts, now = [one.draft for one in lot], max(one.now for one in lot)
        try:
            record = record_events if self._slower is None else record_unwatched
            for one, outcome in zip(lot, record(drafts, now=now), strict=True):
                one.outcome = outcome
                if outcome is None:
                    slow.append(one)
        except Exception as error:
            failure = error
            for one in lot:
                one.error = error
        if self._slower is not None and slow:
            self._slower._take(slow)
        handed_over = set(map(id, slow))
        for one in lot:
            if id(one) not in handed_over:
                one.done.release()
        return failure is not None


_writer = EventWriter(EventWriter())


def record_event(draft: EventDraft, *, now: datetime) -> EventOutcome:
    """Store one event by the rules of a batch, and say what became of it.

    Billing rules, section 4. When this returns, what is stored is durable. In a transaction of the caller's it is
    refused like a batch.
    """
    if connection.in_atomic_block:
        return record_events((draft,), now=now)[0]
    return _writer.record(draft, now)


def stop_writer() -> None:
    """End the thread that writes single events, and its connection to the database."""
    _writer.stop()


def _forget_writer() -> None:
    """Begin anew in a forked process, which has no thread of its parent's."""
    global _writer  # noqa: PLW0603 - one process, one writer
    _writer = EventWriter(EventWriter())


os.register_at_fork(after_in_child=_forget_writer)
