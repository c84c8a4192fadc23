"""Identifiers: time-ordered UUIDs, version 7, for index locality and keyset pages."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a new time-ordered UUID, version 7."""
    return uuid7()
