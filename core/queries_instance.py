"""Reads of what this instance is and whether it is held."""

from core.models import Instance


def find_instance() -> Instance | None:
    """Return the instance's one row, None before the first migration made it."""
    return Instance.objects.first()


def find_held() -> Instance | None:
    """Return the instance's row while it is held, else None."""
    return Instance.objects.filter(held_at__isnull=False).first()
