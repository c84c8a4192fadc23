"""Rounding is symmetric and nearest; money adds up; prices and texts round-trip. Billing rules, section 1."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from core.domain.decimals import decimal_text
from core.domain.money import Money, TaxedAmount, format_money, minor_digits, parse_unit_price
from core.domain.rounding import divide_half_away, round_half_away

integers = st.integers(-(10**40), 10**40)
decimals = st.decimals(-(10**15) + 1, 10**15 - 1, places=12)
fractions = st.fractions(-(10**20), 10**20)
currencies = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF"])


@given(fractions)
def test_rounding_is_to_the_nearest_and_halves_go_away_from_zero(value: Fraction) -> None:
    rounded = round_half_away(value)
    assert abs(rounded - value) <= Fraction(1, 2)
    if abs(rounded - value) == Fraction(1, 2):
        assert abs(rounded) > abs(value)


@given(fractions)
def test_a_change_and_its_reversal_cancel(value: Fraction) -> None:
    assert round_half_away(value) + round_half_away(-value) == 0


@given(decimals)
def test_decimals_and_fractions_round_alike(value: Decimal) -> None:
    assert round_half_away(value) == round_half_away(Fraction(value))


@given(integers, st.integers(1, 10**20))
def test_division_rounds_as_fractions_do(numerator: int, denominator: int) -> None:
    assert divide_half_away(numerator, denominator) == round_half_away(Fraction(numerator, denominator))


@given(integers, integers, currencies)
def test_money_adds_as_integers_do(first: int, second: int, currency: str) -> None:
    total = Money(first, currency) + Money(second, currency)
    assert total.amount_minor == first + second
    assert total - Money(second, currency) == Money(first, currency)
    assert Money(first, currency) + -Money(first, currency) == Money(0, currency)
    assert (Money(first, currency) < Money(second, currency)) is (first < second)


@given(integers, integers, integers)
def test_a_taxed_amount_agrees_or_is_refused(net: int, tax: int, error: int) -> None:
    amount = TaxedAmount(net, tax, net + tax)
    assert amount + -amount == TaxedAmount(0, 0, 0)
    assume(error)
    try:
        TaxedAmount(net, tax, net + tax + error)
    except ValueError:
        return
    raise AssertionError("a taxed amount that does not agree was built")


@given(decimals)
def test_equal_prices_have_one_form_and_one_text(price: Decimal) -> None:
    text = decimal_text(price)
    assert "E" not in text
    assert Decimal(text) == price
    assert parse_unit_price(text) == parse_unit_price(price) == price
    assert decimal_text(parse_unit_price(price)) == text


@given(st.text(max_size=30) | st.floats() | st.booleans() | st.none())
def test_a_price_is_read_or_refused_with_a_value_error(value: object) -> None:
    try:
        price = parse_unit_price(value)  # type: ignore[arg-type]
    except ValueError:
        return
    assert price.is_finite()
    assert isinstance(value, str)


@given(
    st.integers(-(10**18), 10**18), currencies, st.text(max_size=12) | st.sampled_from(["en", "de", "fr", "es", "ja"])
)
def test_a_written_amount_shows_all_its_digits(amount_minor: int, currency: str, locale: str) -> None:
    text = format_money(Money(amount_minor, currency), locale)
    shown = "".join(character for character in text if character.isdecimal())
    assert int(shown) == abs(amount_minor)
    assert len(shown) > minor_digits(currency)
