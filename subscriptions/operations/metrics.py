"""Writes of how usage is measured. What a price measures by does not change under it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.changes import change_row, plain_facts
from core.deletion import delete_unused
from core.errors import Conflict
from core.operations import Actor, AuditDraft, record_audit
from subscriptions.models import Metric, MetricFilter
from subscriptions.queries import catalogue


@dataclass(frozen=True, slots=True)
class FilterWanted:
    """Keeps (`inclusive`) or drops (`exclusive`) events whose property `name` has a value."""

    name: str
    value: str
    type: str
    code: str = ""


@transaction.atomic
def create_metric(
    facts: Mapping[str, Any], *, actor: Actor, now: datetime, filters: Sequence[FilterWanted] = ()
) -> Metric:
    """Make a metric from its facts by column name. Raises Conflict when its code is taken."""
    metric = Metric(**facts, created_at=now)
    try:
        with transaction.atomic():
            metric.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"A metric with the code {metric.code} is there already.", code="metric_code_taken") from error
    _add_filters(metric, filters)
    draft = AuditDraft("metric.created", "metric", metric.id, after=plain_facts(facts))
    record_audit(actor, [draft], recorded_at=now)
    return catalogue.get_metric(metric.id)


def _add_filters(metric: Metric, filters: Sequence[FilterWanted]) -> None:
    MetricFilter.objects.bulk_create(
        MetricFilter(metric=metric, name=wanted.name, code=wanted.code, value=wanted.value, type=wanted.type)
        for wanted in filters
    )


@transaction.atomic
def update_metric(
    metric_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    filters: Sequence[FilterWanted] | None = None,
) -> Metric:
    """Change a metric. Once a price measures by it only its name can change: else what was billed could not be
    computed again.

    Raises NotFound, Conflict.
    """
    current = catalogue.get_metric(metric_id)
    metric = Metric.objects.select_for_update(no_key=True).get(id=metric_id)
    held = [FilterWanted(f.name, f.value, f.type, f.code) for f in current.filters.all()]
    new_filters = None if filters is None or list(filters) == held else filters
    measured = {name for name in changes if name != "name" and changes[name] != getattr(metric, name)}
    if (measured or new_filters is not None) and metric.prices.exists():
        raise Conflict("A price measures by this metric; make a new metric instead.", code="metric_in_use")
    try:
        with transaction.atomic():
            changed = change_row(metric, changes)
    except IntegrityError as error:
        raise Conflict("A metric with this code is there already.", code="metric_code_taken") from error
    if new_filters is not None:
        metric.filters.all().delete()
        _add_filters(metric, new_filters)
    if changed is not None or new_filters is not None:
        before, after = changed or ({}, {})
        draft = AuditDraft("metric.updated", "metric", metric_id, before=before, after=after)
        record_audit(actor, [draft], recorded_at=now)
    return catalogue.get_metric(metric_id)


@transaction.atomic
def delete_metric(metric_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a metric that no price measures by. Raises NotFound, Conflict."""
    metric = catalogue.get_metric(metric_id)
    code = metric.code
    delete_unused(metric, "metric")
    record_audit(actor, [AuditDraft("metric.deleted", "metric", metric_id, before={"code": code})], recorded_at=now)
