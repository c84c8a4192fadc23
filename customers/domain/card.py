"""Cards: until when one can be charged."""

from datetime import date


def has_expired(expiry_month: int | None, expiry_year: int | None, on: date) -> bool:
    """Tell whether a card has expired on a day: it serves until the last day of its month. Without a date it never has.

    >>> (
    ...     has_expired(2, 2026, date(2026, 2, 28)),
    ...     has_expired(2, 2026, date(2026, 3, 1)),
    ...     has_expired(None, None, date.max),
    ... )
    (False, True, False)
    """
    return expiry_month is not None and expiry_year is not None and (on.year, on.month) > (expiry_year, expiry_month)
