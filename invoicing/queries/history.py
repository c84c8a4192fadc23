"""Read what was billed before, as values."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from core.rows import array_text, fetch_rows
from invoicing.domain.charge import BilledLine
from invoicing.domain.tax import TaxPart, TaxTreatment

# A credit that a proposal made counts as billed, and so do lines that a void took back to be billed again. What was
# given back by hand, by a refund or by a void for good changes nothing here: such a line names the line it gives back.
BILLED = """
SELECT line.item_id, line.invoice_id, line.kind, line.period_start, line.period_end, line.tier, line.revision,
       line.quantity, line.amount_minor, line.discount_minor, line.tax_category, line.tax_country, line.proof -> 'tax'
FROM unnest(%(items)s::uuid[], %(horizons)s::timestamptz[]) AS wanted (item_id, horizon)
JOIN invoicing_invoiceline line ON line.item_id = wanted.item_id AND line.period_start >= wanted.horizon
UNION ALL
SELECT line.item_id, line.invoice_id, line.kind, line.period_start, line.period_end, line.tier, line.revision,
       CASE WHEN line.invoice_line_id IS NULL THEN line.quantity ELSE -line.quantity END,
       line.amount_minor, line.discount_minor, line.tax_category, line.tax_country, line.proof -> 'tax'
FROM unnest(%(items)s::uuid[], %(horizons)s::timestamptz[]) AS wanted (item_id, horizon)
JOIN invoicing_creditnoteline line ON line.item_id = wanted.item_id AND line.period_start >= wanted.horizon
WHERE line.invoice_line_id IS NULL
   OR EXISTS (SELECT FROM invoicing_creditnote note WHERE note.id = line.credit_note_id AND note.rebills)
"""


def list_billed_lines(horizons: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, tuple[BilledLine, ...]]:
    """Return, for each item, its lines on invoices and credit notes whose period began at or after its horizon."""
    if not horizons:
        return {}
    rows = fetch_rows(BILLED, {"items": array_text(horizons), "horizons": array_text(horizons.values())})
    found: dict[uuid.UUID, list[BilledLine]] = defaultdict(list)
    for item_id, invoice_id, kind, start, end, tier, revision, quantity, amount, discount, *tax in rows:
        line = BilledLine(invoice_id, kind, start, end, tier, revision, quantity, amount, discount, _treatment(tax))
        found[item_id].append(line)
    return {item_id: tuple(sorted(lines, key=_order)) for item_id, lines in found.items()}


def _order(line: BilledLine) -> tuple[datetime, str, int, int]:
    """Return the place of a line among its item's, so that equal histories read equally."""
    return line.period_start, line.kind, line.tier, line.revision


def _treatment(columns: Sequence[Any]) -> TaxTreatment:
    """Return the tax treatment a line was stored with."""
    category, country, stored = columns
    tax = msgspec.json.decode(stored) if isinstance(stored, str) else stored
    parts = tuple(
        TaxPart(rule_id, name, jurisdiction, Decimal(rate)) for rule_id, name, jurisdiction, rate, _ in tax["parts"]
    )
    return TaxTreatment(category, parts, country, tax["reason"], tax["code"])
