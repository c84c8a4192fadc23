"""A line's proof in words: the stored inputs, one to a row, for somebody who asks why this was charged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.domain.decimals import decimal_text
from core.domain.money import Money, format_money

_LOCALE = "en"
_SEPARATOR = " › "
# In the order in which a reader asks; the database keeps no order of its own.
_WORDS = {
    "steps": "Calculation, in minor units",
    "quantity": "Quantity",
    "fraction": "Part of the period charged",
    "seats": "Seats after the change",
    "slices": "Seats held, for which part of the period",
    "area": "Due for the seats up to here, by days",
    "so_far": "Of it charged before",
    "window": "Usage from",
    "events": "Events counted",
    "before": "Counted before the period",
    "charged_sum": "Sum of the charged events",
    "charged_count": "Events charged",
    "late": "Late usage",
    "billed_before": "Billed before for this period",
    "left": "Left to give back",
    "takes_back": "Taken back",
    "takes_back_from": "Shares the discount of what begins at",
    "shares_discount": "Shares the discount of (amount, discount)",
    "late_discount": "Regular amount, its discount, given before",
    "vouchers": "Voucher",
    "minimum": "Minimum commitment",
    "charged": "Charged by this price",
    "tax": "Tax",
    "parts": "Tax",
    "code": "Tax decision",
    "reason": "Why this tax",
    "date": "Tax date",
    "price": "Price",
    "plan": "Plan",
    "terms": "Version of the item's terms",
}
_PLACES = {key: place for place, key in enumerate(_WORDS)}
_MONEY = {"area", "billed_before", "charged", "left", "minimum", "so_far", "takes_back"}
_VOUCHER = 5
_OBJECTS = {"plan", "price"}
_PAIR = 2
_TAX_PART = 5


@dataclass(frozen=True, slots=True)
class ProofRow:
    """One input of an amount; `kind` names the object whose id the text is, empty for anything else."""

    label: str
    text: str
    kind: str = ""


def proof_rows(proof: Mapping[str, Any], currency: str) -> tuple[ProofRow, ...]:
    """Return a proof as rows of a label and its value; what is empty is left out.

    >>> for row in proof_rows({"steps": "1500 x 10 = 15000", "fraction": [15, 30], "minimum": 900}, "EUR"):
    ...     print(row.label, "|", row.text)
    Calculation, in minor units | 1500 x 10 = 15000
    Part of the period charged | 15 of 30
    Minimum commitment | €9.00
    """
    return tuple(_rows("", proof, currency))


def _rows(label: str, proof: Mapping[str, Any], currency: str) -> Iterator[ProofRow]:
    """Walk a structure, each key by what it is known to hold."""
    for key, value in sorted(proof.items(), key=lambda pair: _PLACES.get(pair[0], len(_PLACES))):
        words = _WORDS.get(key) or key.replace("_", " ").capitalize()
        if value in (None, "", [], {}):
            continue
        if key == "tax" and isinstance(value, Mapping):
            yield from _rows(label, value, currency)
        elif key == "parts" and isinstance(value, Sequence):
            yield from (ProofRow(f"{label}{words}", _tax_part(part, currency)) for part in value)
        elif key == "vouchers" and isinstance(value, Sequence):
            yield from (ProofRow(f"{label}{words}", _voucher(one, currency)) for one in value)
        elif key == "slices" and isinstance(value, Sequence):
            yield ProofRow(f"{label}{words}", "; ".join(_slice(one) for one in value))
        elif isinstance(value, Mapping):
            yield from _rows(f"{label}{words}{_SEPARATOR}", value, currency)
        else:
            yield ProofRow(f"{label}{words}", _text(key, value, currency), key if key in _OBJECTS else "")


def _tax_part(part: Any, currency: str) -> str:
    """Write one stored part of the tax: its rule's id, name, jurisdiction, rate and amount."""
    if not isinstance(part, list) or len(part) != _TAX_PART or not isinstance(part[4], int):
        return str(part)
    _, name, jurisdiction, rate, amount_minor = part
    place = " ".join(str(word) for word in (name, jurisdiction) if word)
    return f"{place} {decimal_text(Decimal(rate))} % = {format_money(Money(amount_minor, currency), _LOCALE)}".strip()


def _voucher(one: Any, currency: str) -> str:
    """Write what a voucher gives and what a line took of it."""
    if not isinstance(one, list) or len(one) != _VOUCHER:
        return str(one)
    _, percent, fixed_minor, _, taken_minor = one
    gives = f"{percent} %" if percent is not None else format_money(Money(fixed_minor, currency), _LOCALE)
    return f"{gives}, of it here {format_money(Money(taken_minor, currency), _LOCALE)}"


def _slice(one: Any) -> str:
    """Write how many seats were held for which part of the period."""
    seats, part, whole = one
    return f"{seats} for {part} of {whole}"


def _text(key: str, value: Any, currency: str) -> str:
    """Write a single value by what its key is known to hold."""
    if key == "code":
        return str(value).replace("_", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in _MONEY and isinstance(value, int):
        return format_money(Money(value, currency), _LOCALE)
    if isinstance(value, list) and len(value) == _PAIR:
        joint = {"fraction": " of ", "window": " to "}.get(key, ", ")
        return joint.join(_moment(str(part)) for part in value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return _moment(str(value))


def _moment(text: str) -> str:
    """Write a stored moment without its T; any other text stays as it is.

    >>> _moment("2026-03-01T10:17:00+00:00"), _moment("1500 x 10")
    ('2026-03-01 10:17:00 UTC', '1500 x 10')
    """
    if "T" not in text:
        return text
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S %Z}".strip()
    except ValueError:
        return text
