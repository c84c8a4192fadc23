"""Reads of what this instance is and whether it is held."""

from django.db import connection

from core.models import Instance


def find_instance() -> Instance | None:
    """Return the instance's one row, None before the first migration made it."""
    return Instance.objects.first()


def get_instance() -> Instance:
    """Return the instance's one row, which the migrations make."""
    return Instance.objects.get()


def find_held() -> Instance | None:
    """Return the instance's row while it is held, else None.

    Whatever moves money asks first: the answer is nearly always no, and no row is built for it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM core_instance WHERE held_at IS NOT NULL")
        is_held = cursor.fetchone() is not None
    return Instance.objects.filter(held_at__isnull=False).first() if is_held else None
