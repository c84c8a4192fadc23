"""Writes of number series: how a brand's documents are numbered (Billing rules, section 8, Numbering)."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from core.changes import change_row, plain_facts
from core.deletion import delete_unused
from core.domain.schedule import local_date
from core.errors import Conflict, Invalid
from core.operations import Actor, AuditDraft, record_audit
from customers import queries as customer_queries
from customers.models import Brand
from invoicing.domain.numbering import InvalidNumberFormat, check_number_format, number_pattern, share_prefix
from invoicing.models import NumberCounter, NumberSeries
from invoicing.operations.numbering import DEFAULT_FORMATS
from invoicing.queries.numbering import get_series

TAKEN = "The brand has a series of this kind already."
TAKEN_AHEAD = """
SELECT number FROM (
    SELECT number, brand_id FROM invoicing_invoice WHERE number IS NOT NULL AND %(kind)s = 'invoice'
    UNION ALL SELECT number, brand_id FROM invoicing_creditnote WHERE %(kind)s = 'credit_note'
) given
WHERE brand_id = %(brand)s AND number ~ %(pattern)s AND substring(number FROM %(pattern)s)::numeric > %(last)s
LIMIT 1
"""


@transaction.atomic
def create_series(
    *, brand_id: uuid.UUID, kind: str, format_text: str, reset: str, actor: Actor, now: datetime
) -> NumberSeries:
    """Make a brand's series of one kind of document before its first one; later it is made by itself.

    Raises Conflict when the brand has one, Invalid for a format that cannot number its documents.
    """
    brand = _lock_brand(brand_id)
    if NumberSeries.objects.filter(brand=brand, kind=kind).exists():
        raise Conflict(TAKEN, code="number_series_taken")
    series = NumberSeries(brand=brand, kind=kind, format=format_text, reset=reset, created_at=now)
    _check(series, now)
    try:
        with transaction.atomic():
            series.save(force_insert=True)
    except IntegrityError as error:
        # The first document of the brand made it meanwhile.
        raise Conflict(TAKEN, code="number_series_taken") from error
    after = {"brand": str(brand_id), "kind": kind, "format": format_text, "reset": reset}
    record_audit(actor, [AuditDraft("number_series.created", "number_series", series.id, after=after)], recorded_at=now)
    return series


@transaction.atomic
def update_series(series_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> NumberSeries:
    """Change how the next documents are numbered; the count goes on, and numbers given stay.

    Raises NotFound, Invalid for a format that cannot number its documents, or would give a number again.
    """
    _lock_brand(get_series(series_id).brand_id)
    series = get_series(series_id)
    wanted = NumberSeries(
        id=series.id,
        brand=series.brand,
        kind=series.kind,
        format=changes.get("format", series.format),
        reset=changes.get("reset", series.reset),
    )
    if (wanted.format, wanted.reset) == (series.format, series.reset):
        return series
    _check(wanted, now)
    changed = change_row(series, changes)
    if changed is not None:
        draft = AuditDraft("number_series.updated", "number_series", series.id, before=changed[0], after=changed[1])
        record_audit(actor, [draft], recorded_at=now)
    return series


@transaction.atomic
def delete_series(series_id: uuid.UUID, *, actor: Actor, now: datetime) -> None:
    """Delete a series that has numbered nothing. Raises NotFound, Conflict when it has."""
    series = get_series(series_id)
    before = plain_facts({"kind": series.kind, "format": series.format, "reset": series.reset})
    delete_unused(series, "number_series")
    record_audit(
        actor, [AuditDraft("number_series.deleted", "number_series", series_id, before=before)], recorded_at=now
    )


def _lock_brand(brand_id: uuid.UUID) -> Brand:
    """Lock a brand, so that two changes of its series see each other. Raises NotFound."""
    customer_queries.get_brand(brand_id)
    return Brand.objects.select_for_update(no_key=True).get(id=brand_id)


def _check(wanted: NumberSeries, now: datetime) -> None:
    """Refuse what a series must not be. Raises Invalid."""
    brand = wanted.brand
    try:
        check_number_format(
            wanted.format, yearly=wanted.reset == NumberSeries.Reset.YEARLY, country=brand.country.upper()
        )
    except InvalidNumberFormat as error:
        raise Invalid("The format cannot number documents.", fields={"format": str(error)}) from None
    formats = {kind: text for kind, text in DEFAULT_FORMATS.items() if kind != wanted.kind}
    formats |= dict(NumberSeries.objects.filter(brand=brand).exclude(kind=wanted.kind).values_list("kind", "format"))
    for kind, other in sorted(formats.items()):
        if share_prefix(wanted.format, other):
            words = f"The {kind.replace('_', ' ')} series uses this prefix: {other}."
            raise Invalid("Two series would share a prefix.", fields={"format": words})
    taken = _number_given_again(wanted, now)
    if taken is not None:
        raise Invalid("A number would be given twice.", fields={"format": f"It would give {taken} a second time."})


def _number_given_again(wanted: NumberSeries, now: datetime) -> str | None:
    """Return a number given already that the series would come to again with its next ones, None when there is none."""
    pattern = number_pattern(wanted.format, wanted.brand.code)
    if "(" not in pattern.replace("\\(", ""):
        return None
    year = local_date(now, wanted.brand.time_zone).year if wanted.reset == NumberSeries.Reset.YEARLY else 0
    counter = NumberCounter.objects.filter(series_id=wanted.id, year=year).first()
    parameters: dict[str, Any] = {
        "kind": wanted.kind,
        "brand": wanted.brand_id,
        "pattern": pattern,
        "last": counter.last_sequence if counter is not None else 0,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_AHEAD, parameters)
        row = cursor.fetchone()
    return str(row[0]) if row else None
