"""Charges that make up for a minimum commitment that was not used (Billing rules, section 3).

Shortfall = sum over stretches of minimum x days / period days, minus the price's lines of those stretches before
discounts; at least 0. Late usage of a period billed before lowers what was made up for it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction as Exact

from core.domain.rounding import round_half_away
from invoicing.domain.charge import MINIMUM, Charge, ItemCase, Slice, charge_of
from invoicing.domain.metered import rerated_from
from subscriptions.domain.periods import ServicePeriod


def minimum_charges(case: ItemCase, own: Sequence[Charge]) -> Iterator[Charge]:
    """Yield the shortfall of each period that ends, and what late usage among `own`, the item's charges, moves of one.

    February 2023 from the 4th, minimum 1000000, fee 100000 -> 803571. 10000 made up to by 9000, then 500 of late usage
    -> -500.
    """
    if all(one.price.minimum_commitment_minor is None for one in case.item.versions):
        return
    for metered in (False, True):
        after = case.agreement.billed_to_at
        if after is not None and metered:
            after = rerated_from(case.agreement, after)
        for period, stretches in case.stretches_after(after, metered=metered):
            moved = any(period.start <= charge.period_start < period.end for charge in own)
            if period.end <= case.moment and (moved or case.is_new(period.end)):
                yield from _shortfall(case, period, stretches, own)


def _shortfall(
    case: ItemCase, period: ServicePeriod, stretches: Sequence[Slice], own: Sequence[Charge]
) -> Iterator[Charge]:
    """Yield what a period that is over still lacks of its minimum, less what was made up before."""
    wanted, last = _wanted(period, stretches)
    if last is None:
        return
    charged = sum(charge.amount_minor for charge in own if period.start <= charge.period_start < period.end)
    lines = [line for line in case.lines if period.start <= line.period_start < period.end]
    charged += sum(line.amount_minor for line in lines if line.kind != MINIMUM)
    stood = [line for line in lines if line.kind == MINIMUM]
    amount_minor = max(wanted - charged, 0) - sum(line.amount_minor for line in stood)
    if not amount_minor:
        return
    yield charge_of(
        case,
        last,
        kind=MINIMUM,
        period_start=period.start,
        period_end=period.end,
        tier=0,
        revision=0 if case.is_new(period.end) else 1 + max((line.revision for line in stood), default=0),
        description=last.price.product_name,
        quantity=Decimal(1),
        unit_price=None,
        amount_minor=amount_minor,
        tax_date=case.tax_point.date_of(period.start, period.end, arrears=True),
        in_arrears=True,
        discountable=False,
        treatment=stood[0].treatment if stood else None,
        corrects=stood[0].invoice_id if stood else None,
        proof={"minimum": wanted, "charged": charged, "billed_before": sum(line.amount_minor for line in stood)},
    )


def _wanted(period: ServicePeriod, stretches: Sequence[Slice]) -> tuple[int, Slice | None]:
    """Return the minimum of a period, by the days each price was served, with the last stretch that had one."""
    wanted, last = Exact(0), None
    for stretch in stretches:
        minimum = stretch.price.minimum_commitment_minor
        if minimum is not None:
            shares = [stretch.share(stretch.start, stretch.end)]
            shares += [
                stretch.share(min(hole.end, stretch.end), max(hole.start, stretch.start))
                for hole in period.holes
                if hole.start < stretch.end and stretch.start < hole.end
            ]
            wanted += sum(Exact(minimum * share.numerator, share.denominator) for share in shares)
            last = stretch
    return round_half_away(wanted), last
