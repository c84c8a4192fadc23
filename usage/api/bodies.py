"""The bodies of the event calls: decoded at full speed when right, field by field when not.

Right bodies are decoded and checked in one pass. A body that is refused there is read again the way all other endpoints
read, which names every fault at once; one bad event never spoils the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema_field

from core.api.body import read_json
from core.api.errors import TooLarge
from core.api.fields import IdField, StrictField
from core.api.serializers import InputSerializer
from core.errors import Invalid
from usage.domain import event as rules
from usage.domain.event import EventDraft

MOST_EVENTS = 10_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": rules.LONGEST_EVENT_ID})
class EventIdField(StrictField):
    """Any text of 1 to 128 characters."""

    longest = rules.LONGEST_EVENT_ID

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no text, or cannot be stored."""
        if not isinstance(data, str):
            raise self.refuse("must be a text")
        if fault := rules.text_fault(data, self.longest):
            raise self.refuse(fault)
        return data

    def to_representation(self, value: str) -> str:
        """Return the text."""
        return value


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": rules.LONGEST_CODE})
class CodeField(EventIdField):
    """The code of a metric."""

    longest = rules.LONGEST_CODE


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string"}]})
class ValueField(StrictField):
    """A decimal, sent as a JSON number or as a text."""

    def to_internal_value(self, data: Any) -> Decimal:
        """Refuse what is no number, too large or too fine."""
        if isinstance(data, bool) or not isinstance(data, int | Decimal | str):
            raise self.refuse("must be a number, or a decimal number as a text")
        try:
            value = Decimal(data)
        except InvalidOperation:
            raise self.refuse("must be a decimal number") from None
        if fault := rules.value_fault(value):
            raise self.refuse(fault)
        return value

    def to_representation(self, value: Decimal) -> Any:
        """Return the number without trailing zeros."""
        text = rules.value_text(value)
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return Decimal(text) if "." in text else int(text)


@extend_schema_field({"type": "string", "format": "date-time"})
class TimestampField(StrictField):
    """An instant: RFC 3339 with an offset, to the microsecond."""

    def to_internal_value(self, data: Any) -> datetime:
        """Refuse what is no instant."""
        try:
            timestamp = msgspec.convert(data, datetime)
        except msgspec.ValidationError:
            raise self.refuse("must be an instant with its offset, such as 2026-01-31T10:17:00+00:00") from None
        if fault := rules.timestamp_fault(timestamp):
            raise self.refuse(fault)
        return timestamp


@extend_schema_field({"type": "object", "additionalProperties": True})
class PropertiesField(StrictField):
    """Any JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse what is no object, or cannot be stored."""
        if not isinstance(data, dict):
            raise self.refuse("must be an object")
        if fault := rules.properties_fault(data):
            raise self.refuse(fault)
        return data

    def to_representation(self, value: Any) -> Any:
        """Return the object."""
        return value


class EventInput(InputSerializer):
    """An event."""

    answered = frozenset({"received_at"})

    event_id = EventIdField(help_text="Any text of 1 to 128 characters; it names the event for ever.")
    subscription = IdField(source="subscription_id", help_text="The subscription that used something.")
    code = CodeField(help_text="The code of the metric.")
    value = ValueField(help_text="How much: a number or a decimal as a text, at most 12 decimal places.")
    properties = PropertiesField(required=False, help_text="What the metric's filters and aggregation read.")
    timestamp = TimestampField(required=False, help_text="When it happened; now if not sent.")


class EventBody(EventDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as a body carries it: the field that only our answers hold is passed over."""

    received_at: Any = None


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event of a batch that could not be read: its id if that could be, and the faults by field."""

    event_id: str | None
    errors: Mapping[str, str]


_EVENT = msgspec.json.Decoder(EventBody, float_hook=Decimal)
_EVENTS = msgspec.json.Decoder(list[EventBody], float_hook=Decimal)
_RAW_EVENTS = msgspec.json.Decoder(list[msgspec.Raw])
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def read_event(content: bytes) -> EventDraft:
    """Return the event of a body. Raises Invalid with every fault at once."""
    try:
        return _EVENT.decode(content)
    except _UNREADABLE:
        return _read_slowly(read_json(content))


def read_events(content: bytes) -> list[EventDraft | RefusedEvent]:
    """Return the events of a batch, a JSON array or one JSON object a line, each read or refused by itself.

    Raises Invalid when the body as a whole cannot be read, TooLarge above 10 000 events.
    """
    content = content.removeprefix(_BYTE_ORDER_MARK).strip()
    events = _read_array(content) if content.startswith(b"[") else _read_lines(content)
    if len(events) > MOST_EVENTS:
        raise TooLarge(f"A batch holds at most {MOST_EVENTS} events.", code="too_many_events")
    return events


def _read_array(content: bytes) -> list[EventDraft | RefusedEvent]:
    """Return the events of a JSON array."""
    try:
        return list(_EVENTS.decode(content))
    except _UNREADABLE:
        try:
            return [_read_one(bytes(raw)) for raw in _RAW_EVENTS.decode(content)]
        except _UNREADABLE:
            return [_read_value(value) for value in read_json(content)]


def _read_lines(content: bytes) -> list[EventDraft | RefusedEvent]:
    """Return the events of a body with one JSON object a line."""
    if not content.startswith(b"{"):
        fault = "must be a JSON array of events, or one JSON object a line"
        raise Invalid("The body holds no events.", fields={"body": fault})
    try:
        return list(_EVENT.decode_lines(content))
    except _UNREADABLE:
        return [_read_one(line) for line in content.splitlines() if line.strip()]


def _read_one(content: bytes) -> EventDraft | RefusedEvent:
    """Read one event of a batch by itself."""
    try:
        return _EVENT.decode(content)
    except _UNREADABLE:
        try:
            value = read_json(content)
        except Invalid as error:
            return RefusedEvent(None, error.fields)
        return _read_value(value)


def _read_value(value: Any) -> EventDraft | RefusedEvent:
    """Read one event from its JSON value."""
    try:
        return _read_slowly(value)
    except Invalid as error:
        event_id = value.get("event_id") if isinstance(value, dict) else None
        is_known = isinstance(event_id, str) and rules.text_fault(event_id, rules.LONGEST_EVENT_ID) is None
        return RefusedEvent(event_id if is_known else None, error.fields)


def _read_slowly(value: Any) -> EventDraft:
    """Read an event from its JSON value. Raises Invalid with every fault at once."""
    return EventDraft(**EventInput.read(value))
