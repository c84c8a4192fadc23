"""Writes of tax by place and date: countries, their states, and dated rules (Billing rules, section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import Conflict, Invalid
from core.operations import Actor, AuditDraft, record_audit
from invoicing.domain.tax_rules import DatedRate, RuleOverlap, add_rule
from invoicing.models import TaxCountry, TaxRule, TaxState
from subscriptions.models import TaxType


@dataclass(frozen=True, slots=True)
class RuleWanted:
    """A rate in percent at one place for one tax type; without a last day it holds until another takes its place."""

    country: TaxCountry
    tax_type: TaxType
    rate: Decimal
    valid_from: date
    valid_until: date | None = None
    state: TaxState | None = None


@transaction.atomic
def create_tax_country(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxCountry:
    """Make a country from its facts by column name. Raises Conflict when it is there already."""
    country = TaxCountry(**facts, created_at=now)
    try:
        with transaction.atomic():
            country.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"The country {country.code} is there already.", code="tax_country_taken") from error
    after = {"code": country.code, "collecting": country.collecting}
    record_audit(actor, [AuditDraft("tax_country.created", "tax_country", country.id, after=after)], recorded_at=now)
    return country


@transaction.atomic
def create_tax_state(country: TaxCountry, facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxState:
    """Make a state of a country from its facts by column name. Raises Conflict when it is there already."""
    state = TaxState(country=country, **facts, created_at=now)
    try:
        with transaction.atomic():
            state.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{country.code} has the state {state.code} already.", code="tax_state_taken") from error
    after = {"country": country.code, "code": state.code, "collecting": state.collecting}
    record_audit(actor, [AuditDraft("tax_state.created", "tax_state", state.id, after=after)], recorded_at=now)
    return state


@transaction.atomic
def add_tax_rule(wanted: RuleWanted, *, actor: Actor, now: datetime) -> TaxRule:
    """Add a rate; it closes the open one of its place and type at its own start.

    Raises Invalid when it would hold on no day, on days on which another holds, or for a state of another country.
    """
    # Locked, so that two new rules see each other.
    country = TaxCountry.objects.select_for_update(no_key=True).get(id=wanted.country.id)
    if wanted.state is not None and wanted.state.country_id != country.id:
        raise Invalid("The state is another country's.", fields={"state": f"is no state of {country.code}"})
    standing = {
        str(rule.id): rule
        for rule in TaxRule.objects.filter(country=country, state=wanted.state, tax_type=wanted.tax_type)
    }
    tax_type = str(wanted.tax_type.id)
    dated = tuple(
        DatedRate(rule_id, tax_type, rule.rate, rule.valid_from, rule.valid_until) for rule_id, rule in standing.items()
    )
    try:
        *kept, _ = add_rule(dated, DatedRate(None, tax_type, wanted.rate, wanted.valid_from, wanted.valid_until))
    except RuleOverlap as error:
        raise Invalid("The rule overlaps another.", fields={"valid_from": str(error)}) from None
    except ValueError as error:
        raise Invalid("The rule holds on no day.", fields={"valid_until": str(error)}) from None
    _close(standing, kept)
    rule = TaxRule.objects.create(
        country=country,
        state=wanted.state,
        tax_type=wanted.tax_type,
        rate=wanted.rate,
        valid_from=wanted.valid_from,
        valid_until=wanted.valid_until,
        created_at=now,
    )
    after = {"country": country.code, "rate": str(wanted.rate), "valid_from": wanted.valid_from.isoformat()}
    record_audit(actor, [AuditDraft("tax_rule.created", "tax_rule", rule.id, after=after)], recorded_at=now)
    return rule


def _close(standing: Mapping[str, TaxRule], kept: list[DatedRate]) -> None:
    """Save the last days that a new rule gave to the ones before it."""
    for rate in kept:
        rule = standing[rate.rule_id or ""]
        if rule.valid_until != rate.valid_until:
            rule.valid_until = rate.valid_until
            rule.save(update_fields=["valid_until"])
