"""Workers in processes of their own, forked from the test's, that may be killed.

A fork has everything loaded that a process started anew would load for seconds.
"""

import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from typing import Any

from django.db import connection, connections

from core.faults import VARIABLE

KILLED = -signal.SIGKILL
PATIENCE_SECONDS = 30


class Worker:
    """A process that does one piece of work and ends; it may be killed on the way."""

    def __init__(self, work: Callable[[], object], *, fault: str = "") -> None:
        """Start it; `fault` is what RECKONER_FAULT says there."""
        # A connection belongs to one process.
        connections.close_all()
        sys.stdout.flush()
        sys.stderr.flush()
        self._said, saying = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _work_and_leave(work, fault, saying)
        os.close(saying)

    def kill(self) -> None:
        """Send SIGKILL: no clean-up runs."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait for its end and return its exit code (-9: killed)."""
        os.close(self._said)
        return self._wait()

    def result(self) -> str:
        """Wait for its end and return what its work returned, as text; fail when it failed."""
        with open(self._said) as said:
            text = said.read()
        assert self._wait() == 0, "the worker failed; its traceback is in the captured output"
        return text

    def has_ended(self) -> bool:
        """Tell whether its work is done, without waiting."""
        ready, _, _ = select.select([self._said], [], [], 0)
        return bool(ready)

    def _wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def _work_and_leave(work: Callable[[], object], fault: str, saying: int) -> None:
    """Do the work in the new process, say what came of it, and leave without the tests' clean-up."""
    code = 1
    # What the parent has is no garbage here: to look through it would copy all of it to memory of our own.
    gc.freeze()
    try:
        os.environ[VARIABLE] = fault
        os.write(saying, str(work()).encode())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def killed_at(point: str, work: Callable[[], object]) -> None:
    """Do work in a process that is killed at a named point; fail when it does not get there."""
    assert Worker(work, fault=point).end() == KILLED, f"{point} was not reached"


def make_barrier(parties: int) -> Any:
    """Return a barrier that processes forked from here share."""
    return get_context("fork").Barrier(parties)


def at_once(*works: Callable[[], object]) -> list[str]:
    """Do each work in a process of its own, all from one instant on; return what each said."""
    all_are_there = make_barrier(len(works))

    def begin(work: Callable[[], object]) -> object:
        connection.ensure_connection()
        all_are_there.wait(PATIENCE_SECONDS)
        return work()

    workers = [Worker(partial(begin, work)) for work in works]
    return [worker.result() for worker in workers]
