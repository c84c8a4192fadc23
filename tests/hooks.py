"""Webhook endpoints for tests: receivers that answer as told, without a network."""

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core.domain.outbox import OutboxDraft
from core.operations import SYSTEM, emit
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.operations.delivering import deliver_due
from notifications.operations.endpoints import IssuedEndpoint, create_endpoint
from notifications.posting import PostAnswer
from tests.cast import JANUARY

TAKEN = PostAnswer(200, "ok")
DOWN = PostAnswer(failure="Connection refused")


class Receivers:
    """Stands for every receiver: answers by URL as told, and keeps what was taken."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], PostAnswer]] = {}
        self.taken: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.tries: dict[str, list[str]] = defaultdict(list)
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], *, local: bool) -> PostAnswer:
        event = json.loads(body)
        with self._lock:
            self.tries[url].append(event["id"])
            self.headers.append(headers)
            self.bodies.append(body)
            answer = self.answers[url](event) if url in self.answers else TAKEN
            if answer.is_success:
                self.taken[url].append(event)
        return answer

    def types(self, url: str) -> list[str]:
        """Return the types that a receiver took, in order."""
        return [event["type"] for event in self.taken[url]]


def make_endpoint(name: str = "hooks", *events: str, now: datetime = JANUARY) -> IssuedEndpoint:
    """Make an endpoint that wants some events, or every one."""
    facts = {"url": f"https://{name}.example.com/", "events": list(events)}
    return create_endpoint(facts, actor=SYSTEM, now=now)


def tell(*facts: tuple[str, uuid.UUID], at: datetime = JANUARY, payload: Any = None) -> None:
    """Write facts about plans into the outbox: `plan.updated` of an id."""
    with transaction.atomic():
        emit(*(OutboxDraft(type_, type_.partition(".")[0], one, at, payload or {}) for type_, one in facts))


def deliver(receivers: Receivers, now: datetime) -> None:
    """Send all that is due at a moment."""
    deliver_due(lambda: now, send=receivers)


def states(endpoint: WebhookEndpoint) -> Sequence[tuple[str, str, int]]:
    """Return type, status and tries of an endpoint's deliveries, in the order of their facts."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("fact_id", "id")
    return [(row.type, str(row.status), row.tries) for row in rows]
