"""Use of an embedded service: start it when it does not run, hold it until this process ends."""

import atexit
import os
import shutil
import subprocess
import sys
import threading
import time

from core.services.errors import ServiceError
from core.services.folder import REPOSITORY, DataFolder
from core.services.keeper import SERVERS, State, keeper_lock_path, state_path, users_lock_path
from core.services.locks import FileLock

START_TIMEOUT_SECONDS = 150.0
LEAVE_TIMEOUT_SECONDS = 20.0
POLL_SECONDS = 0.02
# Set by the test settings: the data folder goes away with its last user, and the servers need not survive a power cut.
THROWAWAY_VARIABLE = "RECKONER_THROWAWAY"
# Marks the children of one `up`, so that its successor finds what a killed one left; a keeper is no such child.
CHILD_MARK_VARIABLE = "RECKONER_UP_MARK"

_mutex = threading.RLock()
_held: dict[str, "Lease"] = {}


class Lease:
    """One process's use of one service."""

    def __init__(self, data: DataFolder, name: str) -> None:
        self.data = data
        self.name = name
        self.owner_pid = os.getpid()
        self._users_lock = FileLock(users_lock_path(data, name))

    def take(self) -> State:
        """Hold the service, started if need be, and return its state once it answers.

        Raises ServiceError when it cannot be started.
        """
        # Waits out a keeper that is stopping. From here on no keeper stops for want of users.
        self._users_lock.share()
        try:
            self._start_keeper_unless_running()
            return self._wait_until_ready()
        except BaseException:
            self._users_lock.release()
            raise

    def is_kept(self) -> bool:
        """Tell whether a keeper lives."""
        lock = FileLock(keeper_lock_path(self.data, self.name))
        free = lock.try_take()
        lock.release()
        return not free

    def restart(self) -> State:
        """Start a new keeper in place of one that died, while the lease goes on."""
        self._start_keeper_unless_running()
        return self._wait_until_ready()

    def leave(self) -> bool:
        """Stop using the service; if nobody else does, wait until it has stopped. Tell whether it has."""
        self._users_lock.release()
        deadline = time.monotonic() + LEAVE_TIMEOUT_SECONDS
        while self.data.path.exists() and self.is_kept():
            if not self._is_stopping() and self._has_other_users():
                return False
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _is_stopping(self) -> bool:
        state = State.read(state_path(self.data, self.name))
        return state is None or state.status == "stopping"

    def _has_other_users(self) -> bool:
        """Tell whether someone else holds the service; for a moment a keeper about to stop looks the same."""
        lock = FileLock(users_lock_path(self.data, self.name))
        for _ in range(10):
            if lock.try_take():
                lock.release()
                return False
            if self._is_stopping():
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _start_keeper_unless_running(self) -> None:
        with FileLock(self.data.run / f"{self.name}.start"):
            if self.is_kept():
                return
            # What a killed keeper last said must not be taken for the new one's words.
            state_path(self.data, self.name).unlink(missing_ok=True)
            command = [sys.executable, "-m", "core.services.keeper", self.name, str(self.data.path)]
            if os.environ.get(THROWAWAY_VARIABLE):
                command.append("--throwaway")
            surroundings = {name: value for name, value in os.environ.items() if name != CHILD_MARK_VARIABLE}
            with (self.data.logs / "keeper.log").open("ab") as log:
                # S603: our own module, without a shell.
                keeper = subprocess.Popen(  # noqa: S603
                    command,
                    cwd=REPOSITORY,
                    env=surroundings,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            # Reaped in the background: a zombie would look alive to who counts processes.
            threading.Thread(target=keeper.wait, daemon=True).start()
            while State.read(state_path(self.data, self.name)) is None and keeper.poll() is None:
                time.sleep(POLL_SECONDS)

    def _wait_until_ready(self) -> State:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            state = State.read(state_path(self.data, self.name))
            if state is not None and state.status == "ready":
                return state
            if state is not None and state.status == "failed":
                raise ServiceError(f"The embedded {self.name} did not start: {state.detail}")
            if not self.is_kept() or time.monotonic() > deadline:
                log = self.data.logs / "keeper.log"
                raise ServiceError(f"The embedded {self.name} did not start; {log} may say why.")
            time.sleep(POLL_SECONDS)


def ensure(name: str, data: DataFolder | None = None) -> Lease:
    """Hold the service of that name until this process ends, started if it does not run. Repeated calls cost nothing.

    Raises ServiceError when it cannot be started.
    """
    with _mutex:
        lease = _held.get(name)
        if lease is None:
            lease = Lease(data or DataFolder.from_environment(), name)
            lease.take()
            if not _held:
                atexit.register(release_all)
            _held[name] = lease
        return lease


def release_all() -> dict[str, bool]:
    """Stop using every service; tell for each whether it has stopped, which it does when nobody else uses it."""
    with _mutex:
        mine = {name: lease for name, lease in _held.items() if lease.owner_pid == os.getpid()}
        _held.clear()
    return {name: lease.leave() for name, lease in mine.items()}


def discard(data: DataFolder) -> None:
    """Delete a throwaway folder unless a server runs in it; then its keeper does that."""
    if data.path.exists() and not any(Lease(data, name).is_kept() for name in SERVERS):
        shutil.rmtree(data.path, ignore_errors=True)
