"""Secrets never reach a log."""

import doctest

import pytest

from core import redaction
from core.redaction import DEEPEST_LEVEL, REDACTED, redact, redact_text


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("key rk_live_4eC39HqLyjWDarjtT1zdp7dc used", f"key {REDACTED} used"),
        ("key rk_test_4eC39HqLyjWDarjtT1zdp7dc", f"key {REDACTED}"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", REDACTED),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", f"signed with {REDACTED}"),
        ("Authorization: Bearer abc.def-123", f"Authorization: {REDACTED}"),
        ("{'X-API-Key': 'abc'}", f"{{'X-API-Key': '{REDACTED}'}}"),
        ("sent Bearer abcdef.12345", f"sent Bearer {REDACTED}"),
        ("password=hunter2&name=x", f"password={REDACTED}&name=x"),
        ('{"password": "hunter 2"}', f'{{"password": {REDACTED}}}'),
        ("postgres://reckoner:hunter2@db:5432/r", f"postgres://reckoner:{REDACTED}@db:5432/r"),
        ("4242424242424242", REDACTED),
        ("card 4242-4242-4242-4242.", f"card {REDACTED}."),
        ("3782 822463 10005", REDACTED),
    ],
)
def test_secrets_are_taken_out(said: str, logged: str) -> None:
    assert redact_text(said) == logged


@pytest.mark.parametrize(
    "harmless",
    [
        "4242424242424241",  # no card: the check digit is wrong
        "1732240000000",  # milliseconds since 1970
        "01a20104-aadc-7372-842f-78cf619378cc",
        "task_sweep of risk_report",
        "invoice ACME-2026-000042 over 1999 EUR, tokens used: 3",
        "https://example.com/a:b@c",
    ],
)
def test_other_words_stay(harmless: str) -> None:
    assert redact_text(harmless) == harmless


def test_values_are_searched_at_every_level() -> None:
    event = {
        "headers": {"Authorization": "Bearer x", "HTTP_X_API_KEY": "y", "Accept": "*/*"},
        "body": [{"card_number": 4242424242424242, "note": "4242424242424242"}],
        "amount_minor": 4242424242424242,
        "raw": b"password=x",
    }
    assert redact(event) == {
        "headers": {"Authorization": REDACTED, "HTTP_X_API_KEY": REDACTED, "Accept": "*/*"},
        "body": [{"card_number": REDACTED, "note": REDACTED}],
        "amount_minor": 4242424242424242,
        "raw": f"b'password={REDACTED}",
    }


def test_what_lies_deeper_than_the_search_is_still_cleaned() -> None:
    value: object = "rk_live_4eC39HqLyjWDarjtT1zdp7dc"
    for _ in range(DEEPEST_LEVEL + 3):
        value = [value]
    assert "4eC39" not in repr(redact(value))


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(redaction).failed == 0
