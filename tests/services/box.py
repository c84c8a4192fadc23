"""A data folder of its own, and real processes on it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from core.services.folder import REPOSITORY
from core.services.supervisor import find_marked

# No verdict on speed: on a busy machine a server takes as long as it takes to start or to end.
PATIENCE_SECONDS = 120.0
HOLD_POSTGRES = """
import sys
from core.services import lease
lease.ensure("postgres")
print("held", flush=True)
sys.stdin.read()
"""

ASK_POSTGRES = """
import sys
import psycopg
from core.services import lease, postgres
from core.services.folder import DataFolder
lease.ensure("postgres")
data = DataFolder.from_environment()
with psycopg.connect(
    host=str(data.sockets), dbname=postgres.DATABASE, user=postgres.ROLE, password=data.secret(postgres.PASSWORD_SECRET)
) as connection:
    print(connection.execute(sys.argv[1]).fetchone()[0])
"""


class Box:
    """One instance in a folder, run by this user or another."""

    def __init__(self, folder: Path, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.prefix = tuple(prefix)
        self.python = (environment or {}).get("TEST_PYTHON", sys.executable)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECKONER_", "PYTEST_"))}
        for name in ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "DATABASE_URL", "REDIS_URL"):
            kept.pop(name, None)
        self.environment = kept | {"RECKONER_DATA_DIR": str(folder), "WEB_WORKERS": "1"} | dict(environment or {})
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Python with these arguments, its output readable line by line."""
        process = subprocess.Popen(
            [*self.prefix, self.python, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.folder.parent / "stderr.log").open("a"),
            text=True,
            # A shell that runs the tests in the background has all that they start ignore SIGINT.
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - it takes no lock
        )
        self.processes.append(process)
        return process

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        return subprocess.run(
            [*self.prefix, self.python, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def up(self, *options: str) -> tuple[subprocess.Popen[str], str]:
        """Start everything, and return the process with its address once it says that it is ready."""
        port = free_port()
        process = self.start("manage.py", "up", "--port", str(port), *options)
        line = read_line(process.stdout)
        assert line == f"Reckoner is ready on http://127.0.0.1:{port}", self.complaints()
        return process, f"http://127.0.0.1:{port}"

    def hold_postgres(self) -> subprocess.Popen[str]:
        """Start a small user of PostgreSQL that ends when its input does."""
        process = self.start("-c", HOLD_POSTGRES)
        assert read_line(process.stdout) == "held", self.complaints()
        return process

    def ask(self, sql: str) -> str:
        """Return what a statement gives, asked by a small process that uses PostgreSQL as every command does."""
        process = self.start("-c", ASK_POSTGRES, sql)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, self.complaints()
        return said.strip()

    def state(self, service: str) -> dict[str, Any]:
        """Return what the keeper of a service says."""
        path = self.folder / "run" / f"{service}.state"
        # A keeper that takes over writes it anew.
        wait_until(path.exists)
        said: dict[str, Any] = json.loads(path.read_text())
        return said

    def living(self) -> list[int]:
        """Return every process of this instance: each inherits the name of the folder."""
        return find_marked("RECKONER_DATA_DIR", str(self.folder))

    def is_gone(self) -> bool:
        """Tell whether every process ends: a keeper drops its locks a moment before it is no more."""
        return wait_until(lambda: not self.living())

    def complaints(self) -> str:
        """Return what the processes wrote to standard error."""
        return (self.folder.parent / "stderr.log").read_text()

    def end(self) -> None:
        """Kill what a failed test left."""
        for process in self.processes:
            process.kill()
            process.wait()
        if not wait_until(lambda: not self.living(), 20):
            for pid in self.living():
                os.kill(pid, signal.SIGKILL)


def hear_interrupts() -> None:
    """Let SIGINT end this process, as it ends one that a terminal started."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(is_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until something is true; tell whether it became so in time."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def get(url: str) -> tuple[int, Any]:
    """Return the status and the JSON of an address."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def read_line(stream: IO[str] | None) -> str:
    """Return the next line of a process's output, empty when it ends without one."""
    assert stream is not None
    return stream.readline().strip()


def free_port() -> int:
    """Return a port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
