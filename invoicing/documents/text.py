"""What people typed, made safe to draw: no control characters, and its own direction of writing."""

import unicodedata
from dataclasses import dataclass

# These could turn the digits after them around; a document shows names and amounts as they are.
_DIRECTION_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DROPPED = frozenset({"Cc", "Cs"})
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text and whether it is written from right to left."""

    words: str
    rtl: bool = False

    def __str__(self) -> str:
        """Return the words alone."""
        return self.words


def clean(value: str) -> str:
    r"""Drop control characters, lone surrogates and direction controls; line breaks and tabs become one space.

    >>> clean("  Acme\x00\tGmbH ")
    'Acme GmbH'
    """
    kept = []
    for character in value:
        kind = unicodedata.category(character)
        if kind != "Zs" and character.isspace():
            kept.append(" ")
        elif kind not in _DROPPED and character not in _DIRECTION_CONTROLS:
            kept.append(character)
    return " ".join(part for part in "".join(kept).split(" ") if part)


def text(value: str) -> Text:
    """Return the value cleaned, with the direction of its first strong letter (Unicode Annex 9, rule P2)."""
    words = clean(value)
    for character in words:
        direction = unicodedata.bidirectional(character)
        if direction in _RIGHT_TO_LEFT:
            return Text(words, rtl=True)
        if direction == "L":
            break
    return Text(words)


def texts(value: str) -> tuple[Text, ...]:
    """Return the lines of a longer text, without empty ones."""
    return tuple(line for line in map(text, value.splitlines()) if line.words)
