"""Processes in the foreground: started in order, their lines prefixed, restarted after a crash, stopped in reverse."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core.services.folder import REPOSITORY
from core.services.server import TIED, send

RESTART_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
# Who crashes while all is being started will hardly do better the sixth time.
CRASHES_FORGIVEN_AT_FIRST = 2
STEADY_AFTER_SECONDS = 60.0
POLL_SECONDS = 0.1
LINES_KEPT = 20
SECONDS_AFTER_KILL = 10.0


class ChildFailed(Exception):
    """A child crashed again and again; the message holds its last lines."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    # Sent when we are killed ourselves: the quickest clean end that leaves none of the program's own children behind.
    orphan_signal: signal.Signals = signal.SIGTERM
    stop_patience_seconds: float = 20.0


@dataclass(slots=True)
class Child:
    """A program and its running process."""

    program: Program
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    crashes: int = 0
    restart_at: float | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))


class Supervisor:
    """Runs programs until told to stop, or until one cannot be kept alive.

    All processes are started by the thread that calls: the kernel takes the end of that thread for our death.
    """

    def __init__(self, programs: Sequence[Program], write: Callable[[str, str], None]) -> None:
        self.children = [Child(program) for program in programs]
        self._write = write
        self._stops_asked = 0
        self._crashes_forgiven = CRASHES_FORGIVEN_AT_FIRST

    def start(self, only: str = "") -> None:
        """Start every program that was not started yet, in order, or only the one of that name."""
        for child in self.children:
            if child.process is None and only in ("", child.program.name):
                self._start(child)

    def settle(self) -> None:
        """Take note that everything has started: from now on a crash may have a passing cause."""
        self._crashes_forgiven = len(RESTART_PAUSES_SECONDS)

    def ask_to_stop(self, *_: object) -> None:
        """Make `run` return; asked twice, end the programs at once. Fit for a signal handler."""
        self._stops_asked += 1

    @property
    def is_stopping(self) -> bool:
        """Tell whether the programs were asked to stop."""
        return self._stops_asked > 0

    @property
    def _is_impatient(self) -> bool:
        return self._stops_asked > 1

    def step(self) -> None:
        """Look after every program once, then rest a moment.

        Raises ChildFailed when one crashed too often in a row.
        """
        for child in self.children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    self._start(child)
            elif child.process is not None and child.process.poll() is not None:
                self._on_crash(child, child.process.returncode)
        time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop every program, the last started first, and everything they started."""
        for child in reversed(self.children):
            if child.process is not None:
                self._stop(child, child.process)

    def _start(self, child: Child) -> None:
        program = child.program
        tied = [sys.executable, "-I", "-S", str(TIED), str(int(program.orphan_signal)), str(os.getpid())]
        # S603: our own programs, without a shell.
        process = subprocess.Popen(  # noqa: S603
            [*tied, *program.command],
            cwd=REPOSITORY,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        child.process, child.started_at, child.restart_at = process, time.monotonic(), None
        if process.stdout is not None:
            threading.Thread(target=self._copy_lines, args=(child, process.stdout), daemon=True).start()

    def _copy_lines(self, child: Child, lines: IO[str]) -> None:
        for line in lines:
            child.lines.append(line.rstrip("\n"))
            self._write(child.program.name, line.rstrip("\n"))

    def _on_crash(self, child: Child, code: int) -> None:
        if child.process is not None:
            end_group(child.process.pid, signal.SIGKILL)
        child.crashes = 1 if time.monotonic() - child.started_at > STEADY_AFTER_SECONDS else child.crashes + 1
        ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if child.crashes > self._crashes_forgiven:
            last = "\n".join(f"    {line}" for line in child.lines)
            raise ChildFailed(
                f"{child.program.name} ended {child.crashes} times in a row ({ended}). Its last lines:\n{last}"
            )
        pause = RESTART_PAUSES_SECONDS[child.crashes - 1]
        child.restart_at = time.monotonic() + pause
        self._write("up", f"{child.program.name} ended ({ended}); it starts again in {pause:g} s")

    def _stop(self, child: Child, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            send(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + child.program.stop_patience_seconds
        while process.poll() is None and time.monotonic() < deadline and not self._is_impatient:
            time.sleep(POLL_SECONDS / 2)
        if process.poll() is None:
            end_group(process.pid, child.program.orphan_signal)
            try:
                process.wait(SECONDS_AFTER_KILL)
            except subprocess.TimeoutExpired:
                self._write("up", f"{child.program.name} does not stop: it is killed")
        end_group(process.pid, signal.SIGKILL)
        process.wait()


def end_group(leader_pid: int, number: signal.Signals) -> None:
    """Send a signal to what is left of a process group; each child leads its own."""
    try:
        os.killpg(leader_pid, number)
    except (ProcessLookupError, PermissionError):
        # Nothing left, or (on macOS) nothing but the dead.
        return


def find_marked(variable: str, value: str) -> list[int]:
    """Return the processes started with this environment variable at this value; none where /proc is missing."""
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            # Ended meanwhile, or another user's.
            continue
        if wanted in entries:
            found.append(int(folder.name))
    return found


def end_marked(variable: str, value: str, patience_seconds: float) -> int:
    """End the processes that carry the mark: asked first, killed after the patience. Return how many there were."""
    first = find_marked(variable, value)
    for pid in first:
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while left := find_marked(variable, value):
        if time.monotonic() > deadline:
            for pid in left:
                send(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return len(first)
