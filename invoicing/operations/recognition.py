"""Recognise revenue month by month: post what is earned of what was charged in advance, each month exactly once."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice

from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from core.copying import copy_rows
from core.domain.schedule import start_of_day
from core.faults import reach
from core.identifiers import new_id
from core.operations_instance import require_running
from invoicing.domain.postings import recognition_entry
from invoicing.domain.recognition import next_month
from invoicing.models import RevenueRecognition
from invoicing.queries import recognition as queries
from invoicing.queries.recognition import LINES_AT_ONCE, Books, DeferredLine
from ledger import operations as ledger_operations
from ledger.models import Account

ONCE = "a_month_is_recognised_once"
ROW_COLUMNS = ("line_id", "recognition_id", "days_passed", "days", "recognised_minor")


class _Totals:
    """What the lines of a month come to, in minor units."""

    recognised_minor = 0
    deferred_minor = 0


def recognise_revenue(*, now: datetime) -> tuple[RevenueRecognition, ...]:
    """Recognise every month that is over on its brand's calendar and was not recognised before, oldest first.

    Each month of a brand and currency is one transaction; killed anywhere, the next call goes on where this one came
    to. What was billed or cancelled after its month was recognised is caught up with the next one. `now` is the wall's
    moment. Returns the months recognised by this call; two calls at once share the work. Raises InstanceHeld.
    """
    require_running()
    made: list[RevenueRecognition] = []
    for books in queries.list_books(Account.REVENUE):
        for month in books.months_over(now):
            # Each month asks anew what the one before left.
            recognition = _recognise_once(_at(books, made), month, now)
            if recognition is None:
                break
            made.append(recognition)
    return tuple(made)


def _at(books: Books, made: list[RevenueRecognition]) -> Books:
    """Return the books as they stand after the month this call recognised last."""
    last = made[-1] if made else None
    if last is None or (last.brand_id, last.currency) != (books.brand_id, books.currency):
        return books
    return Books(books.brand_id, books.zone, books.currency, books.first_month, last.month, last.id)


def _recognise_once(books: Books, month: date, now: datetime) -> RevenueRecognition | None:
    """Recognise a month, unless another call does it or did it meanwhile: then return None."""
    try:
        with transaction.atomic(durable=True):
            if not _claim(books):
                return None
            recognition = _recognise(books, month, now)
            reach("recognition.posted")
    except IntegrityError as refusal:
        breach = refusal.__cause__
        if isinstance(breach, UniqueViolation) and breach.diag.constraint_name == ONCE:
            return None
        raise
    reach("recognition.committed")
    return recognition


def _claim(books: Books) -> bool:
    """Keep others from reading the same lines for nothing; what keeps a month from being posted twice is its row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('revenue recognition'), hashtext(%s))",
            [f"{books.brand_id} {books.currency}"],
        )
        return bool(cursor.fetchone()[0])


def _recognise(books: Books, month: date, now: datetime) -> RevenueRecognition:
    """Write a month's schedule rows, its own row, and its entry."""
    recognition_id, until, totals = new_id(), next_month(month), _Totals()
    rows = _rows(recognition_id, queries.read_unrecognised(books, until), until, totals)
    while batch := list(islice(rows, LINES_AT_ONCE)):
        copy_rows("invoicing_schedulerow", ROW_COLUMNS, batch)
    reach("recognition.rows_written")
    recognition = RevenueRecognition.objects.create(
        id=recognition_id,
        brand_id=books.brand_id,
        currency=books.currency,
        account=Account.REVENUE,
        month=month,
        recognised_minor=totals.recognised_minor,
        deferred_minor=totals.deferred_minor,
        recorded_at=now,
    )
    reach("recognition.recorded")
    if totals.recognised_minor:
        ends_at = start_of_day(until, books.zone)
        entry = recognition_entry(recognition_id, books.currency, totals.recognised_minor, month, posted_at=ends_at)
        ledger_operations.post_entries([entry])
    return recognition


def _rows(
    recognition_id: uuid.UUID, lines: Iterator[DeferredLine], until: date, totals: _Totals
) -> Iterator[tuple[uuid.UUID, uuid.UUID, int, int, int]]:
    """Yield the schedule rows of the lines that earned something, adding up what all of them come to."""
    for line in lines:
        schedule = line.schedule
        earned = schedule.earned(until)
        recognised_minor = earned - line.recognised_minor
        totals.deferred_minor += schedule.deferred_minor - earned
        if recognised_minor:
            totals.recognised_minor += recognised_minor
            yield line.line_id, recognition_id, schedule.days_passed(until), schedule.days, recognised_minor
