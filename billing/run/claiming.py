"""Claim due customers from the agenda, and park those that cannot be billed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core.operations_instance import require_running

CHUNK = 500
DUE = """
FROM customers_agenda agenda JOIN customers_customer customer ON customer.id = agenda.customer_id
WHERE agenda.due_at <= %(as_of)s AND agenda.test_clock_id {clock}
  AND (agenda.retry_at IS NULL OR agenda.retry_at <= %(now)s)
  AND (%(customers)s::uuid[] IS NULL OR agenda.customer_id = ANY(%(customers)s::uuid[]))
"""
# The customer first, as everywhere: who holds it and then moves its agenda would else wait for us, and we for them.
CLAIM = f"""
SELECT agenda.customer_id {DUE} ORDER BY agenda.due_at, agenda.customer_id
LIMIT %(limit)s FOR NO KEY UPDATE OF customer, agenda
"""
PARK = """
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(reasons)s::text[]) AS wanted (customer_id, reason)
), parked AS (
    INSERT INTO billing_parkedcustomer AS parked (customer_id, reason, failures, first_failed_at, last_failed_at)
    SELECT customer_id, reason, 1, %(now)s, %(now)s FROM wanted
    ON CONFLICT (customer_id) DO UPDATE
    SET reason = excluded.reason, failures = parked.failures + 1, last_failed_at = excluded.last_failed_at
    RETURNING customer_id, failures
)
UPDATE customers_agenda agenda
SET retry_at = %(now)s + least(%(longest)s, %(shortest)s * power(2, parked.failures - 1)) * interval '1 second'
FROM parked WHERE agenda.customer_id = parked.customer_id
"""
SHORTEST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose agenda a run works through: everybody on the wall clock, one test clock's customers, or some of them."""

    as_of: datetime
    now: datetime
    test_clock_id: uuid.UUID | None = None
    customer_ids: tuple[uuid.UUID, ...] | None = None


def claim(scope: Scope, *, limit: int = CHUNK, wait: bool = False) -> list[uuid.UUID]:
    """Lock up to `limit` due customers until the caller's transaction ends and return their ids, earliest due first.

    Without `wait` customers somebody else holds are skipped; with it the claim waits for them, so an empty answer means
    that nothing is due. Parked customers are left out until their time. Raises InstanceHeld.
    """
    require_running()
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(CLAIM if wait else f"{CLAIM} SKIP LOCKED", scope), {**_parameters(scope), "limit": limit}
        )
        return [row[0] for row in cursor.fetchall()]


def park(reasons: Mapping[uuid.UUID, str], *, now: datetime) -> None:
    """Take customers that failed out of the claim for a while, each with its reason; the wait doubles each time."""
    if not reasons:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            PARK,
            {
                "ids": list(reasons),
                "reasons": list(reasons.values()),
                "now": now,
                "shortest": SHORTEST_WAIT.total_seconds(),
                "longest": LONGEST_WAIT.total_seconds(),
            },
        )


def count_due(scope: Scope) -> int:
    """Count the customers a run has ahead of it."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(f"SELECT count(*) {DUE}", scope), _parameters(scope))
        return int(cursor.fetchone()[0])


def list_due(scope: Scope) -> list[uuid.UUID]:
    """Return the customers a run has ahead of it, earliest due first, without locking them."""
    with connection.cursor() as cursor:
        statement = f"SELECT agenda.customer_id {DUE} ORDER BY agenda.due_at, agenda.customer_id"
        cursor.execute(_statement(statement, scope), _parameters(scope))
        return [row[0] for row in cursor.fetchall()]


def _statement(statement: str, scope: Scope) -> str:
    """Return a statement for a scope's clock; the wall's is said with IS NULL, which the partial index answers."""
    return statement.format(clock="IS NULL" if scope.test_clock_id is None else "= %(clock)s")


def _parameters(scope: Scope) -> dict[str, Any]:
    """Return a scope as the parameters of DUE."""
    return {
        "as_of": scope.as_of,
        "now": scope.now,
        "clock": scope.test_clock_id,
        "customers": None if scope.customer_ids is None else list(scope.customer_ids),
    }
