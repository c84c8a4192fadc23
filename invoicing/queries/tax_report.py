"""Sum net and tax of finalised documents per place, rate, category and period: what a tax return asks for."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.rows import fetch_rows


class ReportPeriod(StrEnum):
    """Into which stretches of issue dates a report is cut."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class ReportWanted:
    """Which documents: issued from the first to the last day, both included, of one brand and country or of all."""

    first_day: date
    last_day: date
    period: ReportPeriod = ReportPeriod.MONTH
    brand: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Net and tax in minor units of one currency; `rate` is percent.

    `country` and `state` are whom the tax is payable to; of an untaxed line, where the customer is.
    """

    period_start: date
    brand: str
    country: str
    state: str
    category: str
    rate: Decimal
    currency: str
    net_minor: int
    tax_minor: int
    documents: int

    def period_name(self, period: ReportPeriod) -> str:
        """Name the period: 2026-03, 2026-Q1, 2026.

        >>> row = ReportRow(date(2026, 4, 1), "default", "DE", "", "S", Decimal(19), "EUR", 100, 19, 1)
        >>> [row.period_name(period) for period in ReportPeriod]
        ['2026-04', '2026-Q2', '2026']
        """
        start = self.period_start
        if period is ReportPeriod.MONTH:
            return f"{start:%Y-%m}"
        return f"{start:%Y}-Q{(start.month + 2) // 3}" if period is ReportPeriod.QUARTER else f"{start:%Y}"


# A line taxed at country and state stands in one row of each, with its whole net: each return asks for its own. Lines
# of credit notes carry their sign.
REPORT = """
WITH line AS (
    SELECT paper.id, paper.issue_date, brand.code AS brand, paper.currency, paper.buyer, paper.seller, one.tax_category,
           one.tax_rate, one.tax_country, one.net_minor, one.tax_minor, one.proof
    FROM customers_brand brand
    JOIN invoicing_invoice paper ON paper.brand_id = brand.id
    JOIN invoicing_invoiceline one ON one.invoice_id = paper.id
    WHERE paper.issue_date BETWEEN %(first)s AND %(last)s AND (%(brand)s = '' OR brand.code = %(brand)s)
    UNION ALL
    SELECT paper.id, paper.issue_date, brand.code, paper.currency, paper.buyer, paper.seller, one.tax_category,
           one.tax_rate, one.tax_country, one.net_minor, one.tax_minor, one.proof
    FROM customers_brand brand
    JOIN invoicing_creditnote paper ON paper.brand_id = brand.id
    JOIN invoicing_creditnoteline one ON one.credit_note_id = paper.id
    WHERE paper.issue_date BETWEEN %(first)s AND %(last)s AND (%(brand)s = '' OR brand.code = %(brand)s)
), taxed AS (
    SELECT line.id, line.issue_date, line.brand, line.currency, line.tax_category, line.net_minor,
           split_part(part.value ->> 2, '-', 1) AS country,
           substr(part.value ->> 2, length(split_part(part.value ->> 2, '-', 1)) + 2) AS state,
           (part.value ->> 3)::numeric AS rate, (part.value ->> 4)::bigint AS tax_minor
    FROM line CROSS JOIN LATERAL jsonb_array_elements(line.proof -> 'tax' -> 'parts') part
    UNION ALL
    SELECT line.id, line.issue_date, line.brand, line.currency, line.tax_category, line.net_minor,
           coalesce(nullif(line.tax_country, ''), nullif(line.buyer ->> 'country', ''), line.seller ->> 'country', ''),
           '', line.tax_rate, line.tax_minor
    FROM line WHERE coalesce(jsonb_array_length(line.proof -> 'tax' -> 'parts'), 0) = 0
)
SELECT date_trunc(%(period)s, issue_date::timestamp)::date AS period_start, brand, country, state, tax_category,
       trim_scale(rate) AS rate, currency, sum(net_minor)::bigint, sum(tax_minor)::bigint, count(DISTINCT id)
FROM taxed WHERE %(country)s = '' OR country = %(country)s
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
"""


def list_tax_rows(wanted: ReportWanted) -> tuple[ReportRow, ...]:
    """Return the rows of a report, in the order of period, brand and place; by one statement."""
    rows = fetch_rows(
        REPORT,
        {
            "first": wanted.first_day,
            "last": wanted.last_day,
            "period": str(wanted.period),
            "brand": wanted.brand,
            "country": wanted.country,
        },
    )
    return tuple(ReportRow(*row) for row in rows)
