"""Events as they are sent, and what became of them.

Billing rules, section 4. A batch holds thousands, so drafts are msgspec structs: checked like a frozen dataclass, made
ten times faster, and decoded straight from JSON.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from core.domain.decimals import EXACT

LONGEST_EVENT_ID = 128
LONGEST_CODE = 100
VALUE_PLACES = 12
VALUE_LIMIT = Decimal(10) ** 16
# Wide enough for any number that means something, narrow enough for exact arithmetic (`core.domain.decimals.EXACT`).
PROPERTY_DIGITS = 40
PROPERTY_DEPTH = 32
# PostgreSQL takes no larger one; no place on Earth is further from UTC than 14 hours.
LARGEST_OFFSET = timedelta(hours=16)
_LONGEST_PLAIN_VALUE = len("-") + VALUE_LIMIT.adjusted() + len(".") + VALUE_PLACES


class Outcome(StrEnum):
    """What became of an event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why an event was rejected; stable words for programs."""

    INVALID = "invalid"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    UNKNOWN_CODE = "unknown_code"
    EVENT_ID_CONFLICT = "event_id_conflict"
    TIMESTAMP_AHEAD = "timestamp_ahead"
    OUTSIDE_SUBSCRIPTION = "outside_subscription"
    SUBSCRIPTION_PAUSED = "subscription_paused"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What became of one event; a reason when, and only when, it was rejected."""

    outcome: Outcome
    reason: Reason | None = None

    def __post_init__(self) -> None:
        """Refuse a rejection without a reason, and a reason without a rejection."""
        if (self.reason is None) == (self.outcome is Outcome.REJECTED):
            raise ValueError(f"{self.outcome} with the reason {self.reason}")


STORED = EventOutcome(Outcome.STORED)
DUPLICATE = EventOutcome(Outcome.DUPLICATE)
REJECTED = {reason: EventOutcome(Outcome.REJECTED, reason) for reason in Reason}


class EventDraft(msgspec.Struct, frozen=True, kw_only=True, rename={"subscription_id": "subscription"}):
    """An event as it was sent; without a timestamp it happened when it arrived.

    Raises ValueError for what could not be stored, and stored again the same: see the functions below.
    """

    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_EVENT_ID)]
    subscription_id: uuid.UUID
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CODE)]
    value: Decimal
    properties: dict[str, Any] | None = None
    timestamp: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what the types alone let through."""
        # Nearly all are plain, which is seen at a glance; the others are looked at closely.
        value = str(self.value)
        is_plain = (
            0 < len(self.event_id) <= LONGEST_EVENT_ID
            and self.event_id.isprintable()
            and 0 < len(self.code) <= LONGEST_CODE
            and self.code.isprintable()
            and len(value) <= VALUE_PLACES
            and "E" not in value
            and self.value.is_finite()
            and (self.timestamp is None or self.timestamp.tzinfo is UTC)
            and not self.properties
        )
        if not is_plain and (fault := self._fault()):
            raise ValueError(fault)

    def _fault(self) -> str | None:
        """Say what is wrong, None when nothing is."""
        return (
            text_fault(self.event_id, LONGEST_EVENT_ID)
            or text_fault(self.code, LONGEST_CODE)
            or value_fault(self.value)
            or (timestamp_fault(self.timestamp) if self.timestamp is not None else None)
            or (properties_fault(self.properties) if self.properties else None)
        )


def text_fault(text: str, longest: int) -> str | None:
    r"""Say what is wrong with an id or a code, None when nothing is.

    >>> text_fault("", 128), text_fault("order-1", 128), text_fault("a\0b", 128)
    ('must have 1 to 128 characters', None, 'must not contain NUL characters')
    """
    if not 1 <= len(text) <= longest:
        return f"must have 1 to {longest} characters"
    return _unstorable(text)


def value_fault(value: Decimal) -> str | None:
    """Say what is wrong with a value, None when nothing is (Billing rules, section 1: Decimal (28,12)).

    >>> value_fault(Decimal("0.1")), value_fault(Decimal("1E+400")), value_fault(Decimal("NaN"))
    (None, 'must lie between -10^16 and 10^16', 'must be a finite number')
    """
    if not value.is_finite():
        return "must be a finite number"
    if not -VALUE_LIMIT < value < VALUE_LIMIT:
        return f"must lie between -10^{VALUE_LIMIT.adjusted()} and 10^{VALUE_LIMIT.adjusted()}"
    # str() is cheaper than as_tuple(), and a short plain text cannot have too many places.
    text = str(value)
    if (len(text) > VALUE_PLACES or "E" in text) and _places(value) > VALUE_PLACES:
        return f"must have at most {VALUE_PLACES} decimal places"
    return None


def timestamp_fault(timestamp: datetime) -> str | None:
    """Say what is wrong with a moment, None when nothing is: without an offset it is no moment.

    >>> timestamp_fault(datetime(2026, 1, 31))
    'must be an instant with its offset, such as 2026-01-31T10:17:00+00:00'
    """
    if timestamp.tzinfo is UTC:
        return None
    offset = timestamp.utcoffset()
    if offset is None:
        return "must be an instant with its offset, such as 2026-01-31T10:17:00+00:00"
    return None if abs(offset) < LARGEST_OFFSET else "must have an offset below 16 hours"


def properties_fault(properties: dict[str, Any]) -> str | None:
    """Say what is wrong with properties, None when nothing is: the database must give back what was sent.

    >>> properties_fault({"country": "DE", "size": Decimal("1.5"), "tags": ["a", None]}) is None
    True
    >>> properties_fault({"size": {"height": Decimal("1E+400")}})
    'must not hold a number beyond 10^40 or finer than 40 decimal places'
    """
    return _json_fault(properties, PROPERTY_DEPTH)


def value_text(value: Decimal) -> str:
    """Write a value that has no fault for the database: never more places than it has.

    >>> value_text(Decimal("1E+3")), value_text(Decimal("0E-99999")), value_text(Decimal("0.10"))
    ('1000', '0', '0.10')
    """
    text = str(value)
    if "E" in text or len(text) > _LONGEST_PLAIN_VALUE:
        # format() of a zero with a vast exponent would write as many zeros.
        return format(EXACT.normalize(value), "f") if value else "0"
    return text


def _json_fault(value: object, depth: int) -> str | None:
    """Say what is wrong with a value of any type that JSON has, None when nothing is."""
    match value:
        case str():
            return _unstorable(value)
        case None | bool():
            return None
        case int() | float() | Decimal():
            return _number_fault(value)
        case dict() | list() | tuple():
            return _nested_fault(value, depth)
        case _:
            return f"must hold what JSON knows, not {type(value).__name__}"


def _nested_fault(value: dict[Any, Any] | Sequence[Any], depth: int) -> str | None:
    """Say what is wrong with an object or an array, None when nothing is."""
    if depth == 0:
        return f"must not be nested deeper than {PROPERTY_DEPTH} levels"
    members = value
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            return "must have texts for names"
        members = [*value, *value.values()]
    faults = (_json_fault(member, depth - 1) for member in members)
    return next((fault for fault in faults if fault is not None), None)


def _number_fault(value: float | Decimal) -> str | None:
    """Say what is wrong with a number among the properties, None when nothing is."""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if number.is_finite() and number.adjusted() < PROPERTY_DIGITS and _places(number) <= PROPERTY_DIGITS:
        return None
    return f"must not hold a number beyond 10^{PROPERTY_DIGITS} or finer than {PROPERTY_DIGITS} decimal places"


def _unstorable(text: str) -> str | None:
    """Say why PostgreSQL could not store a text, None when it could."""
    if "\0" in text:
        return "must not contain NUL characters"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must not contain lone surrogates"
    return None


def _places(value: Decimal) -> int:
    """Return the number of decimal places a finite number needs; trailing zeros are not needed."""
    _, digits, exponent = value.as_tuple()
    if not value or not isinstance(exponent, int):
        return 0
    zeros = 0
    while digits[-1 - zeros] == 0:
        zeros += 1
    return max(-exponent - zeros, 0)
