"""Read the tax rules as values."""

from collections import defaultdict
from typing import Any

from invoicing.domain.account import TaxWorld
from invoicing.domain.tax_rules import (
    CountryRules,
    DatedRate,
    StateRules,
    TaxRules,
    Threshold,
    ThresholdWindow,
    Turnover,
)
from invoicing.models import TaxCountry, TaxRule
from subscriptions.models import TaxType


def get_tax_world() -> TaxWorld:
    """Return the tax rules of every country, by a constant number of statements.

    Thresholds are compared with no turnover: a place is taxed there once it is marked `collecting`.
    """
    default = TaxType.objects.filter(default=True).values_list("id", flat=True).first()
    default_tax_type = str(default) if default else ""
    rates: dict[tuple[Any, Any], list[DatedRate]] = defaultdict(list)
    for rule in TaxRule.objects.order_by("valid_from", "id"):
        rates[rule.country_id, rule.state_id].append(
            DatedRate(str(rule.id), str(rule.tax_type_id), rule.rate, rule.valid_from, rule.valid_until)
        )
    countries = tuple(
        CountryRules(
            country=country.code,
            collecting=country.collecting,
            in_eu=country.in_eu,
            b2b_reverse_charge=country.b2b_reverse_charge,
            threshold=_threshold(country),
            rates=tuple(rates[country.id, None]),
            states=tuple(
                StateRules(state.code, state.collecting, rates=tuple(rates[country.id, state.id]))
                for state in country.states.all()
            ),
        )
        for country in TaxCountry.objects.prefetch_related("states").order_by("code")
    )
    return TaxWorld(TaxRules(default_tax_type, countries), Turnover(), default_tax_type)


def _threshold(country: TaxCountry) -> Threshold:
    """Return a country's threshold as a value."""
    return Threshold(country.threshold_minor, country.threshold_transactions, ThresholdWindow(country.threshold_period))
