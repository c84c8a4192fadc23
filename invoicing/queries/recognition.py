"""Read what is deferred: the schedules of lines, computed from the lines themselves."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from msgspec import Struct

from core.domain.schedule import local_date
from core.identifiers import first_id_at, made_at
from core.rows import fetch_rows
from invoicing.domain.recognition import Schedule, first_of_month, next_month, schedule_of
from invoicing.models import RevenueRecognition

LINES_AT_ONCE = 5_000
# A local date lies within a day of the same date in UTC.
ZONES_APART = timedelta(days=1)
# No transaction is older when it commits: lines made before a recognition and committed after it lie within.
COMMIT_MARGIN = timedelta(days=1)

_LINES = """
SELECT line.id, line.deferred_minor, line.period_start, line.period_end, line.subscription_id, line.currency,
       paper.brand_id, paper.time_zone, paper.issue_date
FROM {lines} line JOIN {papers} paper ON paper.id = line.{paper}
WHERE line.deferred_minor <> 0 AND paper.issue_date < %(until)s {finalised}
  AND (line.period_end > %(open_from)s OR line.id >= %(since)s::uuid)
  AND (%(brand)s::uuid IS NULL OR paper.brand_id = %(brand)s AND line.currency = %(currency)s)
"""
_INVOICE_LINES = _LINES.format(
    lines="invoicing_invoiceline",
    papers="invoicing_invoice",
    paper="invoice_id",
    finalised="AND paper.status <> 'draft'",
)
_CREDIT_LINES = _LINES.format(
    lines="invoicing_creditnoteline", papers="invoicing_creditnote", paper="credit_note_id", finalised=""
)
DEFERRED = f"""
WITH line AS ({_INVOICE_LINES} UNION ALL {_CREDIT_LINES})
SELECT line.brand_id, line.currency, line.id, line.deferred_minor, line.period_start, line.period_end, line.time_zone,
       line.issue_date, subscription.ended_at, coalesce(earlier.recognised_minor, 0)
FROM line
LEFT JOIN subscriptions_subscription subscription ON subscription.id = line.subscription_id
LEFT JOIN LATERAL (
    SELECT sum(recognised_minor)::bigint AS recognised_minor FROM invoicing_schedulerow WHERE line_id = line.id
) earlier ON true
"""  # noqa: S608 - composed of constants
# The first month of each brand and currency in which anything was issued: before it nothing is earned.
BOOKS = """
SELECT brand.id, brand.time_zone, paper.currency, paper.first_date, last.month, last.id
FROM (
    SELECT brand_id, currency, min(issue_date) AS first_date
    FROM (
        SELECT brand_id, currency, issue_date FROM invoicing_invoice WHERE status <> 'draft'
        UNION ALL SELECT brand_id, currency, issue_date FROM invoicing_creditnote
    ) papers GROUP BY 1, 2
) paper
JOIN customers_brand brand ON brand.id = paper.brand_id
LEFT JOIN LATERAL (
    SELECT month, id FROM invoicing_revenuerecognition
    WHERE brand_id = paper.brand_id AND currency = paper.currency AND account = %(account)s
    ORDER BY month DESC LIMIT 1
) last ON true
ORDER BY brand.id, paper.currency
"""


class DeferredLine(Struct, frozen=True):
    """A line with a deferred part: whose books it is in, its schedule, and what its rows recognised before."""

    brand_id: uuid.UUID
    currency: str
    line_id: uuid.UUID
    schedule: Schedule
    recognised_minor: int


@dataclass(frozen=True, slots=True)
class Books:
    """One brand's deferred revenue in one currency: its first month, and the last one recognised with its row."""

    brand_id: uuid.UUID
    zone: str
    currency: str
    first_month: date
    last_month: date | None = None
    last_id: uuid.UUID | None = None

    def months_over(self, now: datetime) -> Iterator[date]:
        """Yield the months not recognised yet that are over on the brand's calendar, oldest first."""
        month = self.first_month if self.last_month is None else next_month(self.last_month)
        while next_month(month) <= local_date(now, self.zone):
            yield month
            month = next_month(month)


def list_books(account: str) -> tuple[Books, ...]:
    """Return the books of every brand and currency that anything was billed in."""
    return tuple(
        Books(brand_id, zone, currency, first_of_month(first_date), last_month, last_id)
        for brand_id, zone, currency, first_date, last_month, last_id in fetch_rows(BOOKS, {"account": account})
    )


def read_unrecognised(books: Books, until: date) -> Iterator[DeferredLine]:
    """Yield the lines of these books issued before `until` that may not be recognised whole, in batches as they come.

    Those are the ones that were not over when the last month was recognised, and whatever was stored since, however far
    back it is dated.
    """
    parameters: dict[str, Any] = {"brand": books.brand_id, "currency": books.currency, "until": until}
    if books.last_month is None or books.last_id is None:
        return _read({**parameters, "open_from": datetime.min.replace(tzinfo=UTC), "since": uuid.UUID(int=0)})
    since = first_id_at(made_at(books.last_id) - COMMIT_MARGIN)
    return _read({**parameters, "open_from": _midnight(next_month(books.last_month)) - ZONES_APART, "since": since})


def sum_deferred(day: date) -> dict[tuple[uuid.UUID, str], int]:
    """Sum, for each brand and currency, what is still deferred when a day is over; computed, whatever was posted.

    Only documents issued up to that day count. Minor units.
    """
    until = day + timedelta(days=1)
    parameters = {"brand": None, "currency": None, "until": until, "since": uuid.UUID(int=2**128 - 1)}
    totals: dict[tuple[uuid.UUID, str], int] = defaultdict(int)
    for line in _read({**parameters, "open_from": _midnight(until) - ZONES_APART}):
        totals[line.brand_id, line.currency] += line.schedule.deferred_minor - line.schedule.earned(until)
    return dict(totals)


def list_recognitions() -> tuple[RevenueRecognition, ...]:
    """Return every recognised month with its brand, oldest first."""
    return tuple(RevenueRecognition.objects.select_related("brand").order_by("month", "brand_id", "currency"))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _read(parameters: dict[str, Any]) -> Iterator[DeferredLine]:
    """Yield deferred lines from a cursor of the server's, so that memory does not grow with their number."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(DEFERRED, parameters)
        while rows := cursor.fetchmany(LINES_AT_ONCE):
            for brand_id, currency, line_id, deferred, start, end, zone, issue_date, ended_at, recognised in rows:
                schedule = schedule_of(deferred, (start, end), zone=zone, issue_date=issue_date, ended_at=ended_at)
                yield DeferredLine(brand_id, currency, line_id, schedule, recognised)
