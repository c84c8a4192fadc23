"""The base of every object of a neighbour."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An object as its JSON is: every field is always there, null where the engine has no such fact."""


def epoch(moment: datetime | None) -> int | None:
    """Return a moment in whole seconds since 1970.

    >>> epoch(datetime(1970, 1, 2, tzinfo=UTC))
    86400
    """
    return None if moment is None else int(moment.astimezone(UTC).timestamp())


def whole(number: Decimal | None) -> int | None:
    """Return a number that is whole, None for any other: the shapes know no fractions, and none is rounded away.

    >>> whole(Decimal("20.0")), whole(Decimal("8.1"))
    (20, None)
    """
    if number is None or number != number.to_integral_value():
        return None
    return int(number)
