"""Rounding: half away from zero, and nothing else.

Billing rules, section 1. Half away from zero is symmetric (0.5 -> 1, -0.5 -> -1), so a change and its reversal cancel.
"""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction


def divide_half_away(numerator: int, denominator: int) -> int:
    """Divide two integers exactly and round half away from zero.

    Billing rules, section 1. Raises ValueError unless the denominator is above 0.

    >>> divide_half_away(1, 2), divide_half_away(-1, 2), divide_half_away(7, 3)
    (1, -1, 2)
    """
    if denominator <= 0:
        raise ValueError(f"the denominator must be above 0, not {denominator}")
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((2 * -numerator + denominator) // (2 * denominator))


def round_half_away(value: Decimal | Fraction | int) -> int:
    """Round half away from zero, to a whole number of the value's unit.

    Billing rules, section 1. Exact whatever the number of digits. Raises TypeError for floats and booleans,
    ValueError for a Decimal that is not finite.

    >>> round_half_away(Decimal("0.5")), round_half_away(Decimal("-0.5")), round_half_away(Fraction(149, 100))
    (1, -1, 1)
    """
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"cannot round {value}")
        # The name is historical: decimal's ROUND_HALF_UP rounds halves away from zero.
        return int(value.to_integral_value(ROUND_HALF_UP))
    if isinstance(value, Fraction):
        return divide_half_away(value.numerator, value.denominator)
    # The type itself: a boolean is an integer too, and no number of anything.
    if type(value) is int:
        return value
    raise TypeError(f"cannot round a {type(value).__name__}")
