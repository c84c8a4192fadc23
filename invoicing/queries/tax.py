"""Read the tax rules, and what their thresholds are compared with, as values."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.domain.schedule import local_date
from core.rows import fetch_rows
from invoicing.domain.tax_rules import CountryRules, DatedRate, StateRules, TaxRules
from invoicing.domain.tax_thresholds import Threshold, ThresholdWindow
from invoicing.domain.tax_world import TaxWorld
from invoicing.queries.tax_sales import SellingBrand, read_closed_sales
from invoicing.tax_fixture import load_rates

DEFAULT_TYPE = 'SELECT id::text FROM subscriptions_taxtype WHERE "default" ORDER BY id LIMIT 1'
BRANDS = "SELECT id, country, tax_number, one_stop_shop, time_zone, currency FROM customers_brand ORDER BY id"
RULES = """
SELECT country_id, state_id, id::text, tax_type_id::text, rate, valid_from, valid_until
FROM invoicing_taxrule ORDER BY valid_from, id
"""
STATES = """
SELECT country_id, id, code, name, collecting AND coalesce(collecting_since < %(as_of)s, true),
       threshold_minor, threshold_transactions, threshold_period
FROM invoicing_taxstate ORDER BY code, id
"""
COUNTRIES = """
SELECT id, code, in_eu, b2b_reverse_charge, currency, collecting AND coalesce(collecting_since < %(as_of)s, true),
       threshold_minor, threshold_transactions, threshold_period
FROM invoicing_taxcountry ORDER BY code
"""


def get_tax_world(as_of: datetime) -> TaxWorld:
    """Return what decides tax for documents issued at `as_of`, by a constant number of statements.

    A place that an invoice made collect does so for documents of a later moment only: whoever is billed at the same
    moment is taxed alike, in whatever order (Billing rules, section 7, Threshold sums).
    """
    default_tax_type = next((found for (found,) in fetch_rows(DEFAULT_TYPE, ())), "")
    sellers = [
        SellingBrand(brand_id, country, tax_number, one_stop_shop, local_date(as_of, zone), currency)
        for brand_id, country, tax_number, one_stop_shop, zone, currency in fetch_rows(BRANDS, ())
    ]
    countries = _countries(as_of, sellers[0].currency if sellers else "")
    known = {country.country for country in countries}
    shipped = tuple(country for country in _shipped_countries(default_tax_type) if country.country not in known)
    rules = TaxRules(default_tax_type, countries + shipped)
    closed, rates = read_closed_sales(rules, sellers, as_of)
    return TaxWorld(rules, default_tax_type, closed, rates)


def _countries(as_of: datetime, main_currency: str) -> tuple[CountryRules, ...]:
    """Read every country with its states and rates.

    A place collects by hand, or since an earlier moment's invoice reached its threshold.
    """
    rates: dict[tuple[Any, Any], list[DatedRate]] = defaultdict(list)
    for country_id, state_id, *rule in fetch_rows(RULES, ()):
        rates[country_id, state_id].append(DatedRate(*rule))
    states = defaultdict(list)
    for country_id, *state in fetch_rows(STATES, {"as_of": as_of}):
        states[country_id].append(state)
    return tuple(
        CountryRules(
            country=code,
            collecting=collecting,
            in_eu=in_eu,
            b2b_reverse_charge=b2b_reverse_charge,
            threshold=_threshold(threshold, currency or main_currency),
            rates=tuple(rates[country_id, None]),
            states=tuple(
                StateRules(
                    state=state,
                    collecting=state_collecting,
                    threshold=_threshold(state_threshold, currency or main_currency),
                    rates=tuple(rates[country_id, state_id]),
                    name=name,
                )
                for state_id, state, name, state_collecting, *state_threshold in states[country_id]
            ),
        )
        for country_id, code, in_eu, b2b_reverse_charge, currency, collecting, *threshold in fetch_rows(
            COUNTRIES, {"as_of": as_of}
        )
    )


@lru_cache(maxsize=8)
def _shipped_countries(default_tax_type: str) -> tuple[CountryRules, ...]:
    """Return the countries whose rates ship with us, none of them collecting.

    They stand in for countries nobody set up: that France is in the EU is no opinion, and what a seller with a
    one-stop-shop owes there neither.
    """
    return tuple(
        CountryRules(
            country=shipped.country,
            in_eu=shipped.in_eu,
            b2b_reverse_charge=shipped.b2b_reverse_charge,
            rates=tuple(
                DatedRate(None, default_tax_type, rate.rate, rate.valid_from, rate.valid_until, shipped.tax_name)
                for rate in shipped.standard_rates
            ),
        )
        for shipped in load_rates()
    )


def _threshold(row: Sequence[Any], currency: str) -> Threshold:
    """Return a place's threshold as a value."""
    amount_minor, transactions, period = row
    return Threshold(amount_minor, transactions, ThresholdWindow(period), currency)
