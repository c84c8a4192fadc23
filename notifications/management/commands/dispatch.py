"""Send webhooks as facts are committed."""

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from core.clock import wall_now
from core.nudging import listen
from core.operations_instance import InstanceHeld
from core.redis_client import REDIS_AWAY
from core.services.errors import ServiceError
from notifications.operations.delivering import Dispatcher

POLL_SECONDS = 5.0
LISTEN_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """The dispatcher: nudged by commits, and looking by itself every five seconds."""

    help = (
        "Send webhooks in the foreground until Ctrl-C. Any number may run; without one a worker does it every minute."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop; what is under way is settled first."""
        self.stopping = threading.Event()
        self.dispatcher = Dispatcher()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._stop)
        threading.Thread(target=self._listen, name="nudges", daemon=True).start()
        while not self.stopping.is_set():
            if not self._round():
                self.dispatcher.woken.wait(POLL_SECONDS)
        self.dispatcher.close(wall_now)

    def _round(self) -> bool:
        """Do a round; a database that is away is waited for."""
        try:
            close_old_connections()
            return self.dispatcher.round(wall_now())
        except InstanceHeld as held:
            log.warning("instance_held", reason=held.message)
        except (DatabaseError, ServiceError) as error:
            log.warning("dispatcher_without_database", reason=str(error))
        self.stopping.wait(POLL_SECONDS)
        return False

    def _listen(self) -> None:
        """Wake the dispatcher at every nudge; while Redis is away it looks by itself."""
        while not self.stopping.is_set():
            try:
                listen(self.dispatcher.woken.set, self.stopping.is_set, pause_seconds=LISTEN_SECONDS)
            except REDIS_AWAY:
                self.stopping.wait(POLL_SECONDS)

    def _stop(self, *_: object) -> None:
        self.stopping.set()
        self.dispatcher.woken.set()
