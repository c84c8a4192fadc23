"""Half-open periods of time, [start, end), in UTC.

Billing rules, section 2. Half-open periods tile: the end of one is the start of the next, and no instant is in both.
"""

from datetime import UTC, datetime, timedelta
from typing import Self

from msgspec import Struct
from msgspec.structs import force_setattr


class Period(Struct, frozen=True, order=True):
    """The instants from start (included) to end (excluded).

    Raises ValueError unless both are aware UTC datetimes and end is after start.

    >>> june = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
    >>> june.contains(june.start), june.contains(june.end), june.seconds
    (True, False, 2592000)
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse a period that is empty, reversed or not in UTC."""
        if self.start.tzinfo is not UTC:
            force_setattr(self, "start", _in_utc(self.start))
        if self.end.tzinfo is not UTC:
            force_setattr(self, "end", _in_utc(self.end))
        if self.end <= self.start:
            raise ValueError(f"a period must end after its start: {self.start} - {self.end}")

    def contains(self, instant: datetime) -> bool:
        """Tell whether the instant is in the period."""
        return self.start <= instant < self.end

    def overlaps(self, other: Self) -> bool:
        """Tell whether the two periods share an instant; periods that only touch do not."""
        return self.start < other.end and other.start < self.end

    def intersection(self, other: Self) -> "Period | None":
        """Return the period both share, None when they share no instant."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    @property
    def microseconds(self) -> int:
        """Return the exact length in microseconds."""
        return (self.end - self.start) // timedelta(microseconds=1)

    @property
    def seconds(self) -> int:
        """Return the length in whole seconds, rounded down."""
        return (self.end - self.start) // timedelta(seconds=1)


def _in_utc(instant: datetime) -> datetime:
    """Return the instant with the standard library's UTC; raise ValueError when it is naive or at another offset."""
    if instant.utcoffset() != timedelta(0):
        raise ValueError(f"{instant} is not an aware UTC datetime")
    return instant.astimezone(UTC)
