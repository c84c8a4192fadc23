"""The VAT rates that ship with Reckoner, as plain values; README.md names their sources and their limits.

Read-only facts: whoever stores them as tax rules decides which tax type a kind of rate belongs to.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

_RATES_FILE = Path(__file__).with_name("vat_rates_2026_09_29.json")


@dataclass(frozen=True, slots=True)
class FixtureRate:
    """One rate in percent: `kind` is standard, reduced, super_reduced, parking or regional.

    It holds from `valid_from` up to, not including, `valid_until`; None as first day means that the source names none,
    None as last day that the rate was in force on the source's date.
    """

    kind: str
    rate: Decimal
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class FixtureCountry:
    """A country's rates, oldest first within a kind, and the facts that steer the tax decision."""

    country: str
    currency: str
    tax_name: str
    in_eu: bool
    b2b_reverse_charge: bool
    rates: tuple[FixtureRate, ...]
    source: str
    source_date: date

    @property
    def standard_rates(self) -> tuple[FixtureRate, ...]:
        """List the standard rates, oldest first; the last one is the current."""
        return tuple(rate for rate in self.rates if rate.kind == "standard")


def load_rates() -> tuple[FixtureCountry, ...]:
    """Read the rates of the 27 EU countries, then GB, CH and NO.

    >>> germany = next(country for country in load_rates() if country.country == "DE")
    >>> [str(rate.rate) for rate in germany.standard_rates]
    ['19', '16', '19']
    """
    document = json.loads(_RATES_FILE.read_text(encoding="utf-8"))
    source_date = date.fromisoformat(document["source_date"])
    return tuple(
        FixtureCountry(
            country=row["country"],
            currency=row["currency"],
            tax_name=row["tax_name"],
            in_eu=row["in_eu"],
            b2b_reverse_charge=row["b2b_reverse_charge"],
            rates=tuple(_read_rate(rate) for rate in row["rates"]),
            source=document["source"],
            source_date=source_date,
        )
        for row in document["countries"]
    )


def find_shipped(country: str) -> FixtureCountry | None:
    """Return a country of the fixture by its ISO code; the file is read once.

    >>> find_shipped("CH").b2b_reverse_charge, find_shipped("US")
    (False, None)
    """
    return _by_code().get(country)


@lru_cache(maxsize=1)
def _by_code() -> dict[str, FixtureCountry]:
    """Return the countries by ISO code."""
    return {country.country: country for country in load_rates()}


def _read_rate(row: dict[str, Any]) -> FixtureRate:
    """Read one rate; rates are strings in the file, so no float ever touches them."""
    return FixtureRate(
        kind=row["kind"],
        rate=Decimal(row["rate"]),
        valid_from=_read_date(row["valid_from"]),
        valid_until=_read_date(row["valid_until"]),
    )


def _read_date(value: str | None) -> date | None:
    """Read an ISO date, None where the file has none."""
    return None if value is None else date.fromisoformat(value)
