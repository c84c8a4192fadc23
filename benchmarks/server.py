"""The web server, started as `manage.py up` starts it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.client import Client
from benchmarks.processes import Gate
from benchmarks.surroundings import DATABASE_VARIABLE
from core.clock import wall_now
from core.management.commands.up import web_command
from core.operations import SYSTEM
from core.operations_api_keys import ApiKeyDraft, create_api_key

HOST = "127.0.0.1"
REQUESTS_A_SECOND = 100_000
_LONGEST_START_SECONDS = 60.0
_LONGEST_STOP_SECONDS = 20.0


def make_key(gate: Gate, scope: str) -> str:
    """Return a new API key of a scope; its limit of requests is kept, and too high to be met."""
    gate()
    draft = ApiKeyDraft(f"bench {scope}", scope, rate_limit=REQUESTS_A_SECOND, rate_burst=REQUESTS_A_SECOND)
    return create_api_key(draft, actor=SYSTEM, now=wall_now()).key


@contextmanager
def serving(database: str) -> Iterator[int]:
    """Serve a database for a while, on a port that was free. Raises RuntimeError when nothing answers in time."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(web_command(HOST, port), env={**os.environ, DATABASE_VARIABLE: database})  # noqa: S603 - our own command
    try:
        _wait_until_ready(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_LONGEST_STOP_SECONDS)


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while time.monotonic() < deadline:
        try:
            with Client(HOST, port) as client:
                client.get("/readyz")
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server does not answer within {_LONGEST_START_SECONDS:g} s")
