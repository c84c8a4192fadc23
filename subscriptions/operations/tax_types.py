"""Writes of the kinds of supply that tax rules tell apart."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.changes import change_row, plain_facts
from core.deletion import delete_unused
from core.errors import Conflict
from core.operations import Actor, AuditDraft, record_audit
from subscriptions.models import TaxType
from subscriptions.queries import catalogue

TAKEN = "A tax type with this name is there already."


@transaction.atomic
def create_tax_type(facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxType:
    """Make a tax type; as the default it takes the place of the one before. Raises Conflict when its name is taken.

    The first one is the default unless the facts say otherwise: products without a tax type would else have no rate.
    """
    if "default" not in facts and not TaxType.objects.filter(default=True).exists():
        facts = {**facts, "default": True}
    elif facts.get("default"):
        _clear_default()
    tax_type = TaxType(**facts, created_at=now)
    try:
        with transaction.atomic():
            tax_type.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(TAKEN, code="tax_type_name_taken") from error
    draft = AuditDraft("tax_type.created", "tax_type", tax_type.id, after=plain_facts(facts))
    record_audit(actor, [draft], recorded_at=now)
    return tax_type


def _clear_default() -> None:
    """Take the default away from whichever type has it; the next statement gives it to another."""
    TaxType.objects.filter(default=True).update(default=False)


@transaction.atomic
def update_tax_type(tax_type_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> TaxType:
    """Change a tax type. Raises NotFound, Conflict when the name is taken."""
    catalogue.get_tax_type(tax_type_id)
    if changes.get("default"):
        TaxType.objects.filter(default=True).exclude(id=tax_type_id).update(default=False)
    tax_type = TaxType.objects.select_for_update(no_key=True).get(id=tax_type_id)
    try:
        with transaction.atomic():
            changed = change_row(tax_type, changes)
    except IntegrityError as error:
        raise Conflict(TAKEN, code="tax_type_name_taken") from error
    if changed is not None:
        draft = AuditDraft("tax_type.updated", "tax_type", tax_type_id, before=changed[0], after=changed[1])
        record_audit(actor, [draft], recorded_at=now)
    return tax_type


@transaction.atomic
def delete_tax_type(tax_type_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a tax type that no product and no rule has. Raises NotFound, Conflict."""
    tax_type = catalogue.get_tax_type(tax_type_id)
    name = tax_type.name
    delete_unused(tax_type, "tax_type")
    draft = AuditDraft("tax_type.deleted", "tax_type", tax_type_id, before={"name": name})
    record_audit(actor, [draft], recorded_at=now)
