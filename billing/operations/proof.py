"""Prove the books and keep what came of it."""

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from billing.operations.doctor import check_books
from billing.operations.proofs import Breach
from core.domain.outbox import OutboxDraft
from core.identifiers import new_id
from core.operations import emit
from core.operations_instance import note_books

MOST_TOLD = 20

log = structlog.get_logger(__name__)


def prove_books(*, now: datetime) -> tuple[Breach, ...]:
    """Prove the books, log each breach, note how many there are, and return them. `now` is the wall's moment."""
    breaches = check_books(now=now)
    for breach in breaches:
        log.error(
            "books_breached",
            proof=breach.proof,
            object_kind=breach.object_kind,
            object_id=str(breach.object_id),
            detail=breach.detail,
        )
    with transaction.atomic():
        note_books(breaches=len(breaches), now=now)
        if breaches:
            emit(OutboxDraft("books.breach", "books", new_id(), now, _told(breaches)))
    return breaches


def _told(breaches: tuple[Breach, ...]) -> dict[str, Any]:
    """Return what is told about breaches: how many, and the first few."""
    first = [{"proof": one.proof, "object_kind": one.object_kind, "detail": one.detail} for one in breaches[:MOST_TOLD]]
    return {"breaches": len(breaches), "first": first}
