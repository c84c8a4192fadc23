"""Money refuses what it cannot be. Billing rules, section 1."""

import operator
from collections.abc import Callable
from decimal import Decimal

import pytest

from core.domain.money import (
    CurrencyMismatch,
    Money,
    TaxedAmount,
    UnknownCurrency,
    format_money,
    minor_digits,
    parse_unit_price,
)


@pytest.mark.parametrize(
    ("currency", "digits"), [("JPY", 0), ("USD", 2), ("EUR", 2), ("KWD", 3), ("IQD", 3), ("CLF", 4), ("ISK", 0)]
)
def test_minor_digits_by_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("currency", ["ZZZ", "eur", "", "XXX", "XAU", "EURO", "None"])
def test_unknown_currencies_and_metals_are_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency, match="ISO 4217"):
        minor_digits(currency)
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


def test_arithmetic() -> None:
    assert Money(1000, "EUR") + Money(-1, "EUR") == Money(999, "EUR")
    assert Money(1000, "EUR") - Money(1, "EUR") == Money(999, "EUR")
    assert -Money(1000, "EUR") == Money(-1000, "EUR")


def test_comparison() -> None:
    less, more = Money(1, "EUR"), Money(2, "EUR")
    assert less < more
    assert more > less
    assert less <= Money(1, "EUR") <= more
    assert more >= Money(2, "EUR") >= less
    assert not less > more
    assert not less >= more
    assert not more < less
    assert not more <= less
    assert not less < Money(1, "EUR")
    assert not less > Money(1, "EUR")
    assert max(less, more) == more


def test_equal_amounts_of_two_currencies_are_not_equal() -> None:
    assert Money(1, "EUR") != Money(1, "USD")


OPERATIONS = [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_two_currencies_never_meet(operation: Callable[[Money, Money], object]) -> None:
    with pytest.raises(CurrencyMismatch, match="EUR meets USD"):
        operation(Money(1, "EUR"), Money(1, "USD"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_money_meets_only_money(operation: Callable[[Money, object], object]) -> None:
    with pytest.raises(TypeError, match="meets a int"):
        operation(Money(1, "EUR"), 1)


@pytest.mark.parametrize("amount", [1.0, True, Decimal(1), "1", None])
def test_an_amount_is_an_integer(amount: object) -> None:
    with pytest.raises(TypeError, match="integer of minor units"):
        Money(amount, "EUR")  # type: ignore[arg-type]


def test_taxed_amounts_agree() -> None:
    amount = TaxedAmount(1008, 191, 1199)
    assert amount + amount == TaxedAmount(2016, 382, 2398)
    assert amount + -amount == TaxedAmount(0, 0, 0)


def test_a_taxed_amount_that_does_not_agree_is_refused() -> None:
    with pytest.raises(ValueError, match="net 1008 \\+ tax 191 is not gross 1200"):
        TaxedAmount(1008, 191, 1200)


@pytest.mark.parametrize("parts", [(1.0, 0, 1), (1, False, 1), (1, 0, Decimal(1))])
def test_a_taxed_amount_is_made_of_integers(parts: tuple[int, int, int]) -> None:
    with pytest.raises(TypeError):
        TaxedAmount(*parts)


def test_a_taxed_amount_meets_only_its_like() -> None:
    with pytest.raises(TypeError):
        TaxedAmount(1, 0, 1) + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.03", "0.03"),
        ("0.0300", "0.03"),
        ("1000", "1000"),
        ("+5", "5"),
        ("-5.5", "-5.5"),
        ("-0", "0"),
        ("0E-999999", "0"),
        (1000, "1000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000001"), "0.000000000001"),
        ("1e-12", "0.000000000001"),
        ("1.0000000000000000", "1"),
        ("999999999999999.999999999999", "999999999999999.999999999999"),
    ],
)
def test_a_unit_price_is_read_in_its_canonical_form(value: str | int | Decimal, text: str) -> None:
    price = parse_unit_price(Decimal(value) if value == "0E-999999" else value)
    assert str(price) == text or price == Decimal(text)
    assert format(price, "f") == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1_000",
        "1,5",
        "abc",
        "NaN",
        "Infinity",
        "٣",
        "1.",
        ".5",
        "1e999",
        "0x10",
        1.5,
        True,
        None,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "1000000000000000",
        10**15,
        -(10**15),
        Decimal("1E+999999"),
        "0.0000000000001",
        "1.0000000000001",
        Decimal("1E-13"),
        Decimal("1E-999999"),
        "1" * 5000,
    ],
)
def test_what_is_no_unit_price_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"price|number"):
        parse_unit_price(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "text"),
    [
        (123456, "EUR", "en", "€1,234.56"),
        (-123456, "EUR", "en", "-€1,234.56"),
        (123456, "EUR", "de", "1.234,56\xa0€"),
        (123456, "EUR", "fr", "1\u202f234,56\xa0€"),
        (1234567, "EUR", "es", "12.345,67\xa0€"),
        (500, "JPY", "en", "¥500"),
        (1234, "KWD", "en", "KWD\xa01.234"),
        (5, "USD", "en", "$0.05"),
        (0, "USD", "en", "$0.00"),
        # CLDR shows Iraqi dinars without fils; ISO 4217 has three digits, and so have our amounts.
        (1500, "IQD", "en", "IQD\xa01.500"),
        (10**18 + 1, "USD", "en", "$10,000,000,000,000,000.01"),
    ],
)
def test_money_is_written_with_the_digits_of_iso_4217(amount_minor: int, currency: str, locale: str, text: str) -> None:
    assert format_money(Money(amount_minor, currency), locale) == text


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de-DE", "1,00\xa0€"),
        ("de_AT", "€\xa01,00"),
        ("de-XX", "1,00\xa0€"),
        ("xx", "€1.00"),
        ("", "€1.00"),
        ("not a locale", "€1.00"),
        ("../../etc", "€1.00"),
    ],
)
def test_an_unknown_locale_is_read_as_its_language_else_as_english(locale: str, text: str) -> None:
    assert format_money(Money(100, "EUR"), locale) == text
