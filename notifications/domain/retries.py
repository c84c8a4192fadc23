"""When a delivery is tried again, and when it is given up."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# After the first try: 5 s, 1 min, 5 min, 30 min, 1 h, 2 h, then every 4 h: the last one 71 h 36 min after the first, a
# tenth later at most by jitter. (Standard Webhooks 1.0.0, "Deliverability and reliability", asks for such a rise over
# days; it ends at 4 h so that a receiver that was away is found again soon.)
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    *(17 * (timedelta(hours=4),)),
)
MOST_TRIES = len(PAUSES) + 1
JITTER = 0.1
LONGEST_WISH = timedelta(hours=24)
"""A receiver may ask to be left alone for as long as this."""


def next_try_at(tries: int, now: datetime, *, chance: float, not_before: datetime | None = None) -> datetime | None:
    """Return when a delivery that has failed `tries` times is tried again, None when it is out of tries.

    `chance`, from 0 to 1, spreads the tries of many over the tenth after a pause. A receiver's wish, `not_before`, is
    heeded up to 24 hours.

    >>> noon = datetime(2026, 1, 1, 12)
    >>> next_try_at(1, noon, chance=0.0).time().isoformat(), next_try_at(2, noon, chance=1.0).time().isoformat()
    ('12:00:05', '12:01:06')
    >>> next_try_at(1, noon, chance=0.0, not_before=datetime(2026, 1, 1, 13)).time().isoformat()
    '13:00:00'
    >>> next_try_at(24, noon, chance=0.0) is None
    True
    """
    if tries >= MOST_TRIES:
        return None
    at = now + PAUSES[tries - 1] * (1 + JITTER * chance)
    return at if not_before is None else max(at, min(not_before, now + LONGEST_WISH))


def read_retry_after(text: str, now: datetime) -> datetime | None:
    """Return the moment a `Retry-After` names, in seconds or as a date (RFC 9110, section 10.2.3); None if neither.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> read_retry_after("120", noon).isoformat()
    '2026-01-01T12:02:00+00:00'
    >>> read_retry_after("Thu, 01 Jan 2026 13:00:00 GMT", noon).isoformat()
    '2026-01-01T13:00:00+00:00'
    >>> read_retry_after("soon", noon) is None
    True
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), LONGEST_WISH)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else None
