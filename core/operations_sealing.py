"""Exchange the key under which stored secrets are encrypted."""

from django.apps import apps
from django.db import transaction

from core.operations import SYSTEM, Actor, AuditDraft, record_audit
from core.sealing import SealedField, reseal

ROWS_AT_ONCE = 500


def rotate_secrets(*, actor: Actor = SYSTEM) -> int:
    """Seal every stored secret anew under the first key and return how many there were; twice does no harm.

    Raises CannotUnseal when one opens with none of the keys: what was sealed anew before stays so.
    """
    count = 0
    for model in apps.get_models():
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, SealedField)]
        ids = list(model._default_manager.values_list("pk", flat=True)) if names else []
        for start in range(0, len(ids), ROWS_AT_ONCE):
            with transaction.atomic():
                rows = model._default_manager.select_for_update().filter(pk__in=ids[start : start + ROWS_AT_ONCE])
                for row in rows:
                    for name in names:
                        sealed = getattr(row, name)
                        count += bool(sealed)
                        setattr(row, name, reseal(sealed))
                    row.save(update_fields=names)
    with transaction.atomic():
        record_audit(actor, [AuditDraft("secrets.rotated", "instance", None, after={"count": count})])
    return count
