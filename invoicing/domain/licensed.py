"""Charges for what was agreed whatever is used: recurring prices, changes of seats (Billing rules, sections 3, 5)."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction as Exact
from typing import Any

from core.domain.rounding import divide_half_away, round_half_away
from invoicing.domain.charge import JUST_BEFORE, RECURRING, SEATS, Charge, ItemCase, Slice, charge_of, slices
from invoicing.domain.proration import Fraction
from subscriptions.domain.pricing import exact_price, price_quantity
from subscriptions.domain.terms import ARREARS

SEAT_CHANGES = frozenset({"added", "removed"})


def licensed_charges(case: ItemCase) -> Iterator[Charge]:
    """Yield the recurring and seat charges of a licensed item."""
    interval = case.item.versions[-1].price.interval
    if interval is None:
        return
    for period in case.open_periods(interval):
        for stretch in slices(case.item, period):
            in_arrears = stretch.price.timing == ARREARS
            regular: list[Charge] = []
            is_over = period.end <= case.moment
            if case.is_new(period.end if in_arrears else stretch.start) and (is_over or not in_arrears):
                regular = list(_recurring(case, stretch))
                yield from regular
            if is_over:
                yield from _seats(case, stretch, regular)


def _recurring(case: ItemCase, stretch: Slice) -> Iterator[Charge]:
    """Yield the charge of one stretch at the seats it began with, a line per tier of a graduated price.

    In advance a stretch is charged to the end of its period, whatever may cut it later.
    """
    in_arrears = stretch.price.timing == ARREARS
    end = stretch.end if in_arrears else stretch.period.end
    fraction = stretch.share(stretch.start, end)
    for part in price_quantity(stretch.price.rating, Decimal(stretch.version.quantity)):
        amount_minor = part.amount_minor if fraction.is_whole else _shared(part.exact, fraction)
        proof: dict[str, Any] = {"steps": part.steps}
        if not fraction.is_whole:
            proof["fraction"] = [fraction.numerator, fraction.denominator]
        yield charge_of(
            case,
            stretch,
            kind=RECURRING,
            period_start=stretch.start,
            period_end=end,
            tier=part.tier,
            revision=0,
            description=_plan_description(stretch),
            quantity=part.quantity,
            unit_price=part.unit_price,
            amount_minor=amount_minor,
            tax_date=case.tax_point.date_of(stretch.start, end, arrears=in_arrears),
            in_arrears=in_arrears,
            fraction=fraction,
            proof=proof,
        )


def _plan_description(stretch: Slice) -> str:
    """Name what is charged: the plan for the plan's own price, the product for an add-on."""
    return stretch.period.plan_name if stretch.item.position == 0 else stretch.price.product_name


def _shared(exact: Decimal, fraction: Fraction) -> int:
    """Round an exact amount times a share once, at the end."""
    return round_half_away(Exact(exact) * Exact(fraction.numerator, fraction.denominator))


def _seats(case: ItemCase, stretch: Slice, regular: list[Charge]) -> Iterator[Charge]:
    """Yield a line for each change of seats inside a stretch: round(area after it) - the item's lines so far.

    Area is the sum of price(seats) x share of the period, so tiers and packages take price(after) - price(before)
    (Billing rules, section 5, Seats): 1000 a seat, 31 days, one more after 1, 2 and 6 days -> 968, 935, 807.
    """
    moments = sorted(
        {
            v.from_at
            for v in stretch.item.versions
            if v.change in SEAT_CHANGES and stretch.start <= v.from_at < stretch.end
        }
    )
    if not moments:
        return
    base = [line for line in case.lines if line.kind == RECURRING and line.period_start == stretch.start]
    settled = {
        line.period_start: line
        for line in case.lines
        if line.kind == SEATS and stretch.start <= line.period_start < stretch.end
    }
    so_far = sum(charge.amount_minor for charge in regular) + sum(line.amount_minor for line in base)
    so_far += sum(line.amount_minor for line in settled.values())
    discounted, charged = sum(line.discount_minor for line in base), sum(line.amount_minor for line in base)
    for at in moments:
        if at in settled:
            continue
        area = round_half_away(_area(stretch, until=at))
        amount_minor = area - so_far
        if amount_minor == 0:
            continue
        so_far = area
        before = stretch.item.version_at(at - JUST_BEFORE)
        after = stretch.item.version_at(at) or stretch.version
        delta = after.quantity - (before.quantity if before else 0)
        share = stretch.share(at, stretch.end)
        removed = amount_minor < 0
        yield charge_of(
            case,
            stretch,
            kind=SEATS,
            period_start=at,
            period_end=stretch.end,
            tier=0,
            revision=0,
            description=_plan_description(stretch),
            quantity=Decimal(delta),
            unit_price=None,
            amount_minor=amount_minor,
            tax_date=case.tax_point.date_of(stretch.start, stretch.end, arrears=stretch.price.timing == ARREARS),
            in_arrears=True,
            fraction=share,
            discountable=not removed,
            discount_minor=divide_half_away(amount_minor * discounted, charged) if removed and charged > 0 else 0,
            treatment=base[0].treatment if removed and base else None,
            corrects=base[0].invoice_id if removed and base else None,
            takes_back_from=stretch.start if removed and regular else None,
            proof={"area": area, "seats": after.quantity, "fraction": [share.numerator, share.denominator]},
        )


def _area(stretch: Slice, *, until: datetime) -> Exact:
    """Sum price(seats) x share over the stretch, with the seats as they stand after the changes up to `until`."""
    starts = sorted(
        {stretch.start} | {v.from_at for v in stretch.item.versions if stretch.start < v.from_at <= until < stretch.end}
    )
    total = Exact(0)
    for position, start in enumerate(starts):
        end = starts[position + 1] if position + 1 < len(starts) else stretch.end
        version = stretch.item.version_at(start) or stretch.version
        share = stretch.share(start, end)
        price = exact_price(stretch.price.rating, Decimal(version.quantity))
        total += Exact(price) * Exact(share.numerator, share.denominator)
    return total
