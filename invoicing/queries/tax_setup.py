"""Reads of the tax set-up as rows."""

import uuid

from django.db.models import QuerySet

from core.errors import NotFound
from invoicing.models import TaxCountry, TaxRule, TaxState


def list_countries() -> QuerySet[TaxCountry]:
    """Return countries, newest first."""
    return TaxCountry.objects.order_by("-id")


def get_country(country_id: uuid.UUID) -> TaxCountry:
    """Return a country. Raises NotFound."""
    country = list_countries().filter(id=country_id).first()
    if country is None:
        raise NotFound(f"No tax country has the id {country_id}.")
    return country


def list_states(country_id: uuid.UUID) -> QuerySet[TaxState]:
    """Return a country's states, newest first. Raises NotFound for an unknown country."""
    get_country(country_id)
    return TaxState.objects.filter(country_id=country_id).order_by("-id")


def get_state(state_id: uuid.UUID) -> TaxState:
    """Return a state with its country. Raises NotFound."""
    state = TaxState.objects.select_related("country").filter(id=state_id).first()
    if state is None:
        raise NotFound(f"No tax state has the id {state_id}.")
    return state


def list_rules(country_id: uuid.UUID) -> QuerySet[TaxRule]:
    """Return a country's own rules with their tax type, newest first. Raises NotFound for an unknown country."""
    get_country(country_id)
    rules = TaxRule.objects.select_related("tax_type").filter(country_id=country_id, state__isnull=True)
    return rules.order_by("-id")


def list_state_rules(state_id: uuid.UUID) -> QuerySet[TaxRule]:
    """Return a state's rules with their tax type, newest first. Raises NotFound for an unknown state."""
    get_state(state_id)
    return TaxRule.objects.select_related("tax_type").filter(state_id=state_id).order_by("-id")


def get_rule(rule_id: uuid.UUID) -> TaxRule:
    """Return a rule with its tax type. Raises NotFound."""
    rule = TaxRule.objects.select_related("tax_type").filter(id=rule_id).first()
    if rule is None:
        raise NotFound(f"No tax rule has the id {rule_id}.")
    return rule
