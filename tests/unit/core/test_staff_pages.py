"""Words, columns and bounds of the back office that need no database."""

import doctest
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.staff_pages import columns, words
from core.staff_pages.words import EMPTY


def test_docstring_examples_hold() -> None:
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [
        (Decimal(1000), "EUR", "€10.00"),
        (Decimal("0.03"), "EUR", "€0.0003"),
        (Decimal("0.000000000001"), "EUR", "€0.00000000000001"),
        (Decimal("-1.5"), "JPY", "-¥1.5"),
        (Decimal(1500), "KWD", "KWD\N{NO-BREAK SPACE}1.500"),
    ],
)
def test_a_price_keeps_all_its_places(price: Decimal, currency: str, text: str) -> None:
    assert words.price_text(price, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-1234567, "-1,234,567"), (Decimal("-0.500"), "-0.5"), (Decimal("1E+3"), "1,000")],
)
def test_a_number_keeps_its_sign_and_its_places(value: Decimal | int, text: str) -> None:
    assert words.number_text(value) == text


def test_what_is_not_there_is_a_dash_and_nought_is_not_nothing() -> None:
    row = SimpleNamespace(
        currency="EUR", amount_minor=None, price=None, count=0, text="", paid_at=None, day=None, data={}
    )
    drawn = [
        columns.money("amount_minor")(row),
        columns.price("price")(row),
        columns.plain("text")(row),
        columns.moment("paid_at")(row),
        columns.day("day")(row),
        columns.structure("data")(row),
        columns.size("text")(row),
        columns.span("paid_at", "day")(row),
    ]
    assert drawn == [EMPTY] * 8
    assert columns.plain("count")(row) == "0"
    assert ">0<" in columns.number("count")(row)


def test_what_people_typed_is_never_markup() -> None:
    row = SimpleNamespace(name="<script>alert(1)</script>", data={"a": "<b>"}, status="<i>")
    for column in (columns.structure("data"), columns.badge("status")):
        assert "<script" not in column(row)
        assert "<b>" not in column(row)
        assert "<i>" not in column(row)


def test_a_period_without_an_end_is_open() -> None:
    row = SimpleNamespace(start=datetime(2026, 1, 1, tzinfo=UTC), end=None)
    assert columns.span("start", "end")(row).endswith("→ open")


def test_a_day_is_written_with_its_month_in_letters() -> None:
    assert "1 Jan 2026" in columns.day("day")(SimpleNamespace(day=date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("status", "tone"), [("paid", "good"), ("open", "busy"), ("failed", "bad"), ("draft", "plain")]
)
def test_a_status_has_a_tone(status: str, tone: str) -> None:
    assert columns.tone_of(status) == tone
