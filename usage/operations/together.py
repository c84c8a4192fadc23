"""Single events, stored together: the requests of one process that wait at the same time share one commit.

A commit waits for the disk, and while it does, further requests arrive. Whoever finds nobody writing writes; those who
come meanwhile wait, and then the first of them writes for all of them. Each is answered when its event is durable.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from usage.domain.event import EventDraft, EventOutcome
from usage.operations.intake import record_events

LARGEST_LOT = 1_000


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request that waits: for its outcome, or for its turn to write."""

    draft: EventDraft
    now: datetime
    turn: threading.Lock = field(default_factory=threading.Lock)
    outcome: EventOutcome | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        """Begin to wait: the lock is opened by whoever writes."""
        self.turn.acquire()

    @property
    def is_done(self) -> bool:
        """Tell whether there is an outcome, good or bad."""
        return self.outcome is not None or self.error is not None


_mutex = threading.Lock()
_queue: list[_Waiting] = []
_is_writing = False


def record_event(draft: EventDraft, *, now: datetime) -> EventOutcome:
    """Store one event by the rules of a batch, and say what became of it.

    Billing rules, section 4. When this returns, what is stored is durable.
    """
    if connection.in_atomic_block:
        return record_events((draft,), now=now)[0]
    waiting = _Waiting(draft, now)
    if not _join(waiting):
        waiting.turn.acquire()
    if not waiting.is_done:
        _write()
    if waiting.error is not None:
        raise waiting.error
    if waiting.outcome is None:
        raise RuntimeError("an event was left without an outcome")
    return waiting.outcome


def _join(waiting: _Waiting) -> bool:
    """Queue up; return whether nobody writes, so that this one must."""
    global _is_writing
    with _mutex:
        _queue.append(waiting)
        is_first, _is_writing = not _is_writing, True
        return is_first


def _write() -> None:
    """Store the events of all who wait, and pass the turn on."""
    with _mutex:
        lot = _queue[:LARGEST_LOT]
        del _queue[:LARGEST_LOT]
    try:
        outcomes = record_events([one.draft for one in lot], now=max(one.now for one in lot))
        for one, outcome in zip(lot, outcomes, strict=True):
            one.outcome = outcome
    except BaseException as error:
        for one in lot:
            one.error = error
    finally:
        _pass_on(lot)


def _pass_on(lot: list[_Waiting]) -> None:
    """Let the first of those who came meanwhile write, and wake those whose events were stored."""
    global _is_writing  # noqa: PLW0603 - one process, one lot on its way
    with _mutex:
        _is_writing = bool(_queue)
        if _queue:
            _queue[0].turn.release()
    for one in lot:
        one.turn.release()
