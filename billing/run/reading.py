"""Read a chunk of customers as values, by a constant number of statements."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from core.rows import array_text, fetch_rows
from invoicing.domain.account import Account, SellerTerms
from invoicing.domain.charge import JUST_BEFORE, horizon, looks_back_to
from invoicing.domain.discounts import Voucher
from invoicing.domain.metered import rerated_from
from invoicing.domain.tax_decision import Buyer, Seller
from invoicing.queries.history import list_billed_lines
from invoicing.queries.waiting import list_waiting_steps
from subscriptions.domain.periods import Segment, agreement_segments, item_intervals, period_at
from subscriptions.domain.terms import Agreement, Item
from subscriptions.queries.terms import list_due_agreements

CUSTOMERS = """
SELECT c.id, c.brand_id, c.email, c.name, c.status = 'disabled' AND c.disabled_by <> 'usage_limit', c.billing_type,
       c.type, c.company_name, c.street_line_one,
       c.street_line_two, c.city, c.region, c.postcode, c.country, c.tax_number, c.tax_number_check, c.tax_exempt,
       c.standard_tax_rate, c.digital_tax_rate, c.locale, c.time_zone, c.buyer_reference,
       (SELECT m.id FROM customers_paymentmethod m
        WHERE m.customer_id = c.id AND m.is_default AND m.removed_at IS NULL)
FROM customers_customer c WHERE c.id = ANY(%s::uuid[])
"""
BRANDS = """
SELECT id, code, name, legal_name, street_line_one, street_line_two, city, region, postcode, country, email, tax_number,
       vat_registered, tax_registrations, one_stop_shop, tax_point, export, time_zone, payment_terms_days, iban, bic,
       invoice_group, grace_days
FROM customers_brand WHERE id = ANY(%s::uuid[])
"""
VOUCHERS = """
SELECT r.customer_id, r.id, v.id, v.type, v.percent, v.duration, r.remaining,
       (SELECT jsonb_agg(jsonb_build_array(a.currency, a.amount_minor, a.minimum_minor) ORDER BY a.currency)
        FROM subscriptions_voucheramount a WHERE a.voucher_id = v.id),
       (SELECT jsonb_agg(p.plan_id) FROM subscriptions_voucher_plans p WHERE p.voucher_id = v.id),
       counted.periods
FROM subscriptions_voucherredemption r JOIN subscriptions_voucher v ON v.id = r.voucher_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(p.subscription_id, p.until_at)) AS periods
    FROM subscriptions_redemptionperiod p WHERE p.redemption_id = r.id
) counted ON v.duration = 'repeating'
WHERE r.customer_id = ANY(%s::uuid[]) AND (r.ended_at IS NULL OR counted.periods IS NOT NULL)
    AND v.type <> 'fixed_credit'
ORDER BY r.id
"""
BALANCES = """
SELECT customer_id, currency, balance_minor FROM ledger_customerbalance
WHERE customer_id = ANY(%s::uuid[]) AND balance_minor <> 0
"""
OPEN_INVOICES = """
SELECT id, amount_due_minor + written_off_minor FROM invoicing_invoice
WHERE id = ANY(%s::uuid[]) AND status IN ('open', 'uncollectible')
"""


def read_accounts(
    customer_ids: Sequence[uuid.UUID],
    agreements: Iterable[Agreement] | None = None,
    *,
    about_to_change: Collection[uuid.UUID] = (),
    with_waiting: bool = False,
) -> dict[uuid.UUID, Account]:
    """Return these customers as accounts, with their due subscriptions and what waits unless `agreements` are given.

    The lines of subscriptions that are `about_to_change` are read whatever their terms say, and what waits too;
    `with_waiting` reads what waits beside given agreements.
    """
    ids = list(customer_ids)
    owned: dict[uuid.UUID, list[Agreement]] = defaultdict(list)
    for agreement in list_due_agreements(ids) if agreements is None else agreements:
        owned[agreement.customer_id].append(agreement)
    waiting = list_waiting_steps(ids) if agreements is None or about_to_change or with_waiting else {}
    waited = [agreement for steps in waiting.values() for step in steps for agreement in step.agreements]
    customers = _rows(CUSTOMERS, ids)
    sellers = {row[0]: _seller(row) for row in _rows(BRANDS, list({row[1] for row in customers}))}
    known = chain(chain.from_iterable(owned.values()), waited)
    billed = list_billed_lines(line_horizons(known, about_to_change))
    invoice_ids = {line.invoice_id for lines in billed.values() for line in lines if line.invoice_id}
    open_minor = dict(_rows(OPEN_INVOICES, list(invoice_ids)))
    vouchers: dict[uuid.UUID, list[Voucher]] = defaultdict(list)
    for row in _rows(VOUCHERS, ids):
        vouchers[row[0]].append(_voucher(row))
    balances: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    for customer_id, currency, balance_minor in _rows(BALANCES, ids):
        balances[customer_id][currency] = balance_minor
    accounts = {}
    for row in customers:
        customer_id = row[0]
        mine, steps = tuple(owned[customer_id]), waiting.get(customer_id, ())
        agreed = chain(mine, *(step.agreements for step in steps))
        item_ids = [item.item_id for agreement in agreed for item in agreement.items]
        accounts[customer_id] = _account(
            row,
            sellers[row[1]],
            agreements=mine,
            billed={item_id: billed[item_id] for item_id in item_ids if item_id in billed},
            vouchers=tuple(vouchers[customer_id]),
            balances_minor=balances[customer_id],
            open_minor=open_minor,
            waiting=steps,
        )
    return accounts


def line_horizons(
    agreements: Iterable[Agreement], about_to_change: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, datetime]:
    """Return how far back each item's billed lines matter; items nothing can correct are left out.

    Usage looks back to the oldest period whose late window may be open, seats and minimum commitments to the running
    period, a backdated change to where it starts (Billing rules, section 8).
    """
    horizons: dict[uuid.UUID, datetime] = {}
    for agreement in agreements:
        if agreement.billed_to_at is None:
            continue
        segments = agreement_segments(agreement)
        # Usage looks back furthest: what the others ask is among the periods found for it.
        for item in sorted(agreement.items, key=lambda one: one.versions[-1].price.meter is None):
            changes = agreement.subscription_id in about_to_change
            found = [one for one in _item_horizons(agreement, item, segments, changes) if one is not None]
            if found:
                horizons[item.item_id] = min(*found, horizons.get(item.item_id, found[0]))
    return horizons


def _item_horizons(
    agreement: Agreement, item: Item, segments: tuple[Segment, ...], changes: bool
) -> Iterator[datetime | None]:
    """Yield from when on an item's billed lines matter to its licensed prices, its metered ones, its minimum."""
    billed_to = agreement.billed_to_at
    if billed_to is None:
        return
    prices = [version.price for version in item.versions]
    if any(price.meter is None for price in prices):
        # A change at the very boundary may end the period before it.
        yield _period_before(agreement, item, segments) if changes else looks_back_to(agreement, item, segments)
    if any(price.meter is not None for price in prices):
        at = rerated_from(agreement, billed_to)
    elif any(price.minimum_commitment_minor is not None for price in prices):
        at = billed_to
    else:
        return
    if agreement.dirty_from is not None:
        at = min(at, agreement.dirty_from)
    for interval in item_intervals(item):
        period = period_at(segments, interval, at)
        yield None if period is None else period.full.start


def _period_before(agreement: Agreement, item: Item, segments: tuple[Segment, ...]) -> datetime | None:
    """Return the start of the period just before the one to which an item is billed, its own start where none was."""
    start = horizon(agreement, item, segments)
    held = None if start is None else item.version_at(start - JUST_BEFORE)
    if start is None or held is None or held.price.interval is None:
        return start
    period = period_at(segments, held.price.interval, start - JUST_BEFORE)
    return start if period is None else min(start, period.start)


def _rows(statement: str, ids: list[uuid.UUID]) -> list[tuple[Any, ...]]:
    """Run one statement over a list of ids."""
    return fetch_rows(statement, [array_text(ids)])


def _json(value: Any) -> Any:
    """Return a jsonb column's value, which Django's cursors hand over as text."""
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _seller(row: tuple[Any, ...]) -> SellerTerms:
    """Return one brand as the seller of its invoices."""
    (brand_id, code, name, legal_name, street_one, street_two, city, region, postcode, country, email) = row[:11]
    (tax_number, vat_registered, registrations, one_stop_shop, tax_point, export, zone, terms_days) = row[11:19]
    iban, bic, group, grace_days = row[19:]
    in_advance, in_arrears = _tax_points(tax_point, country)
    return SellerTerms(
        brand_id=brand_id,
        code=code,
        tax=Seller(
            country=country,
            state=region,
            registrations=frozenset(_json(registrations)),
            one_stop_shop=one_stop_shop,
            export=export,
            tax_number=tax_number,
            vat_registered=vat_registered,
        ),
        zone=zone,
        payment_terms_days=terms_days,
        tax_point_in_advance=in_advance,
        tax_point_in_arrears=in_arrears,
        party={
            "name": legal_name or name,
            "street_line_one": street_one,
            "street_line_two": street_two,
            "city": city,
            "region": region,
            "postcode": postcode,
            "country": country,
            "email": email,
            "tax_number": tax_number,
            "iban": iban,
            "bic": bic,
        },
        group=group,
        grace_days=grace_days,
    )


def _tax_points(chosen: str, country: str) -> tuple[str, str]:
    """Return the tax points in advance and in arrears (Billing rules, section 7, New lines)."""
    if country == "DE":
        return "period_end", "period_end"
    return chosen or "period_start", chosen or "period_end"


def _account(row: tuple[Any, ...], seller: SellerTerms, **history: Any) -> Account:
    """Return one customer, with what was read of them elsewhere."""
    (customer_id, _, email, name, disabled, billing_type, type_, company_name, street_one, street_two, city) = row[:11]
    (region, postcode, country, tax_number, check, exempt, standard_rate, digital_rate, locale, zone) = row[11:21]
    buyer_reference, payment_method_id = row[21:]
    buyer = Buyer(
        country=country,
        state=region,
        is_business=type_ == "business",
        tax_number=tax_number,
        tax_number_checked=check in {"format", "confirmed"},
        exempt=exempt,
        standard_tax_rate=standard_rate,
        digital_tax_rate=digital_rate,
    )
    return Account(
        customer_id=customer_id,
        seller=seller,
        buyer=buyer,
        billing_type=billing_type,
        zone=zone or seller.zone,
        locale=locale,
        payment_method_id=payment_method_id,
        party={
            "name": name,
            "company_name": company_name,
            "email": email,
            "street_line_one": street_one,
            "street_line_two": street_two,
            "city": city,
            "region": region,
            "postcode": postcode,
            "country": country,
            "tax_number": tax_number,
            "buyer_reference": buyer_reference,
            "checked_business": buyer.is_checked_business,
        },
        disabled=disabled,
        **history,
    )


def _voucher(row: tuple[Any, ...]) -> Voucher:
    """Return one running redemption as a voucher."""
    _, redemption_id, voucher_id, type_, percent, duration, remaining, amounts, plans, counted = row
    listed = _json(amounts) or []
    return Voucher(
        voucher_id=str(voucher_id),
        redemption_id=str(redemption_id),
        kind=type_,
        percent=percent,
        amounts=tuple((currency, amount) for currency, amount, _ in listed if amount is not None),
        minimums=tuple((currency, minimum) for currency, _, minimum in listed if minimum is not None),
        duration=duration,
        remaining=remaining,
        plan_ids=frozenset(_json(plans) or ()),
        counted=tuple((one, datetime.fromisoformat(until)) for one, until in _json(counted) or ()),
    )
