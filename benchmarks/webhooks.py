"""Webhooks: from the commit of a fact to the receiver that has it, at a hundred facts a second."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction

from benchmarks import databases, processes
from benchmarks.measure import Result
from benchmarks.processes import Gate
from benchmarks.sizes import Sizes
from core.clock import wall_now
from core.domain.outbox import OutboxDraft
from core.operations import SYSTEM, emit
from core.services.folder import REPOSITORY
from customers import operations as customer_operations
from customers.domain.customer import CustomerDraft
from notifications.operations.endpoints import create_endpoint

P95 = "webhooks_p95_ms"
NAMES = (P95,)
FACTS_A_SECOND = 100
SECONDS = 15
READY_SECONDS = 60.0
LEFT_SECONDS = 10.0


def measure(sizes: Sizes, names: set[str]) -> Iterator[Result]:
    """Yield the time within which 95 of 100 facts arrive."""
    databases.create("bench_webhooks", "bench_empty")
    yield Result(P95, processes.run("bench_webhooks", tell_and_listen), "ms")
    databases.drop("bench_webhooks")


class _Server(http.server.ThreadingHTTPServer):
    """A server that lets as many connect at once as a real one."""

    request_queue_size = 256


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Notes when each fact arrives, by the number in its details."""

    arrived: dict[int, float] = {}
    others: list[str] = []

    def do_POST(self) -> None:
        """Take an event."""
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = event["data"].get("details", {}).get("number")
        if number is None:
            self.others.append(event["id"])
        else:
            self.arrived.setdefault(number, time.monotonic())
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def tell_and_listen(gate: Gate) -> float:
    """Commit facts about a hundred customers at an even pace beside a dispatcher; return milliseconds."""
    settings.WEBHOOK_LOCAL_TARGETS = True
    server = _Server(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    customers = _populate(server.server_address[1])
    command = [sys.executable, str(REPOSITORY / "manage.py"), "dispatch"]
    # S603: our own program.
    dispatcher = subprocess.Popen(command, env=os.environ | {"WEBHOOK_LOCAL_TARGETS": "true"})  # noqa: S603
    try:
        # The customers' own facts wait for it: once they have come it is at work.
        deadline = time.monotonic() + READY_SECONDS
        while len(_Receiver.others) < len(customers) and time.monotonic() < deadline:
            time.sleep(0.05)
        gate()
        committed = _commit_facts(customers)
        deadline = time.monotonic() + LEFT_SECONDS
        while len(_Receiver.arrived.keys() & committed.keys()) < len(committed) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        dispatcher.terminate()
        dispatcher.wait()
        server.shutdown()
    missing = committed.keys() - _Receiver.arrived.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(committed)} facts did not arrive")
    waits = sorted(_Receiver.arrived[number] - at for number, at in committed.items())
    return waits[int(len(waits) * 0.95)] * 1000


def _populate(port: int) -> list[uuid.UUID]:
    now = wall_now()
    brand = customer_operations.ensure_default_brand(now=now)
    create_endpoint({"url": f"http://127.0.0.1:{port}/hooks"}, actor=SYSTEM, now=now)
    drafts = (CustomerDraft(email=f"{number}@example.org", brand_id=brand.id) for number in range(FACTS_A_SECOND))
    return [customer_operations.create_customer(draft, actor=SYSTEM, now=now).id for draft in drafts]


def _commit_facts(customers: list[uuid.UUID]) -> dict[int, float]:
    """Commit one fact in a transaction each, a hundred a second; return when each was committed."""
    committed: dict[int, float] = {}
    began = time.monotonic()
    for number in range(FACTS_A_SECOND * SECONDS):
        time.sleep(max(began + number / FACTS_A_SECOND - time.monotonic(), 0))
        object_id = customers[number % len(customers)]
        with transaction.atomic():
            emit(OutboxDraft("customer.updated", "customer", object_id, wall_now(), {"number": number}))
        committed[number] = time.monotonic()
    return committed
