"""Run a task in a process of its own, so that what is measured shares nothing with who measures."""

import multiprocessing
import os
import pkgutil
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import django

from benchmarks.surroundings import DATABASE_VARIABLE

_CONTEXT = multiprocessing.get_context("spawn")
_LONGEST_SECONDS = 600.0

Result = TypeVar("Result")
# The first argument of every task, which calls it once, when all is prepared: it returns when the clock may start.
Gate = Callable[[], None]


class TaskFailed(Exception):
    """A task raised; the message is its traceback."""


class Child:
    """A process at the gate of its task, connected to one database."""

    def __init__(self, database: str, task: Callable[..., Any], arguments: Sequence[Any]) -> None:
        os.environ[DATABASE_VARIABLE] = database
        self._ours, theirs = _CONTEXT.Pipe()
        # By name: the module can be loaded only when the settings are known there.
        name = f"{task.__module__}:{task.__qualname__}"
        self._process = _CONTEXT.Process(target=_run, args=(theirs, name, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Return when the task stands at its gate. Raises TaskFailed."""
        self._receive()

    def open_gate(self) -> None:
        """Let the task begin."""
        self._ours.send("go")

    def take_result(self) -> Any:
        """Return what the task returned, its process ended. Raises TaskFailed."""
        result = self._receive()
        self._process.join()
        return result

    def _receive(self) -> Any:
        if not self._ours.poll(_LONGEST_SECONDS):
            self._process.kill()
            raise TaskFailed(f"no answer in {_LONGEST_SECONDS:g} s")
        try:
            failure, value = self._ours.recv()
        except EOFError:
            self._process.join()
            raise TaskFailed(f"the process ended with {self._process.exitcode}") from None
        if failure:
            raise TaskFailed(failure)
        return value


def run(database: str, task: Callable[..., Result], *arguments: Any) -> Result:
    """Run one task in a process on a database and return its result. Raises TaskFailed."""
    result: Result = run_together(database, [(task, arguments)])[0]
    return result


def run_together(database: str, tasks: Sequence[tuple[Callable[..., Any], Sequence[Any]]]) -> list[Any]:
    """Run tasks in a process each, let them begin at the same moment, and return their results. Raises TaskFailed."""
    children = [Child(database, task, arguments) for task, arguments in tasks]
    for child in children:
        child.wait_until_ready()
    for child in children:
        child.open_gate()
    with ThreadPoolExecutor(len(children)) as pool:
        return list(pool.map(Child.take_result, children))


def peak_memory_mib() -> float:
    """Return the most memory this process has held at a time."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _run(pipe: Connection, task_name: str, arguments: Sequence[Any]) -> None:
    """Run a task in this process, and say how it ended."""
    django.setup()

    def gate() -> None:
        pipe.send(("", None))
        pipe.recv()

    try:
        result = pkgutil.resolve_name(task_name)(gate, *arguments)
    except Exception:
        pipe.send((traceback.format_exc(), None))
    else:
        pipe.send(("", result))
