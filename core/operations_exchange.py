"""Load exchange rates from a file that the operator fetched: the engine itself asks nobody."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.db import transaction

from core.domain.exchange import EURO
from core.domain.money import UnknownCurrency, minor_digits
from core.errors import Invalid
from core.models import ExchangeRate

ROWS_AT_ONCE = 5_000
_NO_RATE = frozenset({"", "N/A"})


@transaction.atomic
def load_exchange_rates(path: Path, *, source: str, now: datetime) -> int:
    """Add the rates of a file to those known, and return how many were new; known ones stay as they are.

    The file is one of the European Central Bank's: CSV (`eurofxref-hist.csv`, `eurofxref.csv`) or the ZIP around it,
    with a column of days and one for each currency, in units for one euro. Currencies out of use are passed over.
    Raises Invalid, naming the line.
    """
    before = ExchangeRate.objects.count()
    rows: list[ExchangeRate] = []
    for currency, day, per_euro in _read_rates(_read_text(path)):
        rows.append(ExchangeRate(currency=currency, day=day, per_euro=per_euro, source=source, created_at=now))
        if len(rows) >= ROWS_AT_ONCE:
            _add(rows)
            rows = []
    _add(rows)
    return ExchangeRate.objects.count() - before


def _add(rows: list[ExchangeRate]) -> None:
    """Store rates; a day's rate that is known already stays."""
    ExchangeRate.objects.bulk_create(rows, ignore_conflicts=True)


def _read_text(path: Path) -> str:
    """Return the CSV text of a file. Raises Invalid when it cannot be read."""
    try:
        if not zipfile.is_zipfile(path):
            return path.read_text(encoding="utf-8-sig")
        with zipfile.ZipFile(path) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".csv")]
            return archive.read(name).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise Invalid(f"{path} cannot be read as exchange rates: {error}", fields={"file": "cannot be read"}) from None


def _read_rates(text: str) -> Iterator[tuple[str, date, Decimal]]:
    """Yield currency, day and rate."""
    lines = csv.reader(io.StringIO(text))
    head = [cell.strip() for cell in next(lines, [])]
    if not head or head[0] != "Date":
        raise Invalid("The file is none of the ECB's.", fields={"file": "the first column must be Date"})
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        day = _day(cells[0].strip(), number)
        for currency, cell in zip(head[1:], cells[1:], strict=False):
            if _is_in_use(currency) and cell.strip() not in _NO_RATE:
                yield currency, day, _rate(cell.strip(), currency, number)


def _is_in_use(currency: str) -> bool:
    """Tell whether a column is a currency that can be billed in, other than the euro itself."""
    try:
        minor_digits(currency)
    except UnknownCurrency:
        return False
    return currency != EURO


def _day(text: str, number: int) -> date:
    """Read a day: 2026-11-27, or 27 November 2026 as the daily file has it."""
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Invalid(f"Line {number} has no day: {text!r}.", fields={"file": f"line {number} has no day"})


def _rate(text: str, currency: str, number: int) -> Decimal:
    """Read a rate above nought."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        fault = f"line {number} has no rate of {currency}"
        raise Invalid(f"Line {number}: {text!r} is no rate of {currency}.", fields={"file": fault})
    return rate
