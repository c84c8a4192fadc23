"""The only place that reads the wall clock; only edges call it and pass the moment on."""

from datetime import UTC, datetime


def wall_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
