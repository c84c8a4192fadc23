"""Deleting rows that others may refer to."""

from django.db.models import Model
from django.db.models.deletion import ProtectedError

from core.errors import Conflict


def delete_unused(row: Model, noun: str) -> None:
    """Delete a row to which no other row refers. Raises Conflict when one does, and what to do instead."""
    try:
        row.delete()
    except ProtectedError as error:
        raise Conflict(
            f"The {noun.replace('_', ' ')} is in use and cannot be deleted; retire or disable it instead.",
            code=f"{noun}_in_use",
        ) from error
