"""The VAT rates that ship: complete, dated and without contradiction."""

from datetime import date
from decimal import Decimal

import pytest

from invoicing.domain.tax_rules import CountryRules, DatedRate, TaxRules, add_rule
from invoicing.tax_fixture import load_rates

COUNTRIES = {country.country: country for country in load_rates()}
EU = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES",
    "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
    "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip


def test_the_eu_and_its_three_neighbours() -> None:
    assert set(COUNTRIES) == EU | {"GB", "CH", "NO"}
    assert {code for code, country in COUNTRIES.items() if country.in_eu} == EU
    assert {code for code, country in COUNTRIES.items() if country.b2b_reverse_charge} == EU | {"GB", "NO"}
    assert all(len(country.currency) == 3 and country.tax_name for country in COUNTRIES.values())


def test_the_source_is_named_and_dated() -> None:
    for country in COUNTRIES.values():
        assert country.source.startswith("eu-vat-rates-data 2026.9.29")
        assert country.source_date == date(2026, 9, 29)


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_standard_rates_follow_each_other_without_gap(code: str) -> None:
    standard = COUNTRIES[code].standard_rates
    assert [rate.valid_until for rate in standard] == [*(rate.valid_from for rate in standard[1:]), None]
    added: tuple[DatedRate, ...] = ()
    for rate in standard:
        added = add_rule(added, DatedRate(None, "standard", rate.rate, rate.valid_from, rate.valid_until))
    assert len(added) == len(standard)


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_reduced_rates_are_below_the_standard_one(code: str) -> None:
    country = COUNTRIES[code]
    others = [(rate.kind, rate.rate) for rate in country.rates if rate.kind != "standard"]
    assert len(set(others)) == len(others)
    assert {kind for kind, _ in others} <= {"reduced", "super_reduced", "parking", "regional"}
    assert all(0 < rate < country.standard_rates[-1].rate for _, rate in others)
    reduced = {rate for kind, rate in others if kind == "reduced"}
    assert reduced.isdisjoint(rate for kind, rate in others if kind in ("super_reduced", "regional"))


@pytest.mark.parametrize(
    ("code", "at", "rate"),
    [
        ("DE", date(2020, 6, 30), "19"),
        ("DE", date(2020, 7, 1), "16"),
        ("DE", date(2021, 1, 1), "19"),
        ("EE", date(2025, 6, 30), "22"),
        ("EE", date(2025, 7, 1), "24"),
        ("FI", date(2026, 1, 1), "25.5"),
        ("RO", date(2025, 7, 31), "19"),
        ("RO", date(2025, 8, 1), "21"),
        ("SK", date(2025, 1, 1), "23"),
        ("GB", date(2026, 1, 1), "20"),
        ("CH", date(2023, 12, 31), "7.7"),
        ("CH", date(2024, 1, 1), "8.1"),
        ("NO", date(2026, 1, 1), "25"),
    ],
)
def test_the_standard_rate_of_a_day(code: str, at: date, rate: str) -> None:
    standard = tuple(
        DatedRate(None, "standard", item.rate, item.valid_from, item.valid_until)
        for item in COUNTRIES[code].standard_rates
    )
    part = TaxRules("standard", (CountryRules(code, rates=standard),)).find_part(code, "standard", at)
    assert part is not None
    assert part.rate == Decimal(rate)
