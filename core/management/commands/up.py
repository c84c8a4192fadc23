"""Run everything in the foreground: services, migrations, web, worker, scheduler."""

import argparse
import http.client
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from core.services import lease
from core.services.errors import ServiceError
from core.services.folder import REPOSITORY, DataFolder
from core.services.locks import FileLock
from core.services.supervisor import ChildFailed, Program, Supervisor, end_marked
from core.services.watch import ServiceWatch

WEB_READY_TIMEOUT_SECONDS = 90.0
LEFTOVER_PATIENCE_SECONDS = 10.0
NAME_WIDTH = 11


class Command(BaseCommand):
    """Everything of one instance, in one terminal."""

    help = "Run the database, the site, the worker and the scheduler in the foreground until Ctrl-C."
    requires_system_checks = ()
    # Code may give it, the command line cannot.
    stealth_options = ("prepare",)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="where the site listens (RECKONER_PORT, 8000)"
        )
        parser.add_argument(
            "--host", default=os.environ.get("RECKONER_HOST", "127.0.0.1"), help="RECKONER_HOST, 127.0.0.1"
        )
        parser.add_argument(
            "--data-dir", help="where all data is kept (RECKONER_DATA_DIR, var); every command knows it"
        )
        parser.add_argument("--no-worker", action="store_true", help="neither worker, dispatcher nor scheduler")

    def handle(self, *args: Any, prepare: Callable[[], None] | None = None, **options: Any) -> None:
        """Run until told to stop; `prepare` is done while the site starts, and before anything is said to be ready."""
        self.output_lock = threading.Lock()
        self.host, self.port = options["host"], options["port"]
        self.data = DataFolder(settings.DATA_DIR)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        lock = FileLock(self.data.run / "up")
        try:
            self._own_folder(lock)
            self._refuse_taken_port()
            watch = self._start_services()
            self._migrate()
            self._run_children(watch, prepare, with_worker=not options["no_worker"])
        except KeyboardInterrupt:
            self.say("up", "stopped before it was ready")
        except (ServiceError, ChildFailed) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        finally:
            self._stop_services()
            if lock.is_held:
                lock.write("")
            lock.release()

    def say(self, name: str, line: str) -> None:
        """Write a line of a child, or our own, to standard error."""
        with self.output_lock:
            try:
                sys.stderr.write(f"{name:<{NAME_WIDTH}}| {line}\n")
                sys.stderr.flush()
            except OSError:
                # Nobody reads any more; the children must be able to write on nevertheless.
                return

    def _own_folder(self, lock: FileLock) -> None:
        if not lock.try_take():
            holder = _read_note(lock)
            raise ServiceError(
                f"Reckoner is already up on {self.data.path}: process {holder.get('pid', 'unknown')}, "
                f"{holder.get('url', '')}. Stop it first, or give another folder with --data-dir."
            )
        mark = _read_note(lock).get("mark")
        if mark and end_marked(lease.CHILD_MARK_VARIABLE, mark, LEFTOVER_PATIENCE_SECONDS):
            self.say("up", "processes of a killed predecessor were ended")
        self.mark = secrets.token_hex(8)
        lock.write(json.dumps({"pid": os.getpid(), "url": self.url, "mark": self.mark}))

    @property
    def url(self) -> str:
        """Return where a browser on this machine finds the site."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not listened on
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def _refuse_taken_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except (OSError, OverflowError) as error:
                raise ServiceError(
                    f"Port {self.port} on {self.host} cannot be used: {getattr(error, 'strerror', None) or error}. "
                    "Choose another with --port or RECKONER_PORT."
                ) from error

    def _start_services(self) -> ServiceWatch:
        leases = [lease.ensure(name, self.data) for name in settings.EMBEDDED_SERVICES]
        for name in settings.EMBEDDED_SERVICES:
            self.say("up", f"{name} runs in {self.data.path}")
        return ServiceWatch(leases, self.say)

    def _migrate(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        connections.close_all()
        self.say("up", "migrations are applied")

    def _run_children(self, watch: ServiceWatch, prepare: Callable[[], None] | None, *, with_worker: bool) -> None:
        supervisor = Supervisor(self._programs(with_worker=with_worker), self.say)
        try:
            if prepare is not None:
                # The site alone: a worker would bill what is only being loaded.
                supervisor.start(only="web")
                prepare()
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, supervisor.ask_to_stop)
            supervisor.start()
            ready, started_at = False, time.monotonic()
            while not supervisor.is_stopping:
                supervisor.step()
                watch.step()
                if not ready and self._answers():
                    ready = True
                    supervisor.settle()
                    self.stdout.write(f"Reckoner is ready on {self.url}")
                    self.stdout.flush()
                if not ready and time.monotonic() - started_at > WEB_READY_TIMEOUT_SECONDS:
                    raise ChildFailed(f"The site does not answer on {self.url} after {WEB_READY_TIMEOUT_SECONDS:g} s.")
        finally:
            self.say("up", "stopping")
            supervisor.stop()

    def _programs(self, *, with_worker: bool) -> list[Program]:
        surroundings = os.environ | {
            "RECKONER_DATA_DIR": str(self.data.path),
            "RECKONER_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            lease.CHILD_MARK_VARIABLE: self.mark,
        }
        if sys.stderr.isatty():
            surroundings.setdefault("LOG_FORMAT", "text")
        # Root may run the whole in a box: what the worker says against that is meant for real servers.
        celery = [
            sys.executable,
            "-W",
            "ignore:You're running the worker with superuser",
            "-m",
            "celery",
            "--quiet",
            "--app",
            "config",
        ]
        schedule = str(self.data.run / "beat-schedule")
        programs = [Program("web", web_command(self.host, self.port), surroundings)]
        if with_worker:
            # Tasks are small and may be lost: our death ends them at once (SIGQUIT), an orderly stop waits for them.
            worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
            programs.append(Program("worker", worker, surroundings, orphan_signal=signal.SIGQUIT))
            dispatch = [sys.executable, str(REPOSITORY / "manage.py"), "dispatch"]
            programs.append(Program("dispatcher", dispatch, surroundings))
            programs.append(
                Program("beat", [*celery, "beat", "--loglevel", "WARNING", "--pidfile=", "-s", schedule], surroundings)
            )
        return programs

    def _answers(self) -> bool:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not listened on
        connection = http.client.HTTPConnection(host, self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _stop_services(self) -> None:
        connections.close_all()
        for name, stopped in lease.release_all().items():
            self.say(
                "up", f"{name} has stopped" if stopped else f"{name} goes on until the other command that uses it ends"
            )


def web_command(host: str, port: int) -> list[str]:
    """Return the command of the web server; WEB_WORKERS processes with WEB_THREADS threads each (2 and 32).

    Most threads wait: for the disk, for a lock, for the commit that their single event shares with the others'.
    """
    size = ["--workers", os.environ.get("WEB_WORKERS", "2"), "--blocking-threads", os.environ.get("WEB_THREADS", "32")]
    # Its warning is about so many threads.
    quiet = ["--no-ws", "--log-level", "error"]
    address = ["--interface", "wsgi", "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "granian", *address, *size, *quiet, "config.wsgi:application"]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _read_note(lock: FileLock) -> dict[str, Any]:
    text = lock.path.read_text() if lock.path.exists() else ""
    note: dict[str, Any] = json.loads(text) if text else {}
    return note
