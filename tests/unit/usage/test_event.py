"""Events as they are sent. Billing rules, sections 1 and 4."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from usage.domain.event import (
    EventDraft,
    EventOutcome,
    Outcome,
    Reason,
    properties_fault,
    text_fault,
    timestamp_fault,
    value_fault,
    value_text,
)


def draft(**fields: Any) -> EventDraft:
    return EventDraft(
        **{"event_id": "one", "subscription_id": uuid.UUID(int=1), "code": "calls", "value": Decimal(1), **fields}
    )


def test_a_draft_needs_an_id_a_subscription_a_code_and_a_value() -> None:
    assert (draft().properties, draft().timestamp) == (None, None)
    with pytest.raises(TypeError):
        EventDraft(event_id="one", subscription_id=uuid.UUID(int=1), code="calls")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": ""},
        {"event_id": "\0"},
        {"code": "c" * 101},
        {"value": Decimal("NaN")},
        {"timestamp": datetime(2025, 1, 1)},
        {"properties": {"a": "\0"}},
    ],
)
def test_a_draft_that_cannot_be_right_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        draft(**fields)


@pytest.mark.parametrize("text", ["x", " ", "😀" * 128, "\t\n\\", "a" * 128])
def test_any_text_is_an_id(text: str) -> None:
    assert text_fault(text, 128) is None


@pytest.mark.parametrize("text", ["", "x" * 129, "a\0", "\ud800", "ü\udfff"])
def test_a_text_that_cannot_be_stored_is_none(text: str) -> None:
    assert text_fault(text, 128) is not None


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-0",
        "0.1",
        "1E+3",
        "1E-12",
        "9999999999999999.999999999999",
        "-9999999999999999",
        "0E-99999",
        "1" + ".0" * 1,
        "1." + "0" * 200,
    ],
)
def test_a_value_within_its_bounds_is_written_as_it_is(value: str) -> None:
    assert value_fault(Decimal(value)) is None
    text = value_text(Decimal(value))
    assert Decimal(text) == Decimal(value)
    assert "E" not in text
    assert len(text) <= 30


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1E+16",
        "-1E+16",
        "1E+400",
        "1E-13",
        "1E-400",
        "1E-999999999",
        "0.0000000000001",
        "1234567890123456.0000000000001",
        "9999999999999999.9999999999999",
    ],
)
def test_a_value_outside_its_bounds_is_refused(value: str) -> None:
    assert value_fault(Decimal(value)) is not None


def test_a_moment_has_an_offset() -> None:
    assert timestamp_fault(datetime(2025, 1, 1, tzinfo=UTC)) is None
    assert timestamp_fault(datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=-12)))) is None
    assert timestamp_fault(datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=16)))) is not None
    assert timestamp_fault(datetime(2025, 1, 1)) is not None


@pytest.mark.parametrize(
    "value",
    [None, True, "", "ü", 0, -(10**40) + 1, 0.1, 1e39, Decimal("1E-40"), [], {}, [1, [2, {"a": None}]], (1, 2)],
)
def test_properties_hold_what_json_knows(value: object) -> None:
    assert properties_fault({"name": value}) is None


@pytest.mark.parametrize(
    "value",
    [
        10**40,
        -(10**40),
        Decimal("1E+400"),
        Decimal("1E-41"),
        Decimal("NaN"),
        float("inf"),
        float("nan"),
        "\0",
        "\udc00",
        ["\0"],
        {"\0": 1},
        {"a": {"b": ["\ud800"]}},
        {1: 2},
        b"x",
        datetime(2025, 1, 1, tzinfo=UTC),
        {1},
    ],
)
def test_properties_that_would_not_come_back_as_they_were_are_refused(value: object) -> None:
    assert properties_fault({"name": value}) is not None


def test_properties_are_nested_at_most_32_levels_deep() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"a": nested(levels - 1)} if levels > 1 else {}

    assert properties_fault(nested(32)) is None
    assert properties_fault(nested(33)) == "must not be nested deeper than 32 levels"


def test_a_rejection_has_a_reason_and_nothing_else_has() -> None:
    assert EventOutcome(Outcome.REJECTED, Reason.TOO_LATE).reason is Reason.TOO_LATE
    for outcome, reason in ((Outcome.REJECTED, None), (Outcome.STORED, Reason.TOO_LATE)):
        with pytest.raises(ValueError, match="reason"):
            EventOutcome(outcome, reason)
