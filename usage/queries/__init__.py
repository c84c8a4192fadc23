"""Reads of what was used."""

from usage.queries.events import EventFilter, EventKey, StoredEvent, list_events, list_subscriptions
from usage.queries.figures import list_usage_figures
from usage.queries.running import RunningUsage, get_running_usage

__all__ = [
    "EventFilter",
    "EventKey",
    "RunningUsage",
    "StoredEvent",
    "get_running_usage",
    "list_events",
    "list_subscriptions",
    "list_usage_figures",
]
