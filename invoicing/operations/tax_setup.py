"""Writes of the tax set-up: countries, their states, and dated rules (Billing rules, section 7)."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from core.changes import change_row, plain_facts
from core.errors import Conflict, Invalid
from core.identifiers import new_id
from core.operations import Actor, AuditDraft, record_audit
from invoicing.domain.tax_rules import DatedRate, RuleOverlap, add_rule
from invoicing.models import TaxCountry, TaxRule, TaxState
from invoicing.queries import tax_setup
from invoicing.tax_fixture import find_shipped


@transaction.atomic
def create_country(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxCountry:
    """Make a country of the tax set-up. Raises Conflict when it is there already.

    Whether it is in the EU and shifts tax to businesses comes from the rates that ship with us, where they know it and
    the facts do not say.
    """
    country = TaxCountry(**{**_shipped_facts(facts["code"]), **facts}, created_at=now)
    try:
        with transaction.atomic():
            country.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{country.code} is there already.", code="tax_country_taken") from error
    _audit(actor, "tax_country.created", country.id, now, after=plain_facts(facts))
    return country


@transaction.atomic
def update_country(country_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxCountry:
    """Change a country's set-up, never its code. Raises NotFound, Invalid."""
    tax_setup.get_country(country_id)
    country = TaxCountry.objects.select_for_update(no_key=True).get(id=country_id)
    if changes.get("code", country.code) != country.code:
        raise Invalid("A country's code stays.", fields={"code": "cannot be changed"})
    changed = change_row(country, _by_hand(country, changes))
    if changed is not None:
        _audit(actor, "tax_country.updated", country_id, now, before=changed[0], after=changed[1])
    return country


def _shipped_facts(code: str) -> dict[str, bool]:
    """Return what the shipped rates say of a country beside its rates."""
    shipped = find_shipped(code)
    return {} if shipped is None else {"in_eu": shipped.in_eu, "b2b_reverse_charge": shipped.b2b_reverse_charge}


def _by_hand(place: TaxCountry | TaxState, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a place; once somebody says whether it collects, no invoice's moment counts."""
    said = changes.get("collecting")
    return {**changes, **({"collecting_since": None} if said is not None and said != place.collecting else {})}


@transaction.atomic
def delete_country(country_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a country with its states and rules; lines already billed keep their tax. Raises NotFound."""
    country = tax_setup.get_country(country_id)
    code = country.code
    country.delete()
    _audit(actor, "tax_country.deleted", country_id, now, before={"code": code})


@transaction.atomic
def create_state(country_id: uuid.UUID, facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxState:
    """Make a state of a country. Raises NotFound, Conflict when it is there already."""
    country = tax_setup.get_country(country_id)
    state = TaxState(country=country, **facts, created_at=now)
    try:
        with transaction.atomic():
            state.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{country.code}-{state.code} is there already.", code="tax_state_taken") from error
    _audit(actor, "tax_state.created", state.id, now, after=plain_facts(facts))
    return state


@transaction.atomic
def update_state(state_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxState:
    """Change a state's set-up, never its code. Raises NotFound, Invalid."""
    tax_setup.get_state(state_id)
    state = TaxState.objects.select_for_update(no_key=True).get(id=state_id)
    if changes.get("code", state.code) != state.code:
        raise Invalid("A state's code stays.", fields={"code": "cannot be changed"})
    changed = change_row(state, _by_hand(state, changes))
    if changed is not None:
        _audit(actor, "tax_state.updated", state_id, now, before=changed[0], after=changed[1])
    return state


@transaction.atomic
def delete_state(state_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a state with its rules. Raises NotFound."""
    state = tax_setup.get_state(state_id)
    code = state.code
    state.delete()
    _audit(actor, "tax_state.deleted", state_id, now, before={"code": code})


@transaction.atomic
def create_rule(
    country_id: uuid.UUID,
    *,
    tax_type_id: uuid.UUID,
    rate: Decimal,
    valid_from: date,
    actor: Actor,
    now: datetime,
    valid_until: date | None = None,
    state_id: uuid.UUID | None = None,
) -> TaxRule:
    """Make a rule of a country, or of one of its states; it closes the open rule of its place and type at its start.

    16 % from 1 July closes 19 % on 1 July. `rate` is in percent. Raises NotFound, Invalid for dates that overlap.
    """
    # Two rules of one place are made one after the other.
    tax_setup.get_country(country_id)
    if state_id is not None and tax_setup.get_state(state_id).country_id != country_id:
        raise Invalid("The state is another country's.", fields={"state": "is no state of this country"})
    TaxCountry.objects.select_for_update(no_key=True).get(id=country_id)
    rule = TaxRule(
        id=new_id(),
        country_id=country_id,
        state_id=state_id,
        tax_type_id=tax_type_id,
        rate=rate,
        valid_from=valid_from,
        valid_until=valid_until,
        created_at=now,
    )
    _place(rule)
    rule.save(force_insert=True)
    after = {"rate": str(rate), "valid_from": valid_from.isoformat(), "country": str(country_id)}
    _audit(actor, "tax_rule.created", rule.id, now, after=after)
    return tax_setup.get_rule(rule.id)


def _place(rule: TaxRule) -> None:
    """Close the open rule before a new one. Raises Invalid when the new one overlaps another, or holds on no day."""
    if rule.valid_until is not None and rule.valid_until <= rule.valid_from:
        raise Invalid("The rule ends before it starts.", fields={"valid_until": "must be after valid_from"})
    same_place = TaxRule.objects.filter(
        country_id=rule.country_id, state_id=rule.state_id, tax_type_id=rule.tax_type_id
    ).exclude(id=rule.id)
    standing = {str(other.id): other for other in same_place}
    try:
        *kept, _ = add_rule(tuple(_dated(other) for other in standing.values()), _dated(rule))
    except RuleOverlap as overlap:
        raise Invalid("The rule overlaps another.", fields={"valid_from": str(overlap)}) from None
    for rate in kept:
        other = standing[rate.rule_id or ""]
        if other.valid_until != rate.valid_until:
            other.valid_until = rate.valid_until
            other.save(update_fields=["valid_until"])


def _dated(rule: TaxRule) -> DatedRate:
    """Return a rule as the pure code sees it."""
    return DatedRate(str(rule.id), str(rule.tax_type_id), rule.rate, rule.valid_from, rule.valid_until)


@transaction.atomic
def update_rule(rule_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxRule:
    """Change a rule; lines already billed keep their tax. Raises NotFound, Invalid for dates that overlap."""
    found = tax_setup.get_rule(rule_id)
    TaxCountry.objects.select_for_update(no_key=True).get(id=found.country_id)
    rule = TaxRule.objects.get(id=rule_id)
    before = {name: getattr(rule, name) for name in changes}
    for name, value in changes.items():
        setattr(rule, name, value)
    if before != {name: getattr(rule, name) for name in changes}:
        _place(rule)
        rule.save(update_fields=list(changes))
        _audit(actor, "tax_rule.updated", rule_id, now, before=plain_facts(before), after=plain_facts(changes))
    return tax_setup.get_rule(rule_id)


@transaction.atomic
def delete_rule(rule_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a rule; lines already billed keep their tax. Raises NotFound."""
    rule = tax_setup.get_rule(rule_id)
    before = {"rate": str(rule.rate), "valid_from": rule.valid_from.isoformat()}
    rule.delete()
    _audit(actor, "tax_rule.deleted", rule_id, now, before=before)


def _audit(
    actor: Actor,
    action: str,
    object_id: uuid.UUID,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write one audit entry; the action's first word is the kind of the object."""
    draft = AuditDraft(action, action.partition(".")[0], object_id, before=before, after=after)
    record_audit(actor, [draft], recorded_at=now)
