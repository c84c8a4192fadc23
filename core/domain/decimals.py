"""Decimals that are never rounded behind our back, and their one canonical text.

Prices carry up to 15 + 12 digits and quantities 17 + 12 (Billing rules, section 1): a product needs more than the 28
digits of Python's default context, which would round it silently.
"""

import decimal
from decimal import Decimal

# Refuses to round: an inexact result raises decimal.Inexact. Use its methods (EXACT.multiply(a, b)), not the operators,
# which follow the thread's context.
EXACT = decimal.Context(
    prec=120,
    rounding=decimal.ROUND_HALF_UP,
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

ZERO = Decimal(0)


def decimal_text(value: Decimal) -> str:
    """Write a finite decimal in its canonical form: no exponent, no trailing zeros, no negative zero.

    Equal numbers have equal texts. Raises ValueError when the value is not finite.

    >>> decimal_text(Decimal("1E+3")), decimal_text(Decimal("0.0300")), decimal_text(Decimal("-0.00"))
    ('1000', '0.03', '0')
    """
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
