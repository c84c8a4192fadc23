"""The instance's one row: made at first start, held after a restore, resumed by an operator.

While it is held nothing is billed and nothing charged; reads and the intake of events go on.
"""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from core.errors import Conflict
from core.models import Instance
from core.operations import SYSTEM, Actor, AuditDraft, record_audit
from core.queries_instance import find_held


class InstanceHeld(Conflict):
    """Nothing is billed or charged until the hold is lifted."""

    code = "instance_held"

    def __init__(self, instance: Instance) -> None:
        """Say since when, why, and what lifts it."""
        since = f"{instance.held_at:%Y-%m-%d %H:%M} UTC"
        if needs_reconcile(instance):
            why = f": it was restored from a backup of {instance.restored_from_at:%Y-%m-%d %H:%M} UTC"
            ways_out = "`manage.py reconcile` matches the providers' charges, then `manage.py resume` lifts the hold"
        else:
            why, ways_out = "", "`manage.py resume` lifts the hold"
        super().__init__(f"The instance is held since {since}{why}; nothing is billed or charged. {ways_out}.")


class NotReconciled(Conflict):
    """The providers may have taken money that the restored rows know nothing of."""

    code = "not_reconciled"


def needs_reconcile(instance: Instance) -> bool:
    """Tell whether the database was restored and its rows were not yet matched with the providers' charges."""
    return instance.restored_from_at is not None and instance.reconciled_at is None


def ensure_instance(*, now: datetime) -> None:
    """Make the instance's row unless it is there, in the mode that the settings give; the mode never changes.

    Two that do it at once make one row. It names the first columns only: a later one may not be migrated yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_instance (id, mode, created_at) VALUES (1, %s, %s) ON CONFLICT (id) DO NOTHING",
            [settings.INSTANCE_MODE, now],
        )


def require_running() -> None:
    """Let through unless the instance is held. Raises InstanceHeld (a Conflict, `instance_held`)."""
    held = find_held()
    if held is not None:
        raise InstanceHeld(held)


def hold_instance(*, now: datetime, actor: Actor = SYSTEM) -> Instance:
    """Hold the instance, unless it is: what is being done ends with its chunk, nothing further begins."""
    with transaction.atomic():
        instance = _lock(now)
        if instance.held_at is None:
            instance.held_at = now
            instance.save(update_fields=["held_at"])
            record_audit(actor, [AuditDraft("instance.held", "instance", None)], recorded_at=now)
    return instance


def resume_instance(*, now: datetime, without_reconcile: bool = False, actor: Actor = SYSTEM) -> Instance:
    """Lift the hold; an instance that is not held stays as it is.

    Raises NotReconciled after a restore that `reconcile` has not followed, unless it is waived.
    """
    with transaction.atomic():
        instance = _lock(now)
        if instance.held_at is None:
            return instance
        waived = needs_reconcile(instance)
        if waived and not without_reconcile:
            raise NotReconciled(
                "The instance was restored, and its rows were not yet matched with the providers' charges since the "
                "backup. Run `manage.py reconcile` first."
            )
        instance.held_at = None
        instance.save(update_fields=["held_at"])
        reason = "without reconcile" if waived else ""
        record_audit(actor, [AuditDraft("instance.resumed", "instance", None, reason=reason)], recorded_at=now)
    return instance


def note_restored(*, taken_at: datetime, now: datetime, actor: Actor = SYSTEM) -> Instance:
    """Note that the database was restored from a backup taken at a moment, and hold the instance."""
    with transaction.atomic():
        instance = _lock(now)
        instance.held_at, instance.restored_from_at, instance.reconciled_at = now, taken_at, None
        instance.save(update_fields=["held_at", "restored_from_at", "reconciled_at"])
        after = {"backup_taken_at": taken_at.isoformat()}
        record_audit(actor, [AuditDraft("instance.restored", "instance", None, after=after)], recorded_at=now)
    return instance


def note_reconciled(*, now: datetime) -> None:
    """Note, in the caller's transaction, that the restored rows were matched with the providers' charges."""
    Instance.objects.update(reconciled_at=now)


def note_worker(*, now: datetime) -> None:
    """Note that a worker does its ticks; `now` is the wall's moment."""
    Instance.objects.update(worker_seen_at=now)


def note_books(*, breaches: int, now: datetime) -> None:
    """Note how many breaches the books had when they were proved."""
    Instance.objects.update(books_checked_at=now, books_breaches=breaches)


def _lock(now: datetime) -> Instance:
    """Return the instance's row, made when there is none, locked until the transaction ends."""
    ensure_instance(now=now)
    return Instance.objects.select_for_update().get()
