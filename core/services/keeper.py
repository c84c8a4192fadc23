"""The keeper: a small process that runs one server for as long as somebody uses it.

Run as `python -m core.services.keeper NAME DATA_FOLDER [--throwaway]` by `lease`. It is in a session of its own, so
that Ctrl-C at a command reaches the command alone; nobody needs to tell it that the command ended, because the kernel
drops the command's lock.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from core.services.errors import ServiceError
from core.services.folder import DataFolder
from core.services.locks import FileLock
from core.services.postgres import Postgres
from core.services.server import Server, start_tied, stop_orphan, tied_command
from core.services.valkey import Valkey

SERVERS: dict[str, type[Postgres] | type[Valkey]] = {"postgres": Postgres, "valkey": Valkey}
READY_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 60.0
# A terminated keeper first lets the users end: at a machine's shutdown everyone is told at once.
PATIENCE_AFTER_SIGNAL_SECONDS = 15.0
RESTART_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
STEADY_AFTER_SECONDS = 60.0
LOG_SIZE_KEPT = 5_000_000
LOG_LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class State:
    """What the keeper says about its server: starting, ready, stopping or failed (then `detail` says why)."""

    status: str
    keeper_pid: int
    server_pid: int | None = None
    detail: str = ""

    @classmethod
    def read(cls, path: Path) -> "State | None":
        """Return the state last written there, None when there is none."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def write(self, path: Path) -> None:
        """Replace the state there in one step."""
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)


class Keeper:
    """Runs one server until its last user has gone."""

    def __init__(self, server: Server, data: DataFolder, *, throwaway: bool) -> None:
        self.server = server
        self.data = data
        self.throwaway = throwaway
        self.own_lock = FileLock(keeper_lock_path(data, server.name))
        self.users_lock = FileLock(users_lock_path(data, server.name))
        self.state_path = state_path(data, server.name)
        self.log = data.logs / f"{server.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.told_to_stop_at: float | None = None
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)

    def run(self) -> int:
        """Run the server until nobody uses it; return the exit code."""
        if not self.own_lock.try_take():
            return 0
        self.own_lock.write(str(os.getpid()))
        self._say("starting")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        try:
            self._shorten_log()
            stop_orphan(self.server)
            self.server.prepare()
            threading.Thread(target=self._wait_for_no_users, daemon=True).start()
            self._serve()
        except (ServiceError, OSError, subprocess.SubprocessError) as error:
            self._stop_server()
            self._say("failed", detail=str(error))
            return 1
        self._say("stopping")
        self._stop_server()
        if self.throwaway:
            self._throw_away()
        else:
            self.state_path.unlink(missing_ok=True)
        # In this order: who gets the users' lock next must find no keeper.
        self.own_lock.release()
        self.users_lock.release()
        return 0

    def _serve(self) -> None:
        restarts = 0
        while True:
            started_at = time.monotonic()
            self.process = start_tied(tied_command(self.server), self.log)
            if self._wait_until_ready():
                self._say("ready")
                self._wait_for_end()
            if self._is_over():
                return
            restarts = 1 if time.monotonic() - started_at > STEADY_AFTER_SECONDS else restarts + 1
            if restarts > len(RESTART_PAUSES_SECONDS):
                raise ServiceError(
                    f"{self.server.name} ended {restarts} times in a row. Its last words:\n{self.last_words()}"
                )
            self._sleep(RESTART_PAUSES_SECONDS[restarts - 1])

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while self._is_alive() and not self._is_over():
            # The pid file may be a killed predecessor's: it counts once it names the process started here.
            if self.process is not None and self.server.running_pid() == self.process.pid and self.server.is_ready():
                return True
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.server.name} did not become ready. Its last words:\n{self.last_words()}")
            self._sleep(0.02)
        return False

    def _wait_for_end(self) -> None:
        while self._is_alive() and not self._is_over():
            self._sleep(0.2 if self.told_to_stop_at is not None else None)

    def _is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _is_over(self) -> bool:
        if self.users_lock.is_held:
            return True
        told = self.told_to_stop_at
        return told is not None and time.monotonic() - told > PATIENCE_AFTER_SIGNAL_SECONDS

    def _wait_for_no_users(self) -> None:
        self.users_lock.take()
        os.write(self._wake_writer, b"u")

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        if self.told_to_stop_at is None:
            self.told_to_stop_at = time.monotonic()

    def _sleep(self, seconds: float | None) -> None:
        readable, _, _ = select.select([self._wake_reader], [], [], seconds)
        if readable:
            os.read(self._wake_reader, 1024)

    def _stop_server(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.server.stop_signal)
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _throw_away(self) -> None:
        shutil.rmtree(self.server.folder, ignore_errors=True)
        self.state_path.unlink(missing_ok=True)
        others = [name for name in SERVERS if name != self.server.name and (self.data.path / name).exists()]
        if not others:
            shutil.rmtree(self.data.sockets, ignore_errors=True)
            shutil.rmtree(self.data.path, ignore_errors=True)

    def _say(self, status: str, detail: str = "") -> None:
        server_pid = self.process.pid if self.process is not None and self._is_alive() else None
        State(status, os.getpid(), server_pid, detail).write(self.state_path)

    def _shorten_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_SIZE_KEPT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def last_words(self) -> str:
        """Return the last lines of the server's log."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])


def keeper_lock_path(data: DataFolder, name: str) -> Path:
    """Return the file that a living keeper holds locked."""
    return data.run / f"{name}.keeper"


def users_lock_path(data: DataFolder, name: str) -> Path:
    """Return the file that each user of a server holds locked, together with the others."""
    return data.run / f"{name}.users"


def state_path(data: DataFolder, name: str) -> Path:
    """Return the file of the keeper's state."""
    return data.run / f"{name}.state"


def main(arguments: list[str]) -> int:
    """Keep the server that the arguments name."""
    name, folder, throwaway = arguments[0], DataFolder(Path(arguments[1])), "--throwaway" in arguments[2:]
    return Keeper(SERVERS[name](folder, throwaway=throwaway), folder, throwaway=throwaway).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
