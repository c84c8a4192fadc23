"""Identifiers: time-ordered UUIDs, version 7, for index locality and keyset pages."""

import uuid
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last bits of an id, after the 48 that count milliseconds.
_AFTER_TIME = 80


def new_id() -> uuid.UUID:
    """Return a new time-ordered UUID, version 7."""
    return uuid7()


def made_at(identifier: uuid.UUID) -> datetime:
    """Return when an id was made, by the wall's clock, to the millisecond.

    >>> made_at(uuid.UUID("0198f5f5-3800-7000-8000-000000000000")).isoformat()
    '2025-08-29T15:17:37.280000+00:00'
    """
    return _EPOCH + timedelta(milliseconds=identifier.int >> _AFTER_TIME)


def first_id_at(moment: datetime) -> uuid.UUID:
    """Return the id before which stand all that were made earlier than a moment.

    >>> first_id_at(datetime(2025, 8, 29, 15, 17, 37, 280000, tzinfo=UTC))
    UUID('0198f5f5-3800-0000-0000-000000000000')
    """
    return uuid.UUID(int=((moment - _EPOCH) // timedelta(milliseconds=1)) << _AFTER_TIME)
