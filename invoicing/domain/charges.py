"""What should be charged: the charges of one subscription up to a moment, less those already billed.

Billing rules, sections 3, 4, 5 and 8: an invoice is a difference. A charge whose moment lies after `billed_to_at` is
regular (revision 0); what corrects a charge billed before takes the following revisions.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from invoicing.domain.charge import COUNTS, JUST_BEFORE, ONE_OFF, BilledLine, Charge, ItemCase, TaxPoint
from invoicing.domain.commitments import minimum_charges
from invoicing.domain.licensed import licensed_charges
from invoicing.domain.metered import metered_charges
from subscriptions.domain.periods import agreement_segments
from subscriptions.domain.pricing import price_quantity
from subscriptions.domain.terms import Agreement
from usage.domain.aggregation import UsageFigure


def charges(
    agreement: Agreement,
    moment: datetime,
    billed: Mapping[uuid.UUID, tuple[BilledLine, ...]],
    figures: Mapping[Any, UsageFigure],
    tax_point: TaxPoint,
    *,
    seats_now: bool = False,
) -> tuple[Charge, ...]:
    """Return everything a subscription owes up to a moment that is not billed yet, items in order.

    `billed` holds each item's lines in the horizon, `figures` the answers to `usage_windows`. `seats_now` bills changes
    of seats that would wait for the next boundary.
    """
    segments = agreement_segments(agreement)
    found: list[Charge] = []
    for item in agreement.items:
        known = billed.get(item.item_id, ())
        lines = tuple(line for line in known if line.use == COUNTS)
        others = () if len(lines) == len(known) else tuple(line for line in known if line.use != COUNTS)
        case = ItemCase(agreement, item, segments, moment, lines, tax_point, others, seats_now)
        price = item.versions[-1].price
        if price.is_one_off:
            found.extend(_one_off(case))
            continue
        has_meter = [one.price.meter is not None for one in item.versions]
        own = () if all(has_meter) else tuple(licensed_charges(case))
        if any(has_meter):
            own = (*own, *metered_charges(case, figures))
        found.extend(own)
        found.extend(minimum_charges(case, own))
    return tuple(found)


def _one_off(case: ItemCase) -> Iterator[Charge]:
    """Yield the single charge of a one-off item, at the first moment it is paid service."""
    first = case.item.versions[0]
    for segment in case.segments:
        at = max(segment.start, first.from_at)
        if segment.end is not None and at >= segment.end:
            continue
        came_just_then = bool(first.proration) and at == case.agreement.billed_to_at and not case.lines
        if at <= case.moment and (case.is_new(at) or came_just_then):
            version = segment.version_at(at)
            for part in price_quantity(first.price.rating, Decimal(first.quantity)):
                yield Charge(
                    subscription_id=case.agreement.subscription_id,
                    item_id=case.item.item_id,
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
                    tax_date=case.tax_point.date_of(at, at + JUST_BEFORE, arrears=False),
                    in_arrears=False,
                    terms_version=first.version,
                    opens_period=True,
                    proof={"steps": part.steps},
                )
        return
