"""Writes of what was used."""

from usage.operations.intake import record_event, record_events

__all__ = ["record_event", "record_events"]
