"""Writes of what was used."""

from usage.operations.intake import record_events
from usage.operations.together import record_event

__all__ = ["record_event", "record_events"]
