"""Tax numbers: whether their form and check digits pass, offline."""

import re
from functools import lru_cache
from types import ModuleType
from typing import Any

from stdnum import get_cc_module
from stdnum.eu.vat import MEMBER_STATES
from stdnum.exceptions import ValidationError

# Prefixes of VAT numbers that are no country's ISO code: Greece, and Northern Ireland within GB.
_PREFIX_COUNTRIES = {"EL": "GR", "XI": "GB"}
_PREFIXED = frozenset(state.upper() for state in MEMBER_STATES) | frozenset(_PREFIX_COUNTRIES) | {"GB", "NO", "CH"}
_UNKNOWN_FORM = re.compile(r"[0-9A-Z]{4,30}", re.ASCII)

NONE = ""
MALFORMED = "malformed"
FORMAT = "format"


def compact_tax_number(text: str) -> str:
    """Return a tax number without what people write between its parts, in upper case.

    >>> compact_tax_number(" de 136.695.976 ")
    'DE136695976'
    """
    return re.sub(r"[\s.\-/]", "", text).upper()


@lru_cache(maxsize=512)
def _checker(country: str) -> ModuleType | None:
    """Return what knows the numbers of a country."""
    found: Any = get_cc_module(country.lower(), "vat")
    return found if isinstance(found, ModuleType) else None


def check_tax_number(country: str, text: str) -> str:
    """Judge a tax number of a customer in a country: "" without one, `format` when it passes, else `malformed`.

    Billing rules, section 7 (Decision, 3): the number of another country is none of this one; without a country
    nothing can be checked. Where no form is known, four letters or digits pass.

    >>> check_tax_number("DE", "DE136695976"), check_tax_number("FR", "DE136695976"), check_tax_number("GB", "GB459324")
    ('format', 'malformed', 'malformed')
    """
    number = compact_tax_number(text)
    if not number:
        return NONE
    if not country:
        return MALFORMED
    prefix = number[:2]
    if prefix in _PREFIXED and _PREFIX_COUNTRIES.get(prefix, prefix) != country and not number.isdecimal():
        return MALFORMED
    checker = _checker(country)
    if checker is None:
        return FORMAT if _UNKNOWN_FORM.fullmatch(number) else MALFORMED
    try:
        checker.validate("GB" + number[2:] if prefix == "XI" else number)
    except ValidationError:
        return MALFORMED
    return FORMAT
