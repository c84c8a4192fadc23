"""Fifty thousand events: what the subscriptions used, second by second."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from examples.recipe.agreements import ENDS_AT, Agreed, happens, text_of

EVENTS = 50_000
# How many events of a metric a subscription sends, compared with the other metrics.
WEIGHTS = {"api_requests": 7, "reports": 6, "active_users": 7, "storage": 3, "sources": 1, "checkout": 4}
FIRST_HOUR = timedelta(hours=1)
LATE_EVENTS = 60
LATEST_LATE = "2026-03-20"
ENDPOINTS = ("/v2/figures", "/v2/segments", "/v2/export", "/v2/alerts")


@dataclass(frozen=True)
class Stream:
    """One metric of one subscription, with how busy it is."""

    agreed: Agreed
    metric: str
    size: int
    weight: int

    @property
    def seconds(self) -> int:
        """Return how long it lasts."""
        return int((ENDS_AT - self.agreed.start_at - FIRST_HOUR).total_seconds())


def make_events(chance: random.Random, agreed: list[Agreed]) -> list[dict[str, Any]]:
    """Return the events in the order in which they happened, each with an id of its own."""
    streams = [
        Stream(one, metric, size := chance.randrange(1, 9), WEIGHTS[metric] * (size + 4))
        for one in agreed
        for metric in one.usage
    ]
    loads = [stream.weight * stream.seconds for stream in streams]
    total = sum(loads)
    events: list[tuple[datetime, int, dict[str, Any]]] = []
    counts = [EVENTS * load // total for load in loads]
    for position in range(EVENTS - sum(counts)):
        counts[position % len(counts)] += 1
    for stream, count in zip(streams, counts, strict=True):
        for moment in _moments(chance, stream, count):
            events.append((moment, len(events), _event(chance, stream, moment, len(events))))
    events.sort(key=lambda event: event[:2])
    rows = [{"event_id": f"e{number:05}", **row} for number, (_, _, row) in enumerate(events, start=1)]
    _send_some_late(chance, rows)
    return rows


def _moments(chance: random.Random, stream: Stream, count: int) -> Iterator[datetime]:
    """Yield when a stream's events happen."""
    begins_at = stream.agreed.start_at + FIRST_HOUR
    for _ in range(count):
        yield begins_at + timedelta(seconds=chance.randrange(stream.seconds))


def _event(chance: random.Random, stream: Stream, moment: datetime, number: int) -> dict[str, Any]:
    """Return one event of a stream."""
    value, properties = _content(chance, stream, moment)
    return {
        "subscription": stream.agreed.row["reference"],
        "code": stream.metric,
        "value": value,
        "properties": json.dumps(properties, separators=(",", ":")) if properties else "",
        "timestamp": text_of(moment),
        "sent_at": "",
    }


def _content(chance: random.Random, stream: Stream, moment: datetime) -> tuple[int | str, dict[str, Any]]:
    """Return what an event says: its value and its properties."""
    size = stream.size
    match stream.metric:
        case "api_requests":
            environment = "production" if happens(chance, 80) else "staging"
            batch = chance.randrange(50, 900 * size * (12 if stream.agreed.plan == "enterprise" else 1))
            return batch, {"environment": environment, "endpoint": chance.choice(ENDPOINTS)}
        case "reports":
            return 1, {"kind": "preview" if happens(chance, 25) else "full"}
        case "active_users":
            role = "guest" if happens(chance, 8) else "member"
            return 1, {"user": f"u{chance.randrange(6 * size + 2)}", "role": role}
        case "storage":
            grown = (moment - stream.agreed.start_at).days * size
            return f"{5 * size + grown // 3 + chance.randrange(3)}.{chance.randrange(100):02}", {}
        case "sources":
            return max(1, size + chance.randrange(-1, 3)), {}
        case _:
            return chance.randrange(800, 30_000), {"order": f"o{chance.randrange(10**6):06}"}


def _send_some_late(chance: random.Random, rows: list[dict[str, Any]]) -> None:
    """Let a few events arrive days after they happened, some after their period was billed."""
    usual = [row for row in rows if row["code"] == "api_requests" and row["timestamp"] < LATEST_LATE]
    for row in chance.sample(usual, LATE_EVENTS):
        happened_at = datetime.fromisoformat(row["timestamp"])
        row["sent_at"] = text_of(happened_at + timedelta(days=chance.randrange(2, 9)))
