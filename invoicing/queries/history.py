"""Read what was billed before, as values."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from core.rows import array_text, fetch_rows
from invoicing.domain.charge import CAP, COUNTS, FREED, BilledLine
from invoicing.domain.tax import TaxPart, TaxTreatment

COLUMNS = """line.item_id, line.invoice_id, line.kind, line.period_start, line.period_end, line.tier, line.revision,
       line.quantity, line.amount_minor, line.discount_minor, line.proof ->> 'price', line.tax_category,
       line.tax_country, line.proof -> 'tax'"""
# A credit that a proposal made names no line: it is a charge of its own. One made by hand, by a refund or by a void
# names the line it gives back; where the void says so, that line is to be billed again.
BILLED = f"""
SELECT line.id, NULL::uuid, NULL::bool, {COLUMNS}
FROM unnest(%(items)s::uuid[], %(horizons)s::timestamptz[]) AS wanted (item_id, horizon)
JOIN invoicing_invoiceline line ON line.item_id = wanted.item_id AND line.period_start >= wanted.horizon
UNION ALL
SELECT line.id, line.invoice_line_id, note.rebills, {COLUMNS}
FROM unnest(%(items)s::uuid[], %(horizons)s::timestamptz[]) AS wanted (item_id, horizon)
JOIN invoicing_creditnoteline line ON line.item_id = wanted.item_id AND line.period_start >= wanted.horizon
JOIN invoicing_creditnote note ON note.id = line.credit_note_id
"""  # noqa: S608 - composed of constants


def list_billed_lines(horizons: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, tuple[BilledLine, ...]]:
    """Return, for each item, its lines on invoices and credit notes whose period began at or after its horizon."""
    if not horizons:
        return {}
    rows = fetch_rows(BILLED, {"items": array_text(horizons), "horizons": array_text(horizons.values())})
    freed = {given_back for _, given_back, rebills, *_ in rows if rebills}
    found: dict[uuid.UUID, list[BilledLine]] = defaultdict(list)
    for row in rows:
        line_id, given_back, rebills, item_id = row[:4]
        invoice_id, kind, start, end, tier, revision, quantity, amount, discount, price_id = row[4:14]
        use = FREED if rebills or line_id in freed else CAP if given_back is not None else COUNTS
        category, country, stored = row[14:]
        tax = _decode_tax(stored)
        treatment = _treatment(category, country, tuple(part[:4] for part in tax.parts), tax.reason, tax.code)
        found[item_id].append(
            BilledLine(
                invoice_id,
                kind,
                start,
                end,
                tier,
                revision,
                quantity,
                amount,
                discount,
                treatment,
                uuid.UUID(price_id),
                use,
            )
        )
    return {item_id: tuple(sorted(lines, key=_order)) for item_id, lines in found.items()}


def _order(line: BilledLine) -> tuple[datetime, str, int, int]:
    """Return the place of a line among its item's, so that equal histories read equally."""
    return line.period_start, line.kind, line.tier, line.revision


class _StoredTax(msgspec.Struct):
    """The tax of a line as its proof keeps it: of each part the rule, name, jurisdiction, rate and amount."""

    parts: tuple[tuple[str | None, str, str, str, int], ...]
    reason: str
    code: str


_decode_tax = msgspec.json.Decoder(_StoredTax).decode


@lru_cache(maxsize=1_024)
def _treatment(
    category: str, country: str, parts: tuple[tuple[str | None, str, str, str], ...], reason: str, code: str
) -> TaxTreatment:
    """Return the tax treatment lines were stored with: a few serve thousands."""
    taxed = tuple(TaxPart(rule_id, name, jurisdiction, Decimal(rate)) for rule_id, name, jurisdiction, rate in parts)
    return TaxTreatment(category, taxed, country, reason, code)
