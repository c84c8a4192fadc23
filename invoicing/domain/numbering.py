"""The text of a document number (Billing rules, section 8, Numbering)."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

PLACES = frozenset({"seq", "year", "month", "brand", "random"})
MAXIMUM_PADDING = 12
RANDOM_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0, 1, I, O: a number is read aloud and typed."""

RANDOM_LENGTH = 8
SHORTEST_RANDOM = 6
PLAIN_SEQUENCE_COUNTRIES = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR"}
    | {"HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""EU and GB: an invoice's number is sequential (Directive 2006/112/EC, 226 (2); VAT Regulations 1995, 14)."""

_PLACE = re.compile(r"\{(\w+)(?::(\d+))?\}")
_COUNTERS = frozenset({"seq", "random"})
_FEISTEL_ROUNDS = 4


class InvalidNumberFormat(ValueError):
    """A number format that cannot give each document its own number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a format: a literal text (`place` empty), or a place with its width."""

    place: str
    text: str = ""
    width: int = 0


@lru_cache(maxsize=256)
def parts_of(format_text: str) -> tuple[Part, ...]:
    """Return a format as its pieces, in order."""
    found: list[Part] = []
    end = 0
    for match in _PLACE.finditer(format_text):
        if match.start() > end:
            found.append(Part("", format_text[end : match.start()]))
        found.append(Part(match.group(1), width=int(match.group(2) or 0)))
        end = match.end()
    if end < len(format_text):
        found.append(Part("", format_text[end:]))
    return tuple(found)


def check_number_format(format_text: str, *, yearly: bool, country: str = "") -> None:
    """Refuse a format that could give two documents one number, or a seller's law forbids.

    It needs a counter, `{seq}` (padded: `{seq:06}`) or `{random}` (its length: `{random:8}`), each at most once, and
    may hold `{year}`, `{month}` and `{brand}`; a yearly reset needs `{year}`; `{random}` is not for sellers in the EU
    and GB. Raises InvalidNumberFormat.

    >>> check_number_format("INV-{seq}", yearly=True)
    Traceback (most recent call last):
    ...
    invoicing.domain.numbering.InvalidNumberFormat: A yearly reset needs {year} in the format.
    """
    parts = parts_of(format_text)
    places = [part.place for part in parts if part.place]
    _check_spelling(parts)
    if not _COUNTERS & set(places):
        raise InvalidNumberFormat("The format needs {seq} or {random}.")
    if any(places.count(counter) > 1 for counter in _COUNTERS):
        raise InvalidNumberFormat("The format needs {seq} or {random} once, not twice.")
    if yearly and "year" not in places:
        raise InvalidNumberFormat("A yearly reset needs {year} in the format.")
    if "random" in places and country in PLAIN_SEQUENCE_COUNTRIES:
        raise InvalidNumberFormat(f"A seller in {country} numbers in sequence: {{random}} is not allowed.")


def _check_spelling(parts: tuple[Part, ...]) -> None:
    """Refuse places nobody knows, widths that do not fit, and texts that cannot be printed."""
    literal = "".join(part.text for part in parts)
    unknown = sorted({part.place for part in parts if part.place} - PLACES)
    if unknown:
        raise InvalidNumberFormat(f"Unknown place {{{unknown[0]}}}.")
    if "{" in literal or "}" in literal:
        raise InvalidNumberFormat("A brace stands alone.")
    if not literal.isprintable() or literal != literal.strip():
        raise InvalidNumberFormat("The format has spaces around it, or characters that cannot be printed.")
    if any(part.width and part.place not in _COUNTERS for part in parts):
        raise InvalidNumberFormat("Only {seq} and {random} take a width.")
    if any(part.width > MAXIMUM_PADDING for part in parts):
        raise InvalidNumberFormat(f"At most {MAXIMUM_PADDING} places.")
    if any(part.place == "random" and 0 < part.width < SHORTEST_RANDOM for part in parts):
        raise InvalidNumberFormat(f"A random part has at least {SHORTEST_RANDOM} characters.")


def format_number(
    format_text: str, *, sequence: int, issue_date: date, brand_code: str, key: uuid.UUID | None = None
) -> str:
    """Write a number: `INV-{year}-{seq:06}` with sequence 13 in 2026 is INV-2026-000013.

    `key` (the series) scrambles `{random}`.

    >>> format_number("INV-{year}-{seq:06}", sequence=13, issue_date=date(2026, 3, 1), brand_code="acme")
    'INV-2026-000013'
    >>> format_number("{seq}", sequence=14, issue_date=date(2026, 3, 1), brand_code="acme")
    '14'
    """
    written = []
    for part in parts_of(format_text):
        if not part.place:
            written.append(part.text)
        elif part.place == "brand":
            written.append(brand_code)
        elif part.place == "random":
            written.append(random_text(sequence, part.width or RANDOM_LENGTH, key or uuid.UUID(int=0)))
        else:
            value = {"seq": sequence, "year": issue_date.year, "month": issue_date.month}[part.place]
            written.append(str(value).zfill({"seq": part.width, "month": 2}.get(part.place, 0)))
    return "".join(written)


def random_text(sequence: int, length: int, key: uuid.UUID) -> str:
    """Return a text that looks random and never comes twice: the sequence, moved by a permutation that `key` picks.

    A Feistel network over the 32 ** length texts is one to one whatever its rounds do, so no two sequences share a
    text and nothing has to be looked up. Raises ValueError past the last text: 32 ** 6 = 1073741824 for the shortest.

    >>> random_text(1, 8, uuid.UUID(int=7)) != random_text(2, 8, uuid.UUID(int=7))
    True
    """
    bits = 5 * length
    if not 0 <= sequence < 1 << bits:
        raise ValueError(f"{length} characters have no text for number {sequence}")
    right_bits = bits // 2
    left_bits = bits - right_bits
    left, right = sequence >> right_bits, sequence & ((1 << right_bits) - 1)
    for round_number in range(_FEISTEL_ROUNDS):
        # The halves swap their widths with their places, so an odd number of bits comes back whole after two rounds.
        digest = hashlib.blake2b(f"{round_number}:{right}".encode(), key=key.bytes, digest_size=8).digest()
        mixed = (left ^ int.from_bytes(digest, "big")) & ((1 << left_bits) - 1)
        left, right = right, mixed
        left_bits, right_bits = right_bits, left_bits
    value = left << right_bits | right
    return "".join(RANDOM_ALPHABET[value >> 5 * place & 31] for place in reversed(range(length)))


def share_prefix(one: str, other: str) -> bool:
    """Tell whether two formats of one seller could write the same number: what stands before their counters is one.

    >>> share_prefix("INV-{seq}", "INV-{seq:06}"), share_prefix("INV-{seq}", "CN-{seq}")
    (True, False)
    >>> share_prefix("A{seq}", "A{year}{seq}"), share_prefix("INV-{seq}", "INV-{year}-{seq}")
    (True, False)
    """
    shorter, longer = sorted((_prefix(one), _prefix(other)), key=len)
    # What the longer prefix goes on with must not read as the start of a count.
    return longer[: len(shorter)] == shorter and all(sign.isdigit() for sign in longer[len(shorter) :])


def _prefix(format_text: str) -> str:
    """Return what a format writes before its counter, in capitals, years and months as digits."""
    written = []
    for part in parts_of(format_text):
        if part.place in _COUNTERS:
            break
        written.append({"": part.text.upper(), "year": "0000", "month": "00"}.get(part.place, f"{{{part.place}}}"))
    return "".join(written)


def number_pattern(format_text: str, brand_code: str) -> str:
    """Return a regular expression (PostgreSQL's and Python's) of what a format writes; its one group is the count.

    >>> number_pattern("INV-{year}-{seq:06}", "acme")
    '^INV\\\\-[0-9]{4}\\\\-([0-9]{6,})$'
    """
    random = f"[{RANDOM_ALPHABET}]"
    patterns = {"year": "[0-9]{4}", "month": "[0-9]{2}", "brand": re.escape(brand_code)}
    written = []
    for part in parts_of(format_text):
        if part.place == "seq":
            written.append(f"([0-9]{{{max(part.width, 1)},}})")
        elif part.place == "random":
            written.append(f"{random}{{{part.width or RANDOM_LENGTH}}}")
        else:
            written.append(patterns.get(part.place) or re.escape(part.text))
    return f"^{''.join(written)}$"
