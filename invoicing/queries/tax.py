"""Read the tax rules, and what their thresholds are compared with, as values."""

from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.domain.schedule import local_date
from customers.models import Brand
from invoicing.domain.tax_rules import CountryRules, DatedRate, StateRules, TaxRules
from invoicing.domain.tax_thresholds import Threshold, ThresholdWindow
from invoicing.domain.tax_world import TaxWorld
from invoicing.models import TaxCountry, TaxRule, TaxState
from invoicing.queries.tax_sales import SellingBrand, read_closed_sales
from invoicing.tax_fixture import load_rates
from subscriptions.models import TaxType


def get_tax_world(as_of: datetime) -> TaxWorld:
    """Return what decides tax for documents issued at `as_of`, by a constant number of statements.

    A place that an invoice made collect does so for documents of a later moment only: whoever is billed at the same
    moment is taxed alike, in whatever order (Billing rules, section 7, Threshold sums).
    """
    default = TaxType.objects.filter(default=True).values_list("id", flat=True).first()
    default_tax_type = str(default) if default else ""
    brands = Brand.objects.order_by("id").values_list(
        "id", "country", "tax_number", "one_stop_shop", "time_zone", "currency"
    )
    sellers = [
        SellingBrand(brand_id, country, tax_number, one_stop_shop, local_date(as_of, zone), currency)
        for brand_id, country, tax_number, one_stop_shop, zone, currency in brands
    ]
    countries = _countries(as_of, sellers[0].currency if sellers else "")
    known = {country.country for country in countries}
    shipped = tuple(country for country in _shipped_countries(default_tax_type) if country.country not in known)
    rules = TaxRules(default_tax_type, countries + shipped)
    closed, rates = read_closed_sales(rules, sellers, as_of)
    return TaxWorld(rules, default_tax_type, closed, rates)


def _countries(as_of: datetime, main_currency: str) -> tuple[CountryRules, ...]:
    """Read every country with its states and rates."""
    rates: dict[tuple[Any, Any], list[DatedRate]] = defaultdict(list)
    for rule in TaxRule.objects.order_by("valid_from", "id"):
        rates[rule.country_id, rule.state_id].append(
            DatedRate(str(rule.id), str(rule.tax_type_id), rule.rate, rule.valid_from, rule.valid_until)
        )
    return tuple(
        CountryRules(
            country=country.code,
            collecting=_collects(country, as_of),
            in_eu=country.in_eu,
            b2b_reverse_charge=country.b2b_reverse_charge,
            threshold=_threshold(country, country.currency or main_currency),
            rates=tuple(rates[country.id, None]),
            states=tuple(
                StateRules(
                    state=state.code,
                    collecting=_collects(state, as_of),
                    threshold=_threshold(state, country.currency or main_currency),
                    rates=tuple(rates[country.id, state.id]),
                    name=state.name,
                )
                for state in country.states.all()
            ),
        )
        for country in TaxCountry.objects.prefetch_related("states").order_by("code")
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


def _collects(place: TaxCountry | TaxState, as_of: datetime) -> bool:
    """Tell whether a place collects: by hand, or since an earlier moment's invoice reached its threshold."""
    return place.collecting and (place.collecting_since is None or place.collecting_since < as_of)


def _threshold(place: TaxCountry | TaxState, currency: str) -> Threshold:
    """Return a place's threshold as a value."""
    return Threshold(
        place.threshold_minor, place.threshold_transactions, ThresholdWindow(place.threshold_period), currency
    )
