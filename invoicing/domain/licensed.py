"""Charges for what was agreed whatever is used: recurring prices, and what changes of them give back.

Billing rules, sections 3, 5 and 8. Where nothing has changed since the last bill, what has begun since is charged.
Where something has, everything owed since the horizon is laid out anew, and the difference to what stands on documents
is charged: so a change, its reversal and a second run need no rules of their own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from invoicing.domain.charge import (
    CREDIT,
    JUST_BEFORE,
    RECURRING,
    SEATS,
    BilledLine,
    Charge,
    ItemCase,
    Slice,
    charge_of,
    looks_back_to,
    proration_at,
)
from invoicing.domain.owed import LineKey, Owed, Standing, owed_lines, recurring_parts
from invoicing.domain.proration import FULL
from subscriptions.domain.terms import ARREARS, KEEP, PAUSED, CalendarVersion, PriceTerms


def licensed_charges(case: ItemCase) -> Iterator[Charge]:
    """Yield what a licensed item owes that is not billed yet."""
    billed_to = case.agreement.billed_to_at
    back_to = looks_back_to(case.agreement, case.item, case.segments)
    if billed_to is not None and back_to is None:
        yield from _begun(case)
    else:
        yield from _difference(case, back_to)


def _begun(case: ItemCase) -> Iterator[Charge]:
    """Yield the charges of stretches that have begun, or in arrears ended, since what was billed."""
    for period, stretches in case.stretches_after(case.agreement.billed_to_at):
        for stretch in stretches:
            in_arrears = stretch.price.timing == ARREARS
            if case.is_new(period.end if in_arrears else stretch.start) and (
                not in_arrears or period.end <= case.moment
            ):
                for owed in recurring_parts(stretch, stretch.start, stretch.end):
                    yield _charge(case, owed, owed.amount_minor, 0)


def _difference(case: ItemCase, back_to: datetime | None) -> Iterator[Charge]:
    """Yield the difference between what is owed since the horizon and what stands on documents."""
    standing = _standing(case, back_to)
    taken = Counter[tuple[str, datetime, int]]()
    for line in (*case.lines, *case.others):
        place = line.kind, line.period_start, line.tier
        taken[place] = max(taken[place], line.revision + 1)
    laid_out = list(owed_lines(case, back_to, standing))
    prices = {version.price.price_id: version.price for version in case.item.versions}
    for key, stood in standing.items():
        if stood.amount_minor and key.price_id in prices and _is_displaced(case, key, laid_out):
            place = key.kind, key.start, key.tier
            yield _reversal(case, prices[key.price_id], stood, taken[place])
            taken[place] += 1
    for owed in laid_out:
        already = standing.get(owed.key)
        if owed.anew and already is not None and already.amount_minor != owed.amount_minor:
            place = owed.kind, owed.start, owed.tier
            yield _reversal(case, owed.stretch.price, already, taken[place])
            taken[place] += 1
            already = already.taken_back()
        amount_minor = owed.amount_minor - (already.amount_minor if already is not None else 0)
        place = owed.kind, owed.start, owed.tier
        if amount_minor or (already is None and owed.kind == RECURRING and case.is_new(owed.due_at)):
            yield _charge(case, owed, amount_minor, taken[place], standing=already)
            taken[place] += 1


def _is_displaced(case: ItemCase, key: LineKey, laid_out: Sequence[Owed]) -> bool:
    """Tell whether what stands is not owed any more: other terms took its moment, or what took it gives back.

    What was paid for a stretch that ended at its very beginning stays, unless the end says otherwise.
    """
    if any(owed.key == key for owed in laid_out):
        return False
    if any(owed.keeps_earlier and owed.start == key.start for owed in laid_out):
        return not _was_charged_before(case, key)
    if any(owed.stretch.start <= key.start < owed.stretch.end for owed in laid_out):
        return True
    held = case.item.version_at(key.start)
    if held is None or not held.quantity:
        return True
    if held.price.price_id != key.price_id:
        # A price in arrears took its moment, of which nothing is owed yet; `full` gives nothing back.
        return proration_at(case.item, key.start) != FULL or not _was_charged_before(case, key)
    return _comes_back_where_nothing_was_served(case.agreement.calendar, key.start)


def _comes_back_where_nothing_was_served(calendar: Sequence[CalendarVersion], at: datetime) -> bool:
    """Tell whether what was paid from a moment on is given back, when an end or a pause came at that very moment.

    A pause gives back where it keeps, or where it ended in an end that does.
    """
    number = max((place for place, one in enumerate(calendar) if one.from_at <= at), default=0)
    held, following = calendar[number], calendar[number + 1] if number + 1 < len(calendar) else None
    if held.from_at != at or held.credits_unused or following is None:
        return held.from_at == at and held.credits_unused
    return following.resumes == KEEP or (held.phase == PAUSED and following.credits_unused)


def _was_charged_before(case: ItemCase, key: LineKey) -> bool:
    """Tell whether what stands from an instant on was charged by the terms before it, not by a change since undone."""
    before = case.item.version_at(key.start - JUST_BEFORE) or case.item.versions[0]
    return key.kind != CREDIT and before.price.price_id == key.price_id


def _standing(case: ItemCase, back_to: datetime | None) -> dict[LineKey, Standing]:
    """Return what the item's lines since the horizon come to, by what they are for.

    What was given back by hand is left out, and what was freed to be billed again.
    """
    grouped: dict[LineKey, list[BilledLine]] = defaultdict(list)
    for line in case.lines:
        # A credit at the horizon itself belongs to the stretch that ended there.
        if back_to is not None and (
            line.period_start < back_to or (line.kind == CREDIT and line.period_start == back_to)
        ):
            continue
        if line.kind in {RECURRING, SEATS, CREDIT} and line.price_id is not None:
            grouped[LineKey(line.kind, line.period_start, line.tier, line.price_id)].append(line)
    return {key: Standing(tuple(lines)) for key, lines in grouped.items()}


def _charge(
    case: ItemCase, owed: Owed, amount_minor: int, revision: int, *, standing: Standing | None = None
) -> Charge:
    """Return the charge of an owed line, less what stands of it already."""
    stretch, base = owed.stretch, owed.base
    gives_back = owed.kind == CREDIT or amount_minor < 0
    is_correction = gives_back or standing is not None
    if standing is not None:
        base = _base_of_move(standing, base, amount_minor)
    lines = (standing.lines if standing is not None else ()) or (base.lines if base is not None else ())
    corrected = lines[0] if lines else None
    discount_minor = base.discount_of(amount_minor) if is_correction and base is not None else 0
    proof = dict(owed.proof)
    if standing is not None:
        proof["billed_before"] = standing.amount_minor
    takes_back_from = owed.takes_back_from if gives_back and standing is None else None
    if takes_back_from is not None:
        proof["takes_back_from"] = takes_back_from.isoformat()
    elif discount_minor and base is not None:
        proof["shares_discount"] = [base.amount_minor, base.discount_minor]
    quantity = owed.quantity
    if standing is not None and owed.kind == SEATS:
        # Seats that came at one moment and went again.
        quantity -= standing.quantity
    values: dict[str, Any] = {}
    if is_correction and corrected is not None:
        values = {"treatment": corrected.treatment, "corrects": corrected.invoice_id}
    arrears = stretch.price.timing == ARREARS
    return charge_of(
        case,
        stretch,
        kind=owed.kind,
        period_start=owed.start,
        period_end=owed.end,
        tier=owed.tier,
        revision=revision,
        description=plan_description(stretch),
        quantity=quantity,
        unit_price=owed.unit_price,
        amount_minor=amount_minor,
        tax_date=case.tax_point.date_of(*owed.taxed_over, arrears=arrears),
        in_arrears=arrears or (owed.kind == SEATS and owed.end <= case.moment),
        fraction=owed.fraction,
        discountable=not is_correction,
        discount_minor=discount_minor,
        takes_back_from=takes_back_from,
        opens_period=owed.opens_period and not revision,
        proof=proof,
        **values,
    )


def _base_of_move(standing: Standing, base: Standing | None, amount_minor: int) -> Standing | None:
    """Return the lines whose discount a move of what stands shares: its own; with more taken back, `base` too.

    Two seats billed in full beside a first that a voucher halved are taken back in full.
    """
    if standing.amount_minor > 0 and base is not None and -amount_minor > standing.amount_minor:
        return Standing((*base.lines, *standing.lines))
    if standing.amount_minor > 0:
        return standing
    # What was taken back and is owed again: as it was charged first.
    first = tuple(line for line in standing.lines if line.amount_minor > 0)[:1]
    return Standing(first) if first or base is None else base


def _reversal(case: ItemCase, price: PriceTerms, stood: Standing, revision: int) -> Charge:
    """Return the charge that takes back what stands but is not owed any more."""
    line = stood.lines[0]
    version = next(one for one in case.item.versions if one.price.price_id == price.price_id)
    calendar = case.agreement.calendar
    held = next((one for one in reversed(calendar) if one.from_at < line.period_start), calendar[0])
    return Charge(
        subscription_id=case.agreement.subscription_id,
        item_id=case.item.item_id,
        kind=line.kind,
        period_start=line.period_start,
        period_end=line.period_end,
        tier=line.tier,
        revision=revision,
        description=held.plan_name if case.item.position == 0 else price.product_name,
        quantity=-stood.quantity,
        unit_price=None,
        amount_minor=-stood.amount_minor,
        price=price,
        plan_id=held.plan_id,
        tax_date=case.tax_point.date_of(line.period_start, line.period_end, arrears=price.timing == ARREARS),
        in_arrears=price.timing == ARREARS,
        terms_version=version.version,
        discountable=False,
        discount_minor=-stood.discount_minor,
        treatment=line.treatment,
        corrects=line.invoice_id,
        proof={
            "takes_back": stood.amount_minor,
            **({"shares_discount": [stood.amount_minor, stood.discount_minor]} if stood.discount_minor else {}),
        },
    )


def plan_description(stretch: Slice) -> str:
    """Name what is charged: the plan for the plan's own price, the product for an add-on."""
    if stretch.item.position == 0:
        return stretch.period.version_at(stretch.start).plan_name
    return stretch.price.product_name
