"""The base of every object of a neighbour."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An object as its JSON is: every field is always there, null where the engine has no such fact."""


def epoch(moment: datetime) -> int:
    """Return a moment in whole seconds since 1970.

    >>> epoch(datetime(1970, 1, 2, tzinfo=UTC))
    86400
    """
    return int(moment.timestamp())


def epoch_or_none(moment: datetime | None) -> int | None:
    """Return a moment in whole seconds since 1970, None for none."""
    return None if moment is None else epoch(moment)


def instant(moment: datetime) -> datetime:
    """Return a moment in UTC, to the second.

    >>> instant(datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=UTC)).isoformat()
    '2026-01-01T12:00:00+00:00'
    """
    return moment.astimezone(UTC).replace(microsecond=0)


def instant_or_none(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC, to the second, None for none."""
    return None if moment is None else instant(moment)


def whole(number: Decimal | None) -> int | None:
    """Return a number that is whole, None for any other: the shapes know no fractions, and none is rounded away.

    >>> whole(Decimal("20.0")), whole(Decimal("8.1"))
    (20, None)
    """
    if number is None or number != number.to_integral_value():
        return None
    return int(number)
