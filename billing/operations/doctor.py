"""Prove the books: every promise the engine makes about money is asked of the database (Billing rules, section 9).

Each proof is one statement over whole tables: it sees every transaction whole or not at all, whoever bills meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from billing.operations.proofs import Breach
from billing.operations.proofs_books import BOOKS
from billing.operations.proofs_deferral import DEFERRAL
from billing.operations.proofs_disputes import DISPUTES, dispute_breaches
from billing.operations.proofs_disputes import NAME as DISPUTE_RECORDS
from billing.operations.proofs_documents import DOCUMENTS
from billing.operations.proofs_dunning import DUNNING
from billing.operations.proofs_given_back import GIVEN_BACK
from billing.operations.proofs_payments import PAYMENTS
from billing.operations.proofs_providers import NAME as PROVIDERS
from billing.operations.proofs_providers import provider_breaches
from billing.operations.proofs_refunds import NAME as REFUNDS
from billing.operations.proofs_refunds import refund_breaches
from billing.operations.proofs_tax import TAX
from billing.operations.proofs_timeline import TIMELINE
from billing.operations.proofs_usage import USAGE
from invoicing.queries.recognition import COMMIT_MARGIN

PROOFS = (*BOOKS, *DOCUMENTS, *PAYMENTS, *GIVEN_BACK, *DISPUTES, *DEFERRAL, *TAX, *TIMELINE, *USAGE, *DUNNING)
PROOF_NAMES = (*(proof.name for proof in PROOFS), PROVIDERS, REFUNDS, DISPUTE_RECORDS)


def check_books(*, now: datetime) -> tuple[Breach, ...]:
    """Ask the database, and the payment providers, for every breach of every proof; empty when the books hold.

    Writes nothing. `now` is the wall's moment, against which overdue work is judged.
    """
    breaches: list[Breach] = []
    parameters: dict[str, Any] = {"now": now, "margin_ms": COMMIT_MARGIN // timedelta(milliseconds=1)}
    with connection.cursor() as cursor:
        for proof in PROOFS:
            cursor.execute(proof.statement, parameters)
            breaches.extend(
                Breach(proof.name, proof.object_kind, object_id, detail, proof.mend)
                for object_id, detail in cursor.fetchall()
            )
    return (*breaches, *provider_breaches(), *refund_breaches(), *dispute_breaches())
