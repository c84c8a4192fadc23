"""Exchange rates come from a file of the ECB's that the operator fetched."""

import zipfile
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from core.models import ExchangeRate
from tests.cast import JANUARY

pytestmark = pytest.mark.django_db

HISTORY = """Date,USD,JPY,CYP,CHF,
2026-11-27,1.1573,178.05,N/A,0.9312,
2026-11-26,1.1555,177.9,0.58,N/A,
"""


def load(path: Path) -> str:
    said = StringIO()
    call_command("load_exchange_rates", str(path), stdout=said)
    return said.getvalue().strip()


def rates() -> list[tuple[str, date, Decimal]]:
    return list(ExchangeRate.objects.order_by("currency", "day").values_list("currency", "day", "per_euro"))


def test_a_history_is_loaded_once(tmp_path: Path) -> None:
    """Currencies out of use (the Cyprus pound) and days without a rate are passed over."""
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(HISTORY)
    assert load(path) == "5 rates added"
    assert rates() == [
        ("CHF", date(2026, 11, 27), Decimal("0.9312")),
        ("JPY", date(2026, 11, 26), Decimal("177.9")),
        ("JPY", date(2026, 11, 27), Decimal("178.05")),
        ("USD", date(2026, 11, 26), Decimal("1.1555")),
        ("USD", date(2026, 11, 27), Decimal("1.1573")),
    ]
    path.write_text(HISTORY.replace("1.1573", "9.9999") + "2026-11-25,1.15,177,N/A,0.93,\n")
    assert load(path) == "3 rates added"
    assert ExchangeRate.objects.get(currency="USD", day="2026-11-27").per_euro == Decimal("1.1573")


def test_the_zip_and_the_daily_file(tmp_path: Path) -> None:
    packed = tmp_path / "eurofxref-hist.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("eurofxref-hist.csv", HISTORY)
    assert load(packed) == "5 rates added"
    daily = tmp_path / "eurofxref.csv"
    daily.write_text("Date, USD, CHF, \n30 November 2026, 1.1601, 0.9322, \n")
    assert load(daily) == "2 rates added"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "none of the ECB's"),
        ("Day,USD\n2026-11-27,1\n", "none of the ECB's"),
        ("Date,USD\nyesterday,1\n", "Line 2 has no day"),
        ("Date,USD\n2026-11-27,1\n2026-11-26,0\n", "Line 3: '0' is no rate of USD"),
        ("Date,USD\n2026-11-27,NaN\n", "Line 2: 'NaN' is no rate of USD"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match=fault):
        load(path)
    assert rates() == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        load(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("currency", "rate", "name"),
    [("USD", "1", "one_exchange_rate_a_day"), ("CHF", "0", "above_nought"), ("EUR", "1", "needs_no_rate")],
)
def test_the_database_holds_one_rate_a_day(currency: str, rate: str, name: str) -> None:
    facts = {"day": "2026-01-01", "source": "x", "created_at": JANUARY}
    ExchangeRate.objects.create(currency="USD", per_euro=Decimal("1.1"), **facts)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        ExchangeRate.objects.create(currency=currency, per_euro=Decimal(rate), **facts)
