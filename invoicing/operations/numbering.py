"""Give out gapless numbers: the last thing a finalising transaction does before it writes its documents."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from core.identifiers import new_id
from core.operations import require_transaction
from customers.models import Brand
from invoicing.domain.numbering import format_number
from invoicing.models import NumberSeries

DEFAULT_FORMATS = {
    "invoice": "INV-{year}-{seq:06}",
    "credit_note": "CN-{year}-{seq:06}",
    "receipt": "RCP-{year}-{seq:06}",
}

ADD_COUNTERS = """
INSERT INTO invoicing_numbercounter (id, series_id, year, last_sequence)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[], %s::bigint[])
ON CONFLICT (series_id, year) DO NOTHING
"""
LOCK_COUNTERS = """
SELECT id FROM invoicing_numbercounter
WHERE (series_id, year) IN (SELECT * FROM unnest(%s::uuid[], %s::smallint[])) ORDER BY id FOR UPDATE
"""
COUNT_UP = """
UPDATE invoicing_numbercounter AS counter SET last_sequence = counter.last_sequence + wanted.count
FROM unnest(%s::uuid[], %s::smallint[], %s::bigint[]) AS wanted (series_id, year, count)
WHERE counter.series_id = wanted.series_id AND counter.year = wanted.year
RETURNING counter.series_id, counter.year, counter.last_sequence
"""


@dataclass(frozen=True, slots=True)
class NumberRequest:
    """A document that needs its number: the series, and the local date of issue."""

    series: NumberSeries
    brand_code: str
    issue_date: date


@dataclass(frozen=True, slots=True)
class AllocatedNumber:
    """A number that belongs to its document once the transaction commits."""

    series_id: uuid.UUID
    year: int
    sequence: int
    number: str


def ensure_series(*, brand: Brand, kind: str, now: datetime) -> NumberSeries:
    """Return a brand's series of one kind, made with the default format when it has none."""
    series, _ = NumberSeries.objects.get_or_create(
        brand=brand,
        kind=kind,
        defaults={"format": DEFAULT_FORMATS[kind], "reset": NumberSeries.Reset.YEARLY, "created_at": now},
    )
    return series


def allocate_numbers(requests: Sequence[NumberRequest]) -> tuple[AllocatedNumber, ...]:
    """Count up the series and return one number per request, in the order given.

    Series rows are locked in id order and stay locked until the caller's transaction ends, so a rollback burns
    nothing; nothing should be read, computed or rendered after this call. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    if not requests:
        return ()
    wanted = Counter((request.series.id, _year(request)) for request in requests)
    keys = sorted(wanted)
    series_ids, years = [key[0] for key in keys], [key[1] for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(ADD_COUNTERS, [[new_id() for _ in keys], series_ids, years, [0] * len(keys)])
        cursor.execute(LOCK_COUNTERS, [series_ids, years])
        cursor.execute(COUNT_UP, [series_ids, years, [wanted[key] for key in keys]])
        last = {(series_id, year): last_sequence for series_id, year, last_sequence in cursor.fetchall()}
    following = {key: last[key] - wanted[key] + 1 for key in keys}
    numbers = []
    for request in requests:
        key = request.series.id, _year(request)
        sequence = following[key]
        following[key] += 1
        text = format_number(
            request.series.format,
            sequence=sequence,
            issue_date=request.issue_date,
            brand_code=request.brand_code,
            key=request.series.id,
        )
        numbers.append(AllocatedNumber(series_id=key[0], year=key[1], sequence=sequence, number=text))
    return tuple(numbers)


def _year(request: NumberRequest) -> int:
    """Return the year whose counter a request counts on; 0 for a series that never resets."""
    return request.issue_date.year if request.series.reset == NumberSeries.Reset.YEARLY else 0
