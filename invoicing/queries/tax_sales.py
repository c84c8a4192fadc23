"""Sum what was sold on closed days, in the currencies of the thresholds that are still open.

A day is closed when its documents are in the roll-up (`TaxTurnover`); the documents of other days are summed as they
are. Both are read by one statement, so that a day which is being closed is counted once.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.domain.exchange import EURO, ExchangeRates
from core.domain.money import known_currencies, minor_digits
from core.rows import array_text, fetch_rows
from invoicing.domain.tax_rules import TaxRules, jurisdiction_of
from invoicing.domain.tax_thresholds import (
    EU_CONSUMER_THRESHOLD,
    EU_CONSUMERS,
    ClosedSales,
    SalesKey,
    Sold,
    Span,
    Threshold,
)

# Every finalised document as one sale. A document without a known place counts where the seller is; one of a checked
# business says so in its buyer. Whoever uses it names the documents: {where} stands in both halves.
SALES = """
SELECT paper.brand_id, paper.issue_date AS day, paper.currency,
       coalesce(nullif(paper.buyer ->> 'country', ''), paper.seller ->> 'country') AS country,
       upper(btrim(coalesce(
           nullif(paper.buyer ->> 'region', ''),
           CASE WHEN coalesce(paper.buyer ->> 'country', '') IN ('', paper.seller ->> 'country')
                THEN paper.seller ->> 'region' END,
           ''))) AS region,
       (paper.total_minor > 0)::int AS payments, paper.sub_total_minor AS net_minor,
       CASE WHEN coalesce((paper.buyer ->> 'checked_business')::boolean, false)
            THEN 0 ELSE paper.sub_total_minor END AS consumers_net_minor
FROM invoicing_invoice paper WHERE paper.issue_date IS NOT NULL AND {where}
UNION ALL
SELECT paper.brand_id, paper.issue_date, paper.currency,
       coalesce(nullif(paper.buyer ->> 'country', ''), paper.seller ->> 'country'),
       upper(btrim(coalesce(
           nullif(paper.buyer ->> 'region', ''),
           CASE WHEN coalesce(paper.buyer ->> 'country', '') IN ('', paper.seller ->> 'country')
                THEN paper.seller ->> 'region' END,
           ''))),
       0, -paper.sub_total_minor,
       CASE WHEN coalesce((paper.buyer ->> 'checked_business')::boolean, false)
            THEN 0 ELSE -paper.sub_total_minor END
FROM invoicing_creditnote paper WHERE {where}
"""

_OPEN_DAYS = SALES.format(
    where="paper.brand_id = brand.id AND paper.issue_date < %(until)s "
    "AND paper.issue_date >= greatest(closing.closed_until, %(since)s)"
)
# {0} is one of the two sums of net; rates are units for one euro, so a sum moves by target / source.
_CONVERTED = """
sum(CASE WHEN sale.currency = wanted.currency THEN sale.{0}
         ELSE sale.{0} * target.per_euro / source.per_euro * power(10::numeric, wanted.digits - known.digits) END)
"""
CLOSED_SALES = f"""
WITH wanted AS (
    SELECT * FROM unnest(%(slots)s::int[], %(countries)s::text[], %(currencies)s::text[], %(digits)s::int[],
                         %(firsts)s::date[], %(untils)s::date[])
        AS wanted (slot, country, currency, digits, first_day, until_day)
), known AS (
    SELECT * FROM unnest(%(known)s::text[], %(known_digits)s::int[]) AS known (currency, digits)
), sale AS MATERIALIZED (
    SELECT brand_id, day, currency, country, region, payments, net_minor, consumers_net_minor
    FROM invoicing_taxturnover
    WHERE day >= %(since)s AND day < %(until)s AND country = ANY(%(countries)s::text[])
    UNION ALL
    SELECT paper.brand_id, paper.day, paper.currency, paper.country, paper.region, sum(paper.payments),
           sum(paper.net_minor), sum(paper.consumers_net_minor)
    FROM customers_brand brand
    LEFT JOIN invoicing_taxclosing closing ON closing.brand_id = brand.id
    CROSS JOIN LATERAL ({_OPEN_DAYS}) paper
    GROUP BY 1, 2, 3, 4, 5
), sold AS MATERIALIZED (
    SELECT DISTINCT currency, day FROM sale
), daily AS MATERIALIZED (
    SELECT pair.currency, pair.day, CASE WHEN pair.currency = 'EUR' THEN 1 ELSE (
        SELECT rate.per_euro FROM core_exchangerate rate
        WHERE rate.currency = pair.currency AND rate.day <= pair.day ORDER BY rate.day DESC LIMIT 1
    ) END AS per_euro
    FROM (SELECT currency, day FROM sold
          UNION SELECT other.currency, sold.day FROM sold CROSS JOIN (SELECT DISTINCT currency FROM wanted) other
         ) pair
)
SELECT wanted.slot, sale.brand_id, sale.region, sum(sale.payments),
       {_CONVERTED.format("net_minor")}, {_CONVERTED.format("consumers_net_minor")},
       array_agg(DISTINCT sale.currency) FILTER (
           WHERE sale.currency <> wanted.currency AND (source.per_euro IS NULL OR target.per_euro IS NULL))
FROM wanted
JOIN sale ON sale.country = wanted.country AND sale.day >= wanted.first_day AND sale.day < wanted.until_day
JOIN known ON known.currency = sale.currency
LEFT JOIN daily source
    ON source.currency = sale.currency AND source.day = sale.day AND sale.currency <> wanted.currency
LEFT JOIN daily target
    ON target.currency = wanted.currency AND target.day = sale.day AND sale.currency <> wanted.currency
GROUP BY 1, 2, 3
"""  # noqa: S608 - nothing but constants of this module is put into the text
RATES = """
SELECT wanted.currency, rate.per_euro FROM unnest(%s::text[]) AS wanted (currency)
CROSS JOIN LATERAL (
    SELECT per_euro FROM core_exchangerate rate
    WHERE rate.currency = wanted.currency AND rate.day <= %s ORDER BY rate.day DESC LIMIT 1
) rate
"""


@dataclass(frozen=True, slots=True)
class SellingBrand:
    """A brand as the thresholds see it, with the day it would issue a document on."""

    brand_id: uuid.UUID
    country: str
    tax_number: str
    one_stop_shop: bool
    issue_date: date
    currency: str

    @property
    def seller(self) -> tuple[str, str]:
        """Return what makes two brands one seller before the EU's 10 000 EUR."""
        return self.country, self.tax_number


@dataclass(frozen=True, slots=True)
class _Slot:
    """One sum that is asked for: sales to a country in a span of days, in a threshold's currency."""

    country: str
    currency: str
    span: Span


def read_closed_sales(
    rules: TaxRules, brands: Sequence[SellingBrand], as_of: datetime
) -> tuple[ClosedSales, ExchangeRates]:
    """Return the sums that open thresholds are compared with, and the exchange rates of the day; by two statements.

    Nothing is read where no threshold is open.
    """
    issue_dates = sorted({brand.issue_date for brand in brands})
    eu_brands = [brand for brand in brands if not brand.one_stop_shop and _in_eu(rules, brand.country)]
    asked = dict.fromkeys(_slots(rules, issue_dates, eu_brands))
    if not asked:
        return ClosedSales(), ExchangeRates()
    slots = list(asked)
    sums: dict[_Slot, list[tuple[Any, ...]]] = defaultdict(list)
    for slot, *row in fetch_rows(CLOSED_SALES, _parameters(slots)):
        sums[slots[slot]].append(tuple(row))
    found: dict[SalesKey, tuple[Sold, ...]] = {}
    for issue_date in issue_dates:
        for country, state, threshold in _open_thresholds(rules):
            place = jurisdiction_of(country, state)
            found[SalesKey(place, issue_date)] = tuple(
                _sold(row for row in sums[slot] if not state or _is_in(rules, slot.country, row[1], state))
                for slot in _spans_of(country, threshold, issue_date)
            )
        for brand in eu_brands:
            found[SalesKey(EU_CONSUMERS, issue_date, brand.seller)] = _sold_to_eu_consumers(
                rules, sums, issue_date, brand.seller, brands
            )
    per_euro = dict(fetch_rows(RATES, [array_text(known_currencies()), as_of.date()]))
    return ClosedSales(found), ExchangeRates(per_euro)


def _parameters(slots: Sequence[_Slot]) -> dict[str, Any]:
    """Return the sums asked for as the statement's parameters."""
    known = known_currencies()
    return {
        "slots": array_text(range(len(slots))),
        "countries": array_text([slot.country for slot in slots]),
        "currencies": array_text([slot.currency for slot in slots]),
        "digits": array_text([minor_digits(slot.currency) for slot in slots]),
        "firsts": array_text([slot.span[0].isoformat() for slot in slots]),
        "untils": array_text([slot.span[1].isoformat() for slot in slots]),
        "since": min(slot.span[0] for slot in slots),
        "until": max(slot.span[1] for slot in slots),
        "known": array_text(known),
        "known_digits": array_text([minor_digits(currency) for currency in known]),
    }


def _slots(rules: TaxRules, issue_dates: Sequence[date], eu_brands: Sequence[SellingBrand]) -> Iterator[_Slot]:
    """Yield the sums that open thresholds need; states share their country's, which is split by region."""
    for issue_date in issue_dates:
        for country, _, threshold in _open_thresholds(rules):
            yield from _spans_of(country, threshold, issue_date)
        if eu_brands:
            for country in _eu_countries(rules):
                yield from _spans_of(country, EU_CONSUMER_THRESHOLD, issue_date)


def _spans_of(country: str, threshold: Threshold, issue_date: date) -> Iterator[_Slot]:
    """Yield the sums one threshold is compared with, the running span first."""
    for span in threshold.window.spans(issue_date):
        yield _Slot(country, threshold.currency or EURO, span)


def _open_thresholds(rules: TaxRules) -> Iterator[tuple[str, str, Threshold]]:
    """Yield country, state ("" for the country) and threshold of every place that does not collect yet."""
    for country in rules.countries:
        if country.threshold.is_set and not country.collecting:
            yield country.country, "", country.threshold
        for state in country.states:
            if state.threshold.is_set and not state.collecting:
                yield country.country, state.state, state.threshold


def _in_eu(rules: TaxRules, country: str) -> bool:
    found = rules.find_country(country)
    return found is not None and found.in_eu


def _eu_countries(rules: TaxRules) -> list[str]:
    return [country.country for country in rules.countries if country.in_eu]


def _is_in(rules: TaxRules, country: str, region: str, state: str) -> bool:
    """Tell whether an address's region is a state."""
    found = rules.find_state(country, region)
    return found is not None and found.state == state


def _sold(rows: Any, *, consumers: bool = False) -> Sold:
    """Sum rows of (brand, region, payments, net, net to consumers, currencies without a rate)."""
    net, payments, uncounted = Fraction(0), 0, frozenset[str]()
    for _, _, count, whole, of_consumers, missing in rows:
        net += Fraction(Decimal((of_consumers if consumers else whole) or 0))
        payments += int(count)
        uncounted |= frozenset(missing or ())
    return Sold(net, payments, uncounted)


def _sold_to_eu_consumers(
    rules: TaxRules,
    sums: dict[_Slot, list[tuple[Any, ...]]],
    issue_date: date,
    seller: tuple[str, str],
    brands: Sequence[SellingBrand],
) -> tuple[Sold, ...]:
    """Sum a seller's sales to consumers in the other countries of the EU, this year's and last year's."""
    own = {brand.brand_id for brand in brands if brand.seller == seller}
    abroad = [country for country in _eu_countries(rules) if country != seller[0]]
    spans = EU_CONSUMER_THRESHOLD.window.spans(issue_date)
    return tuple(
        _sold(
            (
                row
                for country in abroad
                for row in sums[_Slot(country, EU_CONSUMER_THRESHOLD.currency, span)]
                if row[0] in own
            ),
            consumers=True,
        )
        for span in spans
    )
