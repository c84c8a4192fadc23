"""The embedded services as `up` watches them: what their keepers repaired is told, a keeper that died is replaced."""

import time
from collections.abc import Callable, Sequence

from core.services.errors import ServiceError
from core.services.keeper import State, state_path
from core.services.lease import Lease

LOOK_EVERY_SECONDS = 1.0
MOST_KEEPER_DEATHS = 5
STEADY_AFTER_SECONDS = 60.0


class ServiceWatch:
    """Looks after the services that this process holds."""

    def __init__(self, leases: Sequence[Lease], write: Callable[[str, str], None]) -> None:
        self._leases = leases
        self._write = write
        self._server_pids = {lease.name: self._pid_of(lease) for lease in leases}
        self._deaths: list[float] = []
        self._looked_at = time.monotonic()

    def step(self) -> None:
        """Look at every service, once a second.

        Raises ServiceError when a service cannot be kept alive.
        """
        if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return
        self._looked_at = time.monotonic()
        for lease in self._leases:
            if not lease.is_kept():
                self._replace_keeper(lease)
            pid = self._pid_of(lease)
            if pid is not None and pid != self._server_pids[lease.name]:
                self._server_pids[lease.name] = pid
                self._write("up", f"{lease.name} was started again; {lease.data.logs / lease.name}.log may say why")

    def _replace_keeper(self, lease: Lease) -> None:
        now = time.monotonic()
        self._deaths = [*(moment for moment in self._deaths if now - moment < STEADY_AFTER_SECONDS), now]
        state = State.read(state_path(lease.data, lease.name))
        if len(self._deaths) > MOST_KEEPER_DEATHS:
            raise ServiceError(f"The embedded {lease.name} cannot be kept alive. {state.detail if state else ''}")
        self._write("up", f"{lease.name} has ended; it starts again")
        lease.restart()

    def _pid_of(self, lease: Lease) -> int | None:
        state = State.read(state_path(lease.data, lease.name))
        return state.server_pid if state is not None and state.status == "ready" else None
