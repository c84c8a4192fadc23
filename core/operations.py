"""Write the facts that stand beside every change: outbox events and audit entries."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from core.clock import wall_now
from core.copying import copy_rows
from core.domain.outbox import OutboxDraft
from core.identifiers import new_id
from core.models import AuditEntry
from core.nudging import nudge_after_commit


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: `kind` is staff, api_key, customer or system."""

    kind: str = "system"
    id: uuid.UUID | None = None
    name: str = ""
    request_id: str = ""


SYSTEM = Actor(name="reckoner")


def require_transaction() -> None:
    """Refuse to go on outside a transaction: the caller's rows and these must stand or fall together.

    Raises RuntimeError.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("this step must run inside its caller's transaction")


def emit(*drafts: OutboxDraft) -> None:
    """Add facts to the outbox, in the caller's transaction and in the order given.

    The dispatcher is nudged after the commit. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    if drafts:
        nudge_after_commit()
    copy_rows(
        "core_outboxevent",
        ("event_id", "type", "object_kind", "object_id", "payload", "created_at"),
        [
            (new_id(), draft.type, draft.object_kind, draft.object_id, draft.payload, draft.created_at)
            for draft in drafts
        ],
    )


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """What was done to which object, with the values before and after (secrets already left out)."""

    action: str
    object_kind: str
    object_id: uuid.UUID | None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str = ""


def record_audit(actor: Actor, drafts: Sequence[AuditDraft], *, recorded_at: datetime | None = None) -> None:
    """Add audit entries, in the caller's transaction; they carry the wall's time.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    at = recorded_at or wall_now()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            recorded_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            action=draft.action,
            object_kind=draft.object_kind,
            object_id=draft.object_id,
            before=draft.before,
            after=draft.after,
            reason=draft.reason,
            request_id=actor.request_id,
        )
        for draft in drafts
    )


def blank_facts(object_ids: Iterable[uuid.UUID]) -> None:
    """Take former values out of the facts of these objects; that they changed, and when, stays.

    A step of erasing somebody, in the caller's transaction. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_outboxevent SET payload = payload - 'previous'"
            " WHERE object_kind = 'customer' AND object_id = ANY(%s) AND payload ? 'previous'",
            [list(object_ids)],
        )


def blank_audit(object_ids: Iterable[uuid.UUID]) -> None:
    """Take values and reasons out of the audit entries of these objects; that something was done, and by whom, stays.

    A step of erasing somebody, in the caller's transaction: the trail lets itself be changed by nothing else. Raises
    RuntimeError outside a transaction.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('reckoner.may_erase', 'on', true)")
        AuditEntry.objects.filter(object_id__in=list(object_ids)).update(before=None, after=None, reason="")
        cursor.execute("SELECT set_config('reckoner.may_erase', '', true)")
