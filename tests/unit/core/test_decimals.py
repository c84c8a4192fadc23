"""Decimals that refuse to be rounded, and their one text."""

from decimal import Decimal, Inexact

import pytest

from core.domain.decimals import EXACT, decimal_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("0.0300", "0.03"),
        ("3E-8", "0.00000003"),
        ("-0.00", "0"),
        ("0", "0"),
        ("100", "100"),
        ("-12.50", "-12.5"),
        ("10.0", "10"),
    ],
)
def test_equal_numbers_have_one_text(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text
    assert Decimal(text) == Decimal(value)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_not_finite_has_no_text(value: str) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        decimal_text(Decimal(value))


def test_the_largest_product_of_a_price_and_a_quantity_is_exact() -> None:
    price = Decimal(10**15) - Decimal("1E-12")
    quantity = Decimal(10**17) - Decimal("1E-12")
    product = EXACT.multiply(price, quantity)
    assert product == Decimal(int(price.scaleb(12, EXACT)) * int(quantity.scaleb(12, EXACT))).scaleb(-24, EXACT)


def test_a_result_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))
