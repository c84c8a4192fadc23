"""What the keeper asks of a server, whichever it is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

TIED = Path(__file__).with_name("tied.py")
ORPHAN_PATIENCE_SECONDS = 30.0


class Server(Protocol):
    """A server inside a data folder."""

    name: str
    folder: Path
    stop_signal: signal.Signals

    def prepare(self) -> None:
        """Make the server's files ready, with no server running; repeatable after any interruption."""

    def command(self) -> Sequence[str]:
        """Return the program and arguments that run the server in the foreground."""

    def is_ready(self) -> bool:
        """Tell whether the server answers."""

    def running_pid(self) -> int | None:
        """Return the process number that the server's files name, if they name one."""


def start_tied(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server that gets its stop signal when this process dies; its output is appended to the log."""
    with log.open("ab") as output:
        # S603: a server's own command, without a shell.
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )


def tied_command(server: Server) -> list[str]:
    """Return the server's command, wrapped so that the server stops when this process dies."""
    return [sys.executable, "-I", "-S", str(TIED), str(int(server.stop_signal)), str(os.getpid()), *server.command()]


def stop_orphan(server: Server) -> None:
    """Stop the server that a killed keeper may have left behind.

    A process counts as that server only if its command line names the server's folder: numbers are used again.
    """
    pid = server.running_pid()
    if pid is None or str(server.folder) not in command_line(pid):
        return
    deadline = time.monotonic() + ORPHAN_PATIENCE_SECONDS
    send(pid, server.stop_signal)
    while str(server.folder) in command_line(pid):
        if time.monotonic() > deadline:
            send(pid, signal.SIGKILL)
        time.sleep(0.05)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def command_line(pid: int) -> str:
    """Return the command line of a process, empty when there is none or it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    # S603, S607: ps of this machine with a number as its argument.
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return listing.stdout
