"""Values in the words of the back office: English, ISO 4217 minor digits, UTC."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency

from core.domain.decimals import decimal_text
from core.domain.money import Money, UnknownCurrency, format_money, minor_digits

LOCALE = "en"
EMPTY = "–"
_ACRONYMS = {
    "api": "API",
    "b2b": "B2B",
    "bic": "BIC",
    "eu": "EU",
    "iban": "IBAN",
    "id": "ID",
    "pdf": "PDF",
    "vat": "VAT",
}


def money_text(amount_minor: int, currency: str) -> str:
    """Write an amount; one in an unknown currency is written as it is stored.

    >>> money_text(123456, "EUR"), money_text(5, "???")
    ('€1,234.56', '5 ???')
    """
    try:
        return format_money(Money(amount_minor, currency), LOCALE)
    except UnknownCurrency:
        return f"{amount_minor} {currency}"


def price_text(price: Decimal, currency: str) -> str:
    """Write a price in minor units with all its places.

    >>> price_text(Decimal("1000"), "EUR"), price_text(Decimal("0.03"), "EUR")
    ('€10.00', '€0.0003')
    """
    if price == price.to_integral_value():
        return money_text(int(price), currency)
    major = price.scaleb(-minor_digits(currency))
    return format_currency(major, currency, locale=LOCALE, decimal_quantization=False)


def number_text(value: Decimal | int) -> str:
    """Write a quantity with as many places as it has, thousands apart.

    >>> number_text(Decimal("1234567.500")), number_text(0)
    ('1,234,567.5', '0')
    """
    whole, _, places = decimal_text(Decimal(value)).partition(".")
    sign = "-" if whole.startswith("-") else ""
    grouped = f"{sign}{abs(int(whole)):,}"
    return f"{grouped}.{places}" if places else grouped


def moment_text(moment: datetime) -> str:
    """Write a moment to the minute, as it is given.

    >>> from datetime import UTC
    >>> moment_text(datetime(2026, 3, 9, 8, 5, tzinfo=UTC))
    '9 Mar 2026 08:05'
    """
    return f"{moment.day} {moment:%b %Y %H:%M}"


def json_text(value: Any) -> str:
    """Write a stored structure with indents, its keys in their stored order."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def field_words(name: str) -> str:
    """Turn a field's name into words, without what only says how it is stored.

    >>> field_words("amount_due_minor"), field_words("vat_registered"), field_words("paid_at")
    ('Amount due', 'VAT registered', 'Paid')
    """
    words = name.removesuffix("_minor").removesuffix("_at").replace("_", " ").strip().capitalize()
    return " ".join(_ACRONYMS.get(word.lower(), word) for word in words.split())
