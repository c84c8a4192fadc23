"""Which ids are recent: ids are made in the order of time, so a moment of the wall clock is a bound on them."""

from datetime import datetime
from uuid import UUID

_MILLISECONDS = 1000


def first_id_from(moment: datetime) -> UUID:
    """Return the smallest id that a row made at or after the moment can have (RFC 9562, section 5.7).

    >>> from datetime import UTC
    >>> first_id_from(datetime(2026, 1, 1, tzinfo=UTC))
    UUID('019b76da-a800-7000-8000-000000000000')
    """
    milliseconds = int(moment.timestamp() * _MILLISECONDS)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)
