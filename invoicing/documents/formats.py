"""Numbers, amounts, days and countries as a reader of one locale writes them (CLDR, through Babel).

Minor digits come from ISO 4217, never from the locale (billing rules, section 1).
"""

import copy
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval
from babel.numbers import NumberPattern, format_percent

from core.domain.money import Money, format_money, minor_digits
from invoicing.documents.words import FALLBACK_LANGUAGE, language_of

_FINEST_PLACES = 15
_CACHED_DAYS = 4096


@lru_cache(maxsize=256)
def _locale(name: str) -> Locale:
    """Return the CLDR locale of a name whose language has words here, else of that language, else English."""
    language = language_of(name)
    tag = name.replace("-", "_")
    if tag.partition("_")[0].lower() == language:
        try:
            return Locale.parse(tag)
        except (ValueError, UnknownLocaleError):
            return Locale.parse(language)
    return Locale.parse(FALLBACK_LANGUAGE)


@lru_cache(maxsize=1024)
def _number_pattern(locale: Locale, least: int, most: int) -> NumberPattern:
    """Return the locale's decimal pattern with between `least` and `most` places."""
    # Babel shares its patterns between callers; the copy keeps them as they are.
    pattern: NumberPattern = copy.copy(locale.decimal_formats[None])
    pattern.frac_prec = (least, most)
    return pattern


@lru_cache(maxsize=1024)
def _price_pattern(locale: Locale, least: int, most: int) -> NumberPattern:
    """Return the locale's currency pattern with between `least` and `most` places."""
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (least, most)
    return pattern


@lru_cache(maxsize=_CACHED_DAYS)
def _day(day: date, length: str, locale: Locale) -> str:
    """Return a day in words; cached, since a document names the same few days on every line."""
    return format_date(day, length, locale=locale)


@lru_cache(maxsize=_CACHED_DAYS)
def _span(first: date, last: date, locale: Locale) -> str:
    """Return a span of days in words, with what both days share written once."""
    return _day(first, "medium", locale) if first == last else format_interval(first, last, "yMMMd", locale=locale)


class Formats:
    """One document's way of writing: its reader's locale and its currency."""

    def __init__(self, locale: str, currency: str) -> None:
        """Choose the locale, or the nearest there are words for. Raises UnknownCurrency (a ValueError)."""
        self._locale = _locale(locale)
        self._currency = currency
        self._digits = minor_digits(currency)

    def money(self, amount_minor: int, currency: str = "") -> str:
        """Write an amount with its currency: 1.234,56 €."""
        return format_money(Money(amount_minor, currency or self._currency), str(self._locale))

    def amount(self, amount_minor: int) -> str:
        """Write an amount for a column that names the currency in its head: 1.234,56."""
        major = Decimal(amount_minor).scaleb(-self._digits)
        return str(_number_pattern(self._locale, self._digits, self._digits).apply(major, self._locale))

    def unit_price(self, price: Decimal) -> str:
        """Write a price in minor units with all its places, without currency: 0.03 cents is 0.0003."""
        pattern = _number_pattern(self._locale, self._digits, _FINEST_PLACES)
        return str(pattern.apply(price.scaleb(-self._digits), self._locale))

    def price(self, price: Decimal) -> str:
        """Write a price in minor units with all its places and its currency."""
        pattern = _price_pattern(self._locale, self._digits, _FINEST_PLACES)
        major = price.scaleb(-self._digits)
        return str(pattern.apply(major, self._locale, currency=self._currency, currency_digits=False))

    def number(self, value: Decimal | int) -> str:
        """Write a quantity or a rate of exchange with as many places as it has."""
        return str(_number_pattern(self._locale, 0, _FINEST_PLACES).apply(Decimal(value), self._locale))

    def percent(self, rate: Decimal) -> str:
        """Write a rate given in percent: 19 is 19 %."""
        return format_percent(rate.scaleb(-2).normalize(), locale=self._locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        """Write a day in full: 1. März 2026."""
        return _day(day, "long", self._locale)

    def short_day(self, day: date) -> str:
        """Write a day for a table: 01.03.2026."""
        return _day(day, "medium", self._locale)

    def span(self, first: date, last: date) -> str:
        """Write the first and the last of some days: 1.-31. März 2026."""
        return _span(first, last, self._locale)

    def country(self, code: str) -> str:
        """Write a country's name; a code CLDR does not know stays as it is."""
        return str(self._locale.territories.get(code, code))
