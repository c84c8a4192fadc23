"""Writes of what is for sale: products, their prices, and plans. A price's numbers never change once it stands."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.changes import change_row, plain_facts
from core.deletion import delete_unused
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid
from core.operations import Actor, AuditDraft, emit, record_audit
from subscriptions.domain.offer import PriceOffer, PriceWanted, offer
from subscriptions.models import Feature, Plan, PlanLimit, Price, Product
from subscriptions.queries import catalogue

REFUSED = "The price cannot be made; `errors` says why."


@dataclass(frozen=True, slots=True)
class LimitWanted:
    """How much of a feature a plan allows."""

    feature_id: uuid.UUID
    limit: int


@dataclass(frozen=True, slots=True)
class PlanWanted:
    """A new plan: its facts by their column names, and the ids of what it joins."""

    product_id: uuid.UUID
    name: str
    code_name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    price_ids: Sequence[uuid.UUID] = ()
    feature_ids: Sequence[uuid.UUID] = ()
    limits: Sequence[LimitWanted] = ()


@transaction.atomic
def create_product(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> Product:
    """Make a product from its facts by their column names."""
    product = Product.objects.create(**facts, created_at=now)
    _audit(actor, "product.created", product.id, now, after=plain_facts(facts))
    return product


@transaction.atomic
def update_product(product_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Product:
    """Change facts of a product; lines already billed keep theirs. Raises NotFound."""
    catalogue.get_product(product_id)
    product = Product.objects.select_for_update(no_key=True).get(id=product_id)
    changed = change_row(product, changes)
    if changed is not None:
        _audit(actor, "product.updated", product_id, now, before=changed[0], after=changed[1])
    return catalogue.get_product(product_id)


@transaction.atomic
def create_price(wanted: PriceWanted, *, actor: Actor, now: datetime) -> Price:
    """Make a price of a product.

    Raises NotFound for an unknown product, Invalid with every fault by the API's field name.
    """
    catalogue.get_product(wanted.product_id)
    found, faults = offer(wanted)
    if found is None:
        raise Invalid(REFUSED, fields=faults)
    price = Price.objects.create(**_price_columns(found), created_at=now)
    _audit(actor, "price.created", price.id, now, after={**found.rating.as_json(), "currency": wanted.currency})
    emit(OutboxDraft("price.created", "price", price.id, now))
    return catalogue.get_price(price.id)


def _price_columns(found: PriceOffer) -> dict[str, Any]:
    """Return a price's numbers by column name."""
    wanted, rating = found.wanted, found.rating
    return {
        "product_id": wanted.product_id,
        "external_reference": wanted.external_reference,
        "type": rating.type.value,
        "currency": wanted.currency,
        "unit_price": rating.unit_price,
        "tiers": rating.as_json().get("tiers", []),
        "units": rating.units,
        "free_units": rating.free_units,
        "rate": rating.rate,
        "fixed": rating.fixed,
        "free_events": rating.free_events,
        "minimum_minor": rating.minimum,
        "maximum_minor": rating.maximum,
        "minimum_commitment_minor": wanted.minimum_commitment,
        "interval": wanted.interval,
        "interval_count": wanted.interval_count,
        "including_tax": wanted.including_tax,
        "billing_timing": wanted.billing_timing,
        "usage": bool(wanted.usage),
        "metric_id": wanted.metric_id,
        "metric_type": wanted.metric_type,
        "proration_up": wanted.proration_up,
        "proration_down": wanted.proration_down,
        "public": wanted.public,
        "metadata": dict(wanted.metadata),
    }


@transaction.atomic
def update_price(
    price_id: uuid.UUID,
    *,
    actor: Actor,
    now: datetime,
    public: bool | None = None,
    active: bool | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Price:
    """Show or hide a price, retire it or take it back, or change its metadata; None leaves as it is.

    Subscriptions that have a retired price keep it. Raises NotFound.
    """
    catalogue.get_price(price_id)
    price = Price.objects.select_for_update(no_key=True).get(id=price_id)
    changes: dict[str, Any] = {}
    if public is not None:
        changes["public"] = public
    if metadata is not None:
        changes["metadata"] = dict(metadata)
    if active is not None and active != (price.retired_at is None):
        changes["retired_at"] = None if active else now
    changed = change_row(price, changes)
    if changed is not None:
        _audit(actor, "price.updated", price_id, now, before=changed[0], after=changed[1])
        if changes.get("retired_at") is not None:
            emit(OutboxDraft("price.retired", "price", price_id, now))
    return catalogue.get_price(price_id)


@transaction.atomic
def create_plan(wanted: PlanWanted, *, actor: Actor, now: datetime) -> Plan:
    """Make a plan of a product.

    Raises NotFound for an unknown product, Conflict when the code name is taken, Invalid for prices of another product
    and for a trial without a length.
    """
    catalogue.get_product(wanted.product_id)
    plan = Plan(
        product_id=wanted.product_id, name=wanted.name, code_name=wanted.code_name, **wanted.facts, created_at=now
    )
    _check_plan(plan, wanted.price_ids)
    _save_new_plan(plan)
    _join(plan.prices, wanted.price_ids)
    _join(plan.features, wanted.feature_ids)
    _set_limits(plan, wanted.limits)
    after = {"name": plan.name, "code_name": plan.code_name, "prices": [str(row_id) for row_id in wanted.price_ids]}
    _audit(actor, "plan.created", plan.id, now, after=after)
    emit(OutboxDraft("plan.created", "plan", plan.id, now))
    return catalogue.get_plan(plan.id)


def _save_new_plan(plan: Plan) -> None:
    try:
        with transaction.atomic():
            plan.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"A plan with the code name {plan.code_name} is there already.", code="plan_code_taken"
        ) from error


def _check_plan(plan: Plan, price_ids: Sequence[uuid.UUID] | None) -> None:
    """Raise Invalid for a plan that promises what cannot be kept."""
    faults: dict[str, str] = {}
    if plan.has_trial and not plan.trial_length_days:
        faults["trial_length_days"] = "is required for a plan with a trial"
    own = set(Price.objects.filter(id__in=price_ids or (), product_id=plan.product_id).values_list("id", flat=True))
    for position, price_id in enumerate(price_ids or ()):
        if price_id not in own:
            faults[f"prices.{position}"] = "is no price of the plan's product"
    if faults:
        raise Invalid("The plan cannot be made so.", fields=faults)


def _join(joined: Any, row_ids: Sequence[uuid.UUID]) -> None:
    """Make these rows the ones a plan joins, and no others."""
    joined.set(row_ids)


def _set_limits(plan: Plan, limits: Sequence[LimitWanted]) -> None:
    plan.limits.all().delete()
    PlanLimit.objects.bulk_create(
        PlanLimit(plan=plan, feature_id=wanted.feature_id, limit=wanted.limit) for wanted in limits
    )


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """What a plan shall become: facts by column name, and what it joins; None leaves as it is."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    active: bool | None = None
    price_ids: Sequence[uuid.UUID] | None = None
    feature_ids: Sequence[uuid.UUID] | None = None
    limits: Sequence[LimitWanted] | None = None


@transaction.atomic
def update_plan(plan_id: uuid.UUID, changes: PlanChanges, *, actor: Actor, now: datetime) -> Plan:
    """Change a plan; subscriptions keep the prices they have. `active` false retires it.

    Raises NotFound, Conflict when the code name is taken, Invalid as create_plan does.
    """
    catalogue.get_plan(plan_id)
    plan = Plan.objects.select_for_update(no_key=True).get(id=plan_id)
    facts = dict(changes.facts)
    if changes.active is not None and changes.active != (plan.retired_at is None):
        facts["retired_at"] = None if changes.active else now
    before, after = _change_facts(plan, facts)
    _check_plan(plan, _kept_prices(plan, changes))
    if changes.price_ids is not None:
        _join(plan.prices, changes.price_ids)
        after["prices"] = [str(price_id) for price_id in changes.price_ids]
    if changes.feature_ids is not None:
        _join(plan.features, changes.feature_ids)
        after["features"] = [str(feature_id) for feature_id in changes.feature_ids]
    if changes.limits is not None:
        _set_limits(plan, changes.limits)
        after["limits"] = {str(wanted.feature_id): wanted.limit for wanted in changes.limits}
    if after:
        _audit(actor, "plan.updated", plan_id, now, before=before, after=after)
        event = "plan.retired" if facts.get("retired_at") is not None else "plan.updated"
        emit(OutboxDraft(event, "plan", plan_id, now))
    return catalogue.get_plan(plan_id)


def _kept_prices(plan: Plan, changes: PlanChanges) -> Sequence[uuid.UUID]:
    """Return the prices the plan has after the change."""
    return list(plan.prices.values_list("id", flat=True)) if changes.price_ids is None else changes.price_ids


def _change_facts(plan: Plan, facts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Save a plan's own columns, and return what changed, before and after."""
    if facts.get("has_trial", plan.has_trial) and not facts.get("trial_length_days", plan.trial_length_days):
        raise Invalid(
            "The plan cannot be made so.", fields={"trial_length_days": "is required for a plan with a trial"}
        )
    try:
        with transaction.atomic():
            changed = change_row(plan, facts)
    except IntegrityError as error:
        raise Conflict("A plan with this code name is there already.", code="plan_code_taken") from error
    return changed or ({}, {})


@transaction.atomic
def delete_plan(plan_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a plan that no subscription ever had. Raises NotFound, Conflict: then it can be retired."""
    plan = catalogue.get_plan(plan_id)
    code_name = plan.code_name
    delete_unused(plan, "plan")
    _audit(actor, "plan.deleted", plan_id, now, before={"code_name": code_name})


@transaction.atomic
def create_feature(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> Feature:
    """Make a feature; without a code it gets one from its name. Raises Conflict when the code is taken."""
    feature = Feature(**facts, created_at=now)
    feature.code = feature.code or catalogue.free_feature_code(feature.name)
    _save_feature(feature)
    _audit(actor, "feature.created", feature.id, now, after=plain_facts(facts))
    return feature


def _save_feature(feature: Feature) -> None:
    try:
        with transaction.atomic():
            feature.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"A feature with the code {feature.code} is there already.", code="feature_code_taken"
        ) from error


@transaction.atomic
def update_feature(feature_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> Feature:
    """Change a feature. Raises NotFound, Conflict when the code is taken."""
    catalogue.get_feature(feature_id)
    feature = Feature.objects.select_for_update(no_key=True).get(id=feature_id)
    try:
        with transaction.atomic():
            changed = change_row(feature, changes)
    except IntegrityError as error:
        raise Conflict("A feature with this code is there already.", code="feature_code_taken") from error
    if changed is not None:
        _audit(actor, "feature.updated", feature_id, now, before=changed[0], after=changed[1])
    return feature


@transaction.atomic
def delete_feature(feature_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a feature that no plan has. Raises NotFound, Conflict."""
    feature = catalogue.get_feature(feature_id)
    if feature.plans.exists():
        raise Conflict("The feature belongs to a plan.", code="feature_in_use")
    code = feature.code
    delete_unused(feature, "feature")
    _audit(actor, "feature.deleted", feature_id, now, before={"code": code})


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
