"""Charges for what was used: the questions about usage, and what the answers cost.

Billing rules, section 4. Usage of periods already billed is rated again while their late window may have been open,
and only what moved is charged, by that period's terms, discount and tax.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.domain.decimals import decimal_text
from core.domain.rounding import divide_half_away
from invoicing.domain.charge import USAGE, Charge, ItemCase, Slice, charge_of, slices
from subscriptions.domain.periods import Segment, agreement_segments, item_intervals, service_periods
from subscriptions.domain.pricing import PricedPart, PriceType
from subscriptions.domain.terms import Agreement, Item, PriceTerms
from usage.domain.aggregation import UsageFigure
from usage.domain.rating import Rated
from usage.domain.window import UsageWindow

IN_FLIGHT = timedelta(days=1)
"""How much longer than accepted late usage is looked for: an intake that was open during a run commits after it."""


def rerated_from(agreement: Agreement, billed_to: datetime) -> datetime:
    """Return the end before which a billed period can have received no usage since the run at `billed_to`."""
    return billed_to - agreement.late_window - IN_FLIGHT


def rated_usage(
    agreement: Agreement, item: Item, segments: tuple[Segment, ...], moment: datetime
) -> Iterator[tuple[Slice, bool]]:
    """Yield the usage stretches to rate at a moment, each with whether it was billed before (then only moves count)."""
    if all(version.price.meter is None for version in item.versions):
        return
    billed_to = agreement.billed_to_at
    after = None if billed_to is None else rerated_from(agreement, billed_to)
    if after is not None and agreement.dirty_from is not None:
        after = min(after, agreement.dirty_from)
    for interval in item_intervals(item):
        for period in service_periods(segments, interval, after, moment):
            if period.end > moment or agreement.passed_disabled(period.end):
                continue
            for stretch in slices(item, period):
                if stretch.price.meter is not None and stretch.price.interval == interval:
                    yield stretch, billed_to is not None and period.end <= billed_to


def usage_windows(agreement: Agreement, moment: datetime) -> Iterator[UsageWindow]:
    """Yield the questions about usage that the charges of a moment need answered."""
    segments = agreement_segments(agreement)
    for item in agreement.items:
        for stretch, _ in rated_usage(agreement, item, segments, moment):
            yield from rated_stretch(agreement, stretch).windows()


def rated_stretch(agreement: Agreement, stretch: Slice) -> Rated:
    """Return a stretch as what asks about its usage and prices it."""
    key = (stretch.item.item_id, stretch.start)
    return Rated(key, agreement.subscription_id, stretch.price, stretch.start, stretch.end)


def metered_charges(case: ItemCase, figures: Mapping[Any, UsageFigure]) -> Iterator[Charge]:
    """Yield the charges of a metered item: a line per tier, and one for each stretch billed before that moved."""
    for stretch, was_billed in rated_usage(case.agreement, case.item, case.segments, case.moment):
        rated = rated_stretch(case.agreement, stretch)
        figure, before, parts = rated.figure(figures), rated.before(figures), rated.parts(figures)
        stands = any(line.kind == USAGE and line.period_start == stretch.start for line in case.lines)
        # What was billed to a cut that has been undone since is moved too; what was freed is charged anew.
        if stands or (was_billed and not case.was_freed(USAGE, stretch.start)):
            yield from _moved_usage(case, stretch, parts, figure, before)
        else:
            for part in parts:
                yield _usage_charge(case, stretch, part, figure, before)


def _moved_usage(
    case: ItemCase,
    stretch: Slice,
    parts: tuple[PricedPart, ...],
    figure: UsageFigure,
    before: UsageFigure | None,
) -> Iterator[Charge]:
    """Yield what late events changed of a stretch billed before: one signed line, by that period's discount and tax.

    The discount is the regular lines' share of what the stretch now comes to, less what was given before: whatever
    comes late and is taken back again leaves nothing behind.
    """
    stood = [line for line in case.lines if line.kind == USAGE and line.period_start == stretch.start]
    amount, billed = sum(part.amount_minor for part in parts), sum(line.amount_minor for line in stood)
    if amount == billed:
        return
    regular = [line for line in stood if not line.revision]
    regular_amount = sum(line.amount_minor for line in regular)
    regular_discount = sum(line.discount_minor for line in regular)
    discount = divide_half_away(amount * regular_discount, regular_amount) if regular_amount > 0 else 0
    given = sum(line.discount_minor for line in stood)
    yield charge_of(
        case,
        stretch,
        kind=USAGE,
        period_start=stretch.start,
        period_end=stretch.end,
        tier=0,
        revision=max(case.next_revision(USAGE, stretch.start), 1),
        description=_meter_name(stretch),
        quantity=sum((part.quantity for part in parts), Decimal(0)) - sum((one.quantity for one in stood), Decimal(0)),
        unit_price=None,
        amount_minor=amount - billed,
        tax_date=case.tax_point.date_of(stretch.start, stretch.end, arrears=True, late=True),
        in_arrears=True,
        discountable=False,
        discount_minor=discount - given,
        treatment=stood[0].treatment if stood else None,
        corrects=stood[0].invoice_id if stood else None,
        proof={
            "window": _window(stretch),
            "events": figure.event_count,
            **_measured(stretch.price, figure, before),
            "late": True,
            "billed_before": billed,
            **({"late_discount": [regular_amount, regular_discount, given]} if given or discount else {}),
            "steps": "; ".join(part.steps for part in parts),
        },
    )


def _meter_name(stretch: Slice) -> str:
    """Name what is measured."""
    return stretch.price.meter.name if stretch.price.meter else stretch.price.product_name


def _window(stretch: Slice) -> list[str]:
    """Return the stretch of time whose events are counted, as a proof keeps it."""
    return [stretch.start.isoformat(), stretch.end.isoformat()]


def _measured(price: PriceTerms, figure: UsageFigure, before: UsageFigure | None) -> dict[str, Any]:
    """Return what was measured, as a proof keeps it: all that `price_usage` is given."""
    if price.rating.type is PriceType.PERCENTAGE:
        return {"charged_sum": decimal_text(figure.charged_sum), "charged_count": figure.charged_count}
    measured = {"quantity": decimal_text(figure.quantity)}
    return measured if before is None else {**measured, "before": decimal_text(before.quantity)}


def _usage_charge(
    case: ItemCase, stretch: Slice, part: PricedPart, figure: UsageFigure, before: UsageFigure | None
) -> Charge:
    """Return the regular charge of one tier of a stretch's usage."""
    return charge_of(
        case,
        stretch,
        kind=USAGE,
        period_start=stretch.start,
        period_end=stretch.end,
        tier=part.tier,
        revision=case.next_revision(USAGE, stretch.start),
        description=_meter_name(stretch),
        quantity=part.quantity,
        unit_price=part.unit_price,
        amount_minor=part.amount_minor,
        tax_date=case.tax_point.date_of(stretch.start, stretch.end, arrears=True),
        in_arrears=True,
        opens_period=True,
        proof={
            "window": _window(stretch),
            "events": figure.event_count,
            **_measured(stretch.price, figure, before),
            "steps": part.steps,
        },
    )
