"""Money: integers of a currency's minor unit, and prices finer than it.

Billing rules, section 1. Minor digits come from ISO 4217 (JPY 0, USD 2, KWD 3), never from a locale.
"""

import copy
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Self

from babel.core import Locale, UnknownLocaleError
from babel.numbers import NumberPattern
from iso4217 import raw_table

from core.domain.decimals import EXACT, ZERO, decimal_text

UNIT_PRICE_PLACES = 12
UNIT_PRICE_LIMIT = Decimal(10**15)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_LETTER_BESIDE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")

# Precious metals, funds and test codes have no minor unit ("N.A.") and are no money to bill in.
_MINOR_DIGITS: dict[str, int] = {
    code: int(str(row["CcyMnrUnts"])) for code, row in raw_table.items() if code and str(row["CcyMnrUnts"]).isdigit()
}


class UnknownCurrency(ValueError):
    """The code is no ISO 4217 currency with a minor unit."""


class CurrencyMismatch(ValueError):
    """Two currencies met in one calculation."""


def minor_digits(currency: str) -> int:
    """Return the decimal places of a currency's minor unit, by ISO 4217.

    Raises UnknownCurrency for anything but the upper-case code of a currency in use.

    >>> minor_digits("JPY"), minor_digits("USD"), minor_digits("KWD")
    (0, 2, 3)
    """
    try:
        return _MINOR_DIGITS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency") from None


def known_currencies() -> tuple[str, ...]:
    """Return the codes of all currencies with a minor unit."""
    return tuple(_MINOR_DIGITS)


def _refuse_non_integer(value: object) -> None:
    """Raise TypeError unless the value is an integer and no boolean."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"an amount is an integer of minor units, not a {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in integer minor units of one currency.

    Billing rules, section 1. Raises TypeError for amounts that are no integers, UnknownCurrency for unknown codes and
    CurrencyMismatch when added to or compared with another currency.

    >>> Money(1000, "EUR") - Money(1, "EUR")
    Money(amount_minor=999, currency='EUR')
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse floats, booleans and unknown currencies."""
        _refuse_non_integer(self.amount_minor)
        minor_digits(self.currency)

    def _comparable(self, other: object) -> int:
        """Return the other's amount; raise TypeError for no money, CurrencyMismatch for another currency."""
        if not isinstance(other, Money):
            raise TypeError(f"money meets a {type(other).__name__}")
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} meets {other.currency}")
        return other.amount_minor

    def __add__(self, other: Self) -> "Money":
        """Return the sum."""
        return Money(self.amount_minor + self._comparable(other), self.currency)

    def __sub__(self, other: Self) -> "Money":
        """Return the difference."""
        return Money(self.amount_minor - self._comparable(other), self.currency)

    def __neg__(self) -> "Money":
        """Return the reversal."""
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        """Tell whether this is less."""
        return self.amount_minor < self._comparable(other)

    def __le__(self, other: Self) -> bool:
        """Tell whether this is less or equal."""
        return self.amount_minor <= self._comparable(other)

    def __gt__(self, other: Self) -> bool:
        """Tell whether this is more."""
        return self.amount_minor > self._comparable(other)

    def __ge__(self, other: Self) -> bool:
        """Tell whether this is more or equal."""
        return self.amount_minor >= self._comparable(other)


@dataclass(frozen=True, slots=True)
class TaxedAmount:
    """Net, tax and gross in minor units, which always agree.

    Raises ValueError unless net + tax = gross, TypeError for amounts that are no integers.

    >>> TaxedAmount(1008, 191, 1199) + -TaxedAmount(1008, 191, 1199)
    TaxedAmount(net_minor=0, tax_minor=0, gross_minor=0)
    """

    net_minor: int
    tax_minor: int
    gross_minor: int

    def __post_init__(self) -> None:
        """Refuse amounts that do not agree."""
        for value in (self.net_minor, self.tax_minor, self.gross_minor):
            _refuse_non_integer(value)
        if self.net_minor + self.tax_minor != self.gross_minor:
            raise ValueError(f"net {self.net_minor} + tax {self.tax_minor} is not gross {self.gross_minor}")

    def __add__(self, other: Self) -> "TaxedAmount":
        """Return the sum, part by part."""
        if not isinstance(other, TaxedAmount):
            return NotImplemented
        return TaxedAmount(
            self.net_minor + other.net_minor, self.tax_minor + other.tax_minor, self.gross_minor + other.gross_minor
        )

    def __neg__(self) -> "TaxedAmount":
        """Return the reversal."""
        return TaxedAmount(-self.net_minor, -self.tax_minor, -self.gross_minor)


def _is_decimal_number(value: object) -> bool:
    """Tell whether the value is a decimal, a whole number (no boolean), or the ASCII text of a decimal number."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def parse_unit_price(value: str | int | Decimal) -> Decimal:
    """Read a price in minor units, which may be finer than one: finite, at most 12 places, below 10**15.

    Billing rules, section 1. The result has no exponent and no trailing zeros. Raises ValueError for anything else.

    >>> parse_unit_price("0.0300"), parse_unit_price(Decimal("1E+3"))
    (Decimal('0.03'), Decimal('1000'))
    """
    if not _is_decimal_number(value):
        raise ValueError(f"{str(value)[:50]!r} is not a decimal number")
    price = Decimal(value)
    if not price.is_finite() or price.copy_abs() >= UNIT_PRICE_LIMIT:
        raise ValueError("a price must be a finite number below 10**15 minor units")
    if not price:
        return ZERO
    # The order of magnitude is asked first: the plain text of 1E-999999 would be a megabyte.
    text = decimal_text(price) if price.adjusted() >= -UNIT_PRICE_PLACES else ""
    if not text or len(text.partition(".")[2]) > UNIT_PRICE_PLACES:
        raise ValueError(f"a price has at most {UNIT_PRICE_PLACES} decimal places")
    return Decimal(text)


@lru_cache(maxsize=1024)
def _locale(name: str) -> Locale:
    """Return the locale of a name such as de, de-AT or pt_BR: else its language, else English."""
    parts = name.replace("-", "_")
    for candidate in (parts, parts.partition("_")[0]):
        try:
            return Locale.parse(candidate)
        except (ValueError, TypeError, UnknownLocaleError):
            continue
    return Locale("en")


@lru_cache(maxsize=1024)
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    """Return the locale's currency pattern with a fixed number of decimal places."""
    # Babel's own digits follow CLDR, which differs from ISO 4217 for some currencies. The copy keeps its cache clean.
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern


def format_money(money: Money, locale: str) -> str:
    """Write an amount for a reader of the locale, with the minor digits of ISO 4217.

    An unknown locale is read as its language, else as English.

    >>> format_money(Money(123456, "EUR"), "en"), format_money(Money(500, "JPY"), "en")
    ('€1,234.56', '¥500')
    """
    digits = minor_digits(money.currency)
    reader = _locale(locale)
    amount = EXACT.scaleb(Decimal(money.amount_minor), -digits)
    text: str = _pattern(reader, digits).apply(amount, reader, currency=money.currency, currency_digits=False)
    # CLDR parts letters from digits (currencySpacing), which Babel leaves out: KWD1.000 would read as one word.
    return _LETTER_BESIDE_DIGIT.sub("\N{NO-BREAK SPACE}", text)
