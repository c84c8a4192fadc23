"""How many events were stored, repeated and rejected since the figures began; Redis holds them."""

from dataclasses import dataclass

from django.db import connection

from core.redis_client import redis_client


@dataclass(frozen=True, slots=True)
class EventCount:
    """So many events with an outcome; the reason is empty unless they were rejected."""

    outcome: str
    reason: str
    count: int


def counts_key() -> str:
    """Return under which name Redis holds the figures: two instances may share one Redis, never one database."""
    return f"{connection.settings_dict['NAME']}:usage:outcomes"


def list_event_counts() -> list[EventCount]:
    """Return the figures by outcome and reason. Raises what `REDIS_AWAY` names when Redis is away."""
    found = redis_client().hgetall(counts_key())
    counts = []
    for name, count in sorted(found.items()):
        outcome, _, reason = (name if isinstance(name, str) else name.decode()).partition(":")
        counts.append(EventCount(outcome, reason, int(count)))
    return counts
