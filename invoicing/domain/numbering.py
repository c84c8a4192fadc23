"""The text of a document number."""

import re
from datetime import date

PLACES = frozenset({"seq", "year", "month", "brand"})
_PLACE = re.compile(r"\{(\w+)(?::(\d+))?\}")
MAXIMUM_PADDING = 12


class InvalidNumberFormat(ValueError):
    """A number format that cannot give each document its own number."""


def check_number_format(format_text: str, *, yearly: bool) -> None:
    """Refuse a format that could give two documents one number.

    It needs `{seq}` (optionally padded, `{seq:06}`), may hold `{year}`, `{month}` and `{brand}`; a yearly reset needs
    `{year}` (Billing rules, section 8, Numbering). Raises InvalidNumberFormat.

    >>> check_number_format("INV-{seq}", yearly=True)
    Traceback (most recent call last):
    ...
    invoicing.domain.numbering.InvalidNumberFormat: A yearly reset needs {year} in the format.
    """
    places = [match.group(1) for match in _PLACE.finditer(format_text)]
    unknown = sorted(set(places) - PLACES)
    if unknown:
        raise InvalidNumberFormat(f"Unknown place {{{unknown[0]}}}.")
    if places.count("seq") != 1:
        raise InvalidNumberFormat("The format needs {seq} exactly once.")
    if yearly and "year" not in places:
        raise InvalidNumberFormat("A yearly reset needs {year} in the format.")
    if "{" in _PLACE.sub("", format_text) or "}" in _PLACE.sub("", format_text):
        raise InvalidNumberFormat("A brace stands alone.")
    if any(int(match.group(2) or 0) > MAXIMUM_PADDING for match in _PLACE.finditer(format_text)):
        raise InvalidNumberFormat(f"At most {MAXIMUM_PADDING} places.")


def format_number(format_text: str, *, sequence: int, issue_date: date, brand_code: str) -> str:
    """Write a number: `INV-{year}-{seq:06}` with sequence 13 in 2026 is INV-2026-000013.

    >>> format_number("INV-{year}-{seq:06}", sequence=13, issue_date=date(2026, 3, 1), brand_code="acme")
    'INV-2026-000013'
    >>> format_number("{seq}", sequence=14, issue_date=date(2026, 3, 1), brand_code="acme")
    '14'
    """
    values = {"seq": sequence, "year": issue_date.year, "month": issue_date.month}

    def write(match: re.Match[str]) -> str:
        place, padding = match.group(1), int(match.group(2) or 0)
        if place == "brand":
            return brand_code
        return str(values[place]).zfill(max(padding, 2 if place == "month" else 0))

    return _PLACE.sub(write, format_text)
