"""What should be charged: the charges of one subscription up to a moment, less those already billed.

Billing rules, sections 3, 4, 5 and 8: an invoice is a difference. A charge whose moment lies after `billed_to_at` is
regular (revision 0); what corrects a charge billed before takes the following revisions.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction as Exact
from typing import Any

from core.domain.rounding import round_half_away
from invoicing.domain.charge import (
    JUST_BEFORE,
    MINIMUM,
    ONE_OFF,
    BilledLine,
    Charge,
    TaxPoint,
    is_new,
    slices,
)
from invoicing.domain.licensed import licensed_charges
from invoicing.domain.metered import rated_usage, usage_charges
from subscriptions.domain.pricing import price_quantity
from subscriptions.domain.terms import Agreement, Item, Segment, paid_segments, service_periods
from usage.domain.aggregation import UsageFigure


def charges(
    agreement: Agreement,
    moment: datetime,
    billed: Mapping[uuid.UUID, tuple[BilledLine, ...]],
    figures: Mapping[Any, UsageFigure],
    tax_point: TaxPoint,
) -> tuple[Charge, ...]:
    """Return everything a subscription owes up to a moment that is not billed yet, items in order.

    `billed` holds each item's lines in the horizon, `figures` the answers to `usage_windows`.
    """
    segments = paid_segments(agreement.calendar)
    found: list[Charge] = []
    for item in agreement.items:
        lines = billed.get(item.item_id, ())
        price = item.versions[-1].price
        if price.is_one_off:
            found.extend(_one_off(agreement, item, segments, moment, tax_point))
        elif price.meter is not None:
            own = [
                charge
                for stretch, was_billed in rated_usage(agreement, item, moment)
                for charge in usage_charges(agreement, stretch, was_billed, lines, figures, tax_point)
            ]
            found.extend(own)
            found.extend(_minimums(agreement, item, segments, moment, lines, own, tax_point))
        elif price.interval is not None:
            own = list(licensed_charges(agreement, item, segments, moment, lines, tax_point))
            found.extend(own)
            found.extend(_minimums(agreement, item, segments, moment, lines, own, tax_point))
    return tuple(found)


def _one_off(
    agreement: Agreement, item: Item, segments: tuple[Segment, ...], moment: datetime, tax_point: TaxPoint
) -> Iterator[Charge]:
    """Yield the single charge of a one-off item, at the first moment it is paid service."""
    first = item.versions[0]
    for segment in segments:
        at = max(segment.start, first.from_at)
        if segment.end is not None and at >= segment.end:
            continue
        if at <= moment and is_new(at, agreement):
            version = segment.version_at(at)
            for part in price_quantity(first.price.rating, Decimal(first.quantity)):
                yield Charge(
                    subscription_id=agreement.subscription_id,
                    item_id=item.item_id,
                    kind=ONE_OFF,
                    period_start=at,
                    period_end=at,
                    tier=part.tier,
                    revision=0,
                    description=first.price.product_name,
                    quantity=part.quantity,
                    unit_price=part.unit_price,
                    amount_minor=part.amount_minor,
                    price=first.price,
                    plan_id=version.plan_id,
                    tax_date=tax_point.date_of(at, at + JUST_BEFORE, arrears=False),
                    in_arrears=False,
                    terms_version=first.version,
                    proof={"steps": part.steps},
                )
        return


def _minimums(
    agreement: Agreement,
    item: Item,
    segments: tuple[Segment, ...],
    moment: datetime,
    lines: tuple[BilledLine, ...],
    own: list[Charge],
    tax_point: TaxPoint,
) -> Iterator[Charge]:
    """Yield the shortfall of a minimum commitment for each period that ends.

    Shortfall = sum over stretches of minimum x days / period days, minus the price's lines of those stretches before
    discounts; at least 0 (Billing rules, section 3): February 2023 from the 4th, 1000000, fee 100000 -> 803571.
    """
    interval = item.versions[-1].price.interval
    if interval is None or all(version.price.minimum_commitment_minor is None for version in item.versions):
        return
    for period in service_periods(segments, interval, agreement.billed_to_at, moment):
        if period.end > moment:
            continue
        wanted, last = Exact(0), None
        for stretch in slices(item, period):
            minimum = stretch.price.minimum_commitment_minor
            if minimum is not None:
                share = stretch.share(stretch.start, stretch.end)
                wanted += Exact(minimum * share.numerator, share.denominator)
                last = stretch
        charged = sum(c.amount_minor for c in own if period.start <= c.period_start < period.end)
        charged += sum(line.amount_minor for line in lines if period.start <= line.period_start < period.end)
        shortfall = round_half_away(wanted) - charged
        if last is None or shortfall <= 0:
            continue
        yield Charge(
            subscription_id=agreement.subscription_id,
            item_id=item.item_id,
            kind=MINIMUM,
            period_start=period.start,
            period_end=period.end,
            tier=0,
            revision=0,
            description=last.price.product_name,
            quantity=Decimal(1),
            unit_price=None,
            amount_minor=shortfall,
            price=last.price,
            plan_id=period.plan_id,
            tax_date=tax_point.date_of(period.start, period.end, arrears=True),
            in_arrears=True,
            terms_version=last.version.version,
            discountable=False,
            proof={"minimum": round_half_away(wanted), "charged": charged},
        )
