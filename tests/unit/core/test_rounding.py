"""Half away from zero, exactly, for every kind of number. Billing rules, section 1."""

from decimal import Decimal
from fractions import Fraction

import pytest

from core.domain.rounding import divide_half_away, round_half_away


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.5", 1),
        ("-0.5", -1),
        ("0.4999999999999999999999999999999999999999", 0),
        ("-0.4999999999999999999999999999999999999999", 0),
        ("1.5", 2),
        ("2.5", 3),
        ("-2.5", -3),
        ("0", 0),
        ("-0.0", 0),
        ("1E+3", 1000),
        ("123456789012345678901234567890123456789.5", 123456789012345678901234567890123456790),
    ],
)
def test_decimals_and_fractions_round_alike(value: str, rounded: int) -> None:
    assert round_half_away(Decimal(value)) == rounded
    assert round_half_away(Fraction(value)) == rounded


def test_an_integer_is_already_round() -> None:
    assert round_half_away(-7) == -7


@pytest.mark.parametrize("value", [0.5, True, "0.5", None])
def test_floats_booleans_and_texts_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        round_half_away(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot round"):
        round_half_away(Decimal(value))


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 1), (-1, 2, -1), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 5, 0), (7, 1, 7), (10**40 + 1, 2, 5 * 10**39 + 1)],
)
def test_integers_divide_exactly(numerator: int, denominator: int, rounded: int) -> None:
    assert divide_half_away(numerator, denominator) == rounded


@pytest.mark.parametrize("denominator", [0, -2])
def test_a_denominator_must_be_positive(denominator: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        divide_half_away(1, denominator)
