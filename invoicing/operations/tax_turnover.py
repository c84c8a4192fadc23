"""Keep the roll-up of tax turnover: close days that are over, and add what is issued on a closed day after all.

Billing rules, sections 7 (Threshold sums) and 9. A document is in the roll-up exactly once: whoever issues it holds a
shared lock of its brand and issue date until the commit, and a day is closed under the same lock held alone. So the
closing sees every document of the day, or the document sees that its day is closed. The documents of today share a lock
nobody wants alone: the billing run never waits for it.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from core.copying import copy_rows
from core.domain.schedule import local_date
from core.faults import reach
from core.identifiers import new_id
from core.operations import require_transaction
from customers.models import Brand
from invoicing.models import TaxClosing
from invoicing.queries.tax_sales import SALES

# Each day takes a lock of its own, and the server's table of locks is finite.
_DAYS_AT_ONCE = 31
_LOCK_SPACE = "tax turnover"
# Held by whoever issues anything, wanted alone only by a brand's first closing: it decides which day comes first.
_ANY_DAY = "any"

# One key of 64 bits for a brand and a day; two that collide wait for each other once more than needed.
_LOCK = """
SELECT pg_advisory_xact_lock{kind}(hashtextextended(%s || text, 0)) FROM (
    SELECT brand || ' ' || day AS text FROM unnest(%s::text[], %s::text[]) AS locked (brand, day) ORDER BY brand, day
) ordered
"""
_LOCK_SHARED, _LOCK_ALONE = _LOCK.format(kind="_shared"), _LOCK.format(kind="")
_CLOSED_UNTIL = "SELECT brand_id, closed_until FROM invoicing_taxclosing WHERE brand_id = ANY(%s::uuid[])"
_FIRST_DAY = """
SELECT least((SELECT min(issue_date) FROM invoicing_invoice WHERE brand_id = %(brand)s AND issue_date >= %(since)s),
             (SELECT min(issue_date) FROM invoicing_creditnote WHERE brand_id = %(brand)s AND issue_date >= %(since)s))
"""
_OPEN_SALES = SALES.format(
    where="paper.brand_id = %(brand)s AND paper.issue_date >= %(first)s AND paper.issue_date < %(until)s"
)
_SUM_DAYS = f"""
SELECT brand_id, country, region, day, currency, sum(payments)::bigint, sum(net_minor)::bigint,
       sum(consumers_net_minor)::bigint
FROM ({_OPEN_SALES}) paper GROUP BY 1, 2, 3, 4, 5 ORDER BY day, country, region, currency
"""  # noqa: S608 - nothing but this module's and the query's constants is put into the text
_COLUMNS = (
    "id", "brand_id", "country", "region", "day", "currency", "payments", "net_minor", "consumers_net_minor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sale:
    """A finalised document as tax turnover counts it; a credit note's net is negative."""

    brand_id: uuid.UUID
    country: str
    region: str
    day: date
    currency: str
    is_payment: bool
    net_minor: int
    to_checked_business: bool


def count_sales(sales: Sequence[Sale]) -> None:
    """Put documents that are being issued into the roll-up where their day is closed already.

    A step of the transaction that writes the documents, before it writes them. Sales of an open day add nothing: the
    closing will find their documents.
    """
    require_transaction()
    sold_on = {(sale.brand_id, sale.day) for sale in sales}
    days = {(str(brand_id), day) for brand_id, sold in sold_on for day in (sold.isoformat(), _ANY_DAY)}
    if not days:
        return
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SHARED, [_LOCK_SPACE, *_columns(days)])
        # Asked only now: a closing that was waited for is seen.
        cursor.execute(_CLOSED_UNTIL, [list({brand_id for brand_id, _ in sold_on})])
        closed_until = dict(cursor.fetchall())
    late = [sale for sale in sales if sale.brand_id in closed_until and sale.day < closed_until[sale.brand_id]]
    copy_rows(
        "invoicing_taxturnover",
        _COLUMNS,
        [
            (
                new_id(),
                sale.brand_id,
                sale.country,
                sale.region.strip().upper(),
                sale.day,
                sale.currency,
                int(sale.is_payment),
                sale.net_minor,
                0 if sale.to_checked_business else sale.net_minor,
            )
            for sale in late
        ],
    )


def close_days(*, now: datetime) -> int:
    """Close every day of every brand that is over by the wall clock, in the brand's zone; return how many rows it made.

    Any number may run at once, and one that dies leaves whole stretches of days behind.
    """
    made = 0
    closed_until = dict(TaxClosing.objects.values_list("brand_id", "closed_until"))
    for brand in Brand.objects.order_by("id"):
        today = local_date(now, brand.time_zone)
        if closed_until.get(brand.id, date.min) >= today:
            continue
        while (rows := _close_next_days(brand.id, today)) is not None:
            made += rows
    return made


def _close_next_days(brand_id: uuid.UUID, until: date) -> int | None:
    """Close a brand's next stretch of days before `until`; None when there is none."""
    with transaction.atomic(durable=True):
        TaxClosing.objects.get_or_create(brand_id=brand_id, defaults={"closed_until": date.min})
        closing = TaxClosing.objects.select_for_update(no_key=True).get(brand_id=brand_id)
        if closing.closed_until >= until:
            return None
        first = closing.closed_until
        if first == date.min:
            closing.closed_until = _first_day(brand_id, until)
            closing.save(update_fields=["closed_until"])
            return 0
        end = min(until, first + timedelta(days=_DAYS_AT_ONCE))
        days = [(str(brand_id), (first + timedelta(days=n)).isoformat()) for n in range((end - first).days)]
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_ALONE, [_LOCK_SPACE, *_columns(days)])
            cursor.execute(_SUM_DAYS, {"brand": brand_id, "first": first, "until": end})
            rows = cursor.fetchall()
        copy_rows("invoicing_taxturnover", _COLUMNS, [(new_id(), *row) for row in rows])
        reach("tax_turnover.summed")
        closing.closed_until = end
        closing.save(update_fields=["closed_until"])
        return len(rows)


def _first_day(brand_id: uuid.UUID, until: date) -> date:
    """Return the day from which a brand that never closed one has something to close; nobody issues meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ALONE, [_LOCK_SPACE, [str(brand_id)], [_ANY_DAY]])
        cursor.execute(_FIRST_DAY, {"brand": brand_id, "since": date.min})
        first = cursor.fetchone()[0]
    return min(first, until) if first is not None else until


def _columns(days: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Return brands and days as two parallel columns."""
    pairs = sorted(days)
    return [brand for brand, _ in pairs], [day for _, day in pairs]
