"""Prove the books and keep what came of it."""

from datetime import datetime

import structlog

from billing.operations.doctor import check_books
from billing.operations.proofs import Breach
from core.operations_instance import note_books

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
    note_books(breaches=len(breaches), now=now)
    return breaches
