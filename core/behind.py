"""Let the database store what was written last while the next is computed: one connection, one order, one thread.

Inside `writing_behind` a statement whose answer nobody needs is handed to a thread that sends it while the caller goes
on; every other statement of the connection waits until those before it are through. So the database sees the same
statements in the same order, only sooner.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection

Job = Callable[[Any], None]
"""Sends one statement over the psycopg connection that it is given."""

# Python's own 5 ms before the other thread may go on would keep the database waiting for its next statement.
_SWITCH_SECONDS = 0.0005


class _Behind:
    """Statements on their way, in order."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._raw = connection.connection
        self._jobs: list[Future[None]] = []

    def send(self, job: Job) -> None:
        """Have a statement sent after those before it."""
        self._jobs.append(self._pool.submit(job, self._raw))

    def wait(self) -> None:
        """Wait until every statement is through. Raises the first refusal; those after it came to nothing."""
        jobs, self._jobs = self._jobs, []
        failures = [failure for job in jobs if (failure := job.exception()) is not None]
        if failures:
            with connection.wrap_database_errors:
                raise failures[0]

    def wait_first(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Wait for the statements before one, then run it (Django's wrapper of every statement)."""
        self.wait()
        return execute(*statement)


_behind: ContextVar[_Behind | None] = ContextVar("behind", default=None)


@contextmanager
def writing_behind() -> Iterator[None]:
    """Send the statements of `send_behind` by a thread, in the caller's transaction; at the end all are through.

    Raises Django's database errors where the next statement is due, at the latest at the end.
    """
    interval = sys.getswitchinterval()
    with ThreadPoolExecutor(1, thread_name_prefix="writing-behind") as pool:
        behind = _Behind(pool)
        token = _behind.set(behind)
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            with connection.execute_wrapper(behind.wait_first):
                yield
            behind.wait()
        finally:
            sys.setswitchinterval(interval)
            _behind.reset(token)


def is_writing_behind() -> bool:
    """Tell whether statements whose answer nobody needs are sent behind the caller."""
    return _behind.get() is not None


def send_behind(job: Job) -> None:
    """Send a statement behind the caller. Raises RuntimeError where nobody writes so."""
    behind = _behind.get()
    if behind is None:
        raise RuntimeError("nobody writes behind here")
    behind.send(job)


def execute_behind(statement: str, parameters: Any) -> None:
    """Run a statement whose answer nobody needs, behind the caller where somebody writes so."""
    if not is_writing_behind():
        # Through Django's own cursor, so that its log and its wrappers see it.
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
        return

    def execute(raw: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute(statement, parameters)

    send_behind(execute)
