"""Read agreements as values, for many customers at once by a constant number of statements."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from django.conf import settings

from core.domain.schedule import Interval
from core.rows import array_text, fetch_rows
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pricing import PriceType, Rating, Tier
from subscriptions.domain.terms import (
    Agreement,
    CalendarVersion,
    Item,
    ItemVersion,
    MeterTerms,
    PendingChange,
    PriceTerms,
)

SUBSCRIPTIONS = """
SELECT s.id, s.customer_id, s.status, s.currency, s.started_at,
       (SELECT m.id FROM customers_paymentmethod m WHERE m.id = s.payment_method_id AND m.removed_at IS NULL),
       s.billed_to_at, s.next_due_at, s.trial_end_at, s.cancel_at, s.dirty_from, p.is_trial_standalone, s.cancel_refund,
       (SELECT jsonb_agg(jsonb_build_array(d.from_at, d.to_at)) FROM customers_disabledstretch d
        WHERE d.customer_id = s.customer_id)
FROM subscriptions_subscription s JOIN subscriptions_plan p ON p.id = s.plan_id
WHERE s.customer_id = ANY(%s::uuid[]) AND s.next_due_at IS NOT NULL
ORDER BY s.id
"""
ONE_SUBSCRIPTION = SUBSCRIPTIONS.replace(
    "s.customer_id = ANY(%s::uuid[]) AND s.next_due_at IS NOT NULL", "s.id = ANY(%s::uuid[])"
)
CALENDAR = """
SELECT t.subscription_id, t.version, t.from_at, t.phase, t.plan_id, p.name, t.anchor_wall, t.interval,
       t.interval_count, t.time_zone, t.alignment, t.resumes, t.credits_unused
FROM subscriptions_subscriptionterms t JOIN subscriptions_plan p ON p.id = t.plan_id
WHERE t.subscription_id = ANY(%s::uuid[]) ORDER BY t.subscription_id, t.version
"""
ITEMS = """
SELECT i.subscription_id, i.id, i.position, t.version, t.from_at, t.price_id, t.quantity, t.change,
       t.proration
FROM subscriptions_subscriptionitem i JOIN subscriptions_itemterms t ON t.item_id = i.id
WHERE i.subscription_id = ANY(%s::uuid[]) ORDER BY i.subscription_id, i.position, t.version
"""
PENDING = """
SELECT c.subscription_id, c.id, c.kind, c.due_at, c.plan_id, coalesce(p.name, ''), c.price_id, c.quantity, c.item_id,
       c.proration, c.at_boundary
FROM subscriptions_pendingchange c LEFT JOIN subscriptions_plan p ON p.id = c.plan_id
WHERE c.subscription_id = ANY(%s::uuid[]) AND c.settled_at IS NULL ORDER BY c.due_at, c.id
"""
PRICES = """
SELECT p.id, p.product_id, product.name, p.currency, p.type, p.unit_price, p.tiers, p.units, p.free_units, p.rate,
       p.fixed, p.free_events, p.minimum_minor, p.maximum_minor, p.interval, p.interval_count, p.billing_timing,
       p.including_tax, p.minimum_commitment_minor, p.proration_up, p.proration_down, product.tax_type_id,
       coalesce(tax_type.digital, fallback.digital, false), product.physical, product.tax_rate,
       coalesce(tax_type.export, fallback.export, ''), p.metric_type, metric.id, metric.name, metric.code,
       metric.aggregation, metric.aggregation_property,
       (SELECT jsonb_agg(jsonb_build_array(f.name, f.value, f.type) ORDER BY f.id)
        FROM subscriptions_metricfilter f WHERE f.metric_id = metric.id)
FROM subscriptions_price p
JOIN subscriptions_product product ON product.id = p.product_id
LEFT JOIN subscriptions_taxtype tax_type ON tax_type.id = product.tax_type_id
LEFT JOIN subscriptions_taxtype fallback ON fallback."default"
LEFT JOIN subscriptions_metric metric ON metric.id = p.metric_id
WHERE p.id = ANY(%s::uuid[])
"""


def list_due_agreements(customer_ids: Sequence[uuid.UUID]) -> tuple[Agreement, ...]:
    """Return every subscription of these customers that has something ahead, by five statements."""
    return _agreements(SUBSCRIPTIONS, customer_ids)


def list_agreements(subscription_ids: Sequence[uuid.UUID]) -> tuple[Agreement, ...]:
    """Return these subscriptions as agreements, by five statements."""
    return _agreements(ONE_SUBSCRIPTION, subscription_ids)


def list_price_terms(price_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PriceTerms]:
    """Return prices with all that decides a charge, by one statement."""
    return {row[0]: _price_terms(row) for row in _rows(PRICES, list(price_ids))}


def _agreements(statement: str, ids: Sequence[uuid.UUID]) -> tuple[Agreement, ...]:
    """Read subscriptions, their calendars, items and prices, and put them together."""
    subscriptions = _rows(statement, list(ids))
    subscription_ids = [row[0] for row in subscriptions]
    calendars: dict[uuid.UUID, list[CalendarVersion]] = defaultdict(list)
    for row in _rows(CALENDAR, subscription_ids):
        interval = _interval(row[7], row[8])
        version, from_at, phase, plan_id, plan_name, anchor_wall = row[1:7]
        calendar = calendars[row[0]]
        while calendar and calendar[-1].from_at > from_at:
            # A later version replaces what was planned.
            calendar.pop()
        calendar.append(CalendarVersion(version, from_at, phase, plan_id, plan_name, anchor_wall, interval, *row[9:13]))
    terms = _rows(ITEMS, subscription_ids)
    waiting = _rows(PENDING, subscription_ids)
    prices = list_price_terms({row[5] for row in terms} | {row[6] for row in waiting if row[6] is not None})
    pending: dict[uuid.UUID, list[PendingChange]] = defaultdict(list)
    for subscription_id, *values, price_id, quantity, item_id, proration, at_boundary in waiting:
        change_id, kind, due_at, plan_id, plan_name = values
        change = PendingChange(
            change_id,
            kind,
            due_at,
            plan_id,
            plan_name,
            prices.get(price_id),
            quantity=quantity,
            item_id=item_id,
            proration=proration,
            at_boundary=at_boundary,
        )
        pending[subscription_id].append(change)
    items: dict[uuid.UUID, list[Item]] = defaultdict(list)
    for item_id, rows in groupby(terms, key=itemgetter(1)):
        history = list(rows)
        subscription_id, _, position = history[0][:3]
        versions = tuple(
            ItemVersion(version, from_at, prices[price_id], quantity, change, proration)
            for *_, version, from_at, price_id, quantity, change, proration in history
        )
        items[subscription_id].append(Item(item_id, position, versions))
    late_window = timedelta(days=settings.USAGE_LATE_DAYS)
    return tuple(
        Agreement(
            subscription_id=row[0],
            customer_id=row[1],
            status=Status(row[2]),
            currency=row[3],
            started_at=row[4],
            calendar=tuple(calendars[row[0]]),
            items=tuple(items[row[0]]),
            payment_method_id=row[5],
            billed_to_at=row[6],
            next_due_at=row[7],
            trial_end_at=row[8],
            cancel_at=row[9],
            dirty_from=row[10],
            trial_standalone=row[11],
            late_window=late_window,
            pending=tuple(pending[row[0]]),
            cancel_refund=row[12],
            disabled=_stretches(row[13]) if row[13] else (),
        )
        for row in subscriptions
    )


def _rows(statement: str, ids: list[uuid.UUID]) -> list[tuple[Any, ...]]:
    """Run one statement over a list of ids."""
    return fetch_rows(statement, [array_text(ids)])


@lru_cache(maxsize=256)
def _interval(unit: str, count: int) -> Interval | None:
    """Return an interval, None for a one-off."""
    return None if unit == "one_off" else Interval(unit, count)  # type: ignore[arg-type]


def _json(text: str | list[Any]) -> Any:
    """Return a jsonb column's value, which Django's cursors hand over as text."""
    return msgspec.json.decode(text) if isinstance(text, str) else text


def _stretches(text: str | list[Any]) -> tuple[tuple[datetime, datetime], ...]:
    """Return stretches of time from their jsonb."""
    return tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in _json(text))


def _price_terms(row: tuple[Any, ...]) -> PriceTerms:
    """Return one price from its row."""
    (price_id, product_id, product_name, currency, type_, unit_price, tiers, units, free_units, rate, fixed) = row[:11]
    (free_events, minimum, maximum, unit, count, timing, including_tax, commitment, up, down) = row[11:21]
    (tax_type_id, digital, physical, product_rate, export, metric_type, metric_id) = row[21:28]
    meter = None
    if metric_id is not None:
        name, code, aggregation, aggregation_property, filters = row[28:33]
        meter = MeterTerms(
            metric_id=metric_id,
            name=name,
            code=code,
            aggregation=aggregation,
            property=aggregation_property,
            filters=tuple((f[0], f[1], f[2]) for f in (_json(filters) if filters else ())),
            continuous=metric_type == "continuous",
        )
    rating = Rating(
        type=PriceType(type_),
        unit_price=unit_price,
        tiers=tuple(Tier(**tier) for tier in _json(tiers)),
        units=units,
        free_units=free_units,
        rate=rate,
        fixed=fixed,
        free_events=free_events,
        minimum=minimum,
        maximum=maximum,
    )
    return PriceTerms(
        price_id=price_id,
        product_id=product_id,
        product_name=product_name,
        currency=currency,
        rating=rating,
        interval=_interval(unit, count),
        timing=timing,
        including_tax=including_tax,
        meter=meter,
        minimum_commitment_minor=commitment,
        proration_up=up,
        proration_down=down,
        tax_type_id=tax_type_id,
        digital=digital,
        physical=physical,
        product_rate=product_rate,
        export=export,
    )
