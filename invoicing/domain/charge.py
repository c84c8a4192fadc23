"""One charge with its key and proof, and the stretch of service it is for.

Billing rules, sections 3, 5 and 8. Every charge has a key (item, kind, period start, tier, revision).
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction as Exact
from typing import Any

from msgspec import Struct, field, structs

from core.domain.schedule import local_date
from invoicing.domain.proration import DAY, FULL, NONE, WHOLE, Fraction, prorate
from invoicing.domain.tax import TaxTreatment
from subscriptions.domain.periods import Segment, ServicePeriod, item_intervals, period_at, service_periods
from subscriptions.domain.terms import Agreement, Item, ItemVersion, PriceTerms

RECURRING = "recurring"
ONE_OFF = "one_off"
USAGE = "usage"
SEATS = "seats"
MINIMUM = "minimum"
CREDIT = "credit"
MANUAL = "manual"

COUNTS = ""
CAP = "cap"
FREED = "freed"

JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TaxPoint:
    """The dates between which a brand's tax point chooses, already in its local calendar."""

    in_advance: str
    in_arrears: str
    zone: str
    issue_date: date

    def date_of(self, start: datetime, end: datetime, *, arrears: bool, late: bool = False) -> date:
        """Return the date whose rate applies to a stretch: its start, its last day, or the issue date.

        A stretch invoiced before keeps its rate when something of it comes `late`: where the issue date decides that is
        the date of its end, on which it was invoiced.
        """
        choice = self.in_arrears if arrears else self.in_advance
        if choice == "issue":
            return local_date(end, self.zone) if late else self.issue_date
        return local_date(start if choice == "period_start" else end - JUST_BEFORE, self.zone)


class BilledLine(Struct, frozen=True):
    """A line already on an invoice or credit note, in the horizon.

    `invoice_id` is the invoice it stands on or corrects, None while that is not stored yet. `use` says what it means
    for what is owed: it COUNTS; it is a CAP, given back by hand or as a refund: not billed again, but less is left to
    credit; or it was FREED, to be billed again, and only its revision is taken.
    """

    invoice_id: uuid.UUID | None
    kind: str
    period_start: datetime
    period_end: datetime
    tier: int
    revision: int
    quantity: Decimal
    amount_minor: int
    discount_minor: int
    treatment: TaxTreatment
    price_id: uuid.UUID | None = None
    use: str = COUNTS


class Charge(Struct, frozen=True):
    """One line before vouchers and tax; `amount_minor` is in the price's own mode, with or without tax.

    `discount_minor` is set on corrections only: they share the discount of what they correct and take no voucher.
    `treatment` is set on corrections only: they keep the tax of what they correct. `takes_back_from` is set where that
    stands on the same document: it is where the recurring charge begins whose discount is shared. `opens_period` counts
    for vouchers: the first regular charge of a period, of usage, or one made once or by hand. A charge made by hand
    belongs to no subscription and no item; an item with an amount of its own has no plan either.
    """

    subscription_id: uuid.UUID | None
    item_id: uuid.UUID | None
    kind: str
    period_start: datetime
    period_end: datetime
    tier: int
    revision: int
    description: str
    quantity: Decimal
    unit_price: Decimal | None
    amount_minor: int
    price: PriceTerms
    plan_id: uuid.UUID | None
    tax_date: date
    in_arrears: bool
    terms_version: int
    fraction: Fraction = WHOLE
    discountable: bool = True
    discount_minor: int = 0
    treatment: TaxTreatment | None = None
    corrects: uuid.UUID | None = None
    takes_back_from: datetime | None = None
    opens_period: bool = False
    proof: dict[str, Any] = field(default_factory=dict)


class Slice(Struct, frozen=True):
    """A stretch of a service period in which one price of one item holds.

    `version` is the item's in force at its start, `policy` how its share of the interval is counted.
    """

    start: datetime
    end: datetime
    period: ServicePeriod
    version: ItemVersion
    item: Item
    policy: str

    @property
    def price(self) -> PriceTerms:
        """Return the price in force."""
        return self.version.price

    @property
    def policy_of_cut(self) -> str:
        """Return the policy by which what lies behind the slice's end is given back, "" when it is not.

        A change of price brings its own, an end that gives back and a pause that keeps follow the price's.
        """
        following = self.item.version_at(self.end)
        if following is not None and following.from_at == self.end and proration_at(self.item, self.end):
            policy = proration_at(self.item, self.end)
            # What waits for the next period cuts nothing: an end at its very moment does.
            if policy != NONE or self.end != self.period.end:
                return "" if policy in {FULL, NONE} else policy
        return self.price.proration_down if self.period.gives_back else ""

    def share(self, start: datetime, end: datetime, policy: str = "") -> Fraction:
        """Return the share of the full interval that a stretch makes, counted by the policy, else by the slice's own.

        `none` and `full` say what happens at a change, not how days are counted: they count as `day`. Up to a cut that
        another policy rules it is what is left at the start by the own less what is left at the cut by that one, as if
        all had been charged and the rest given back: 1 June to 16 June 12:00 by the day, cut by the second, is
        1 - 14.5/30, not 15/30 (Billing rules, section 5: the target's policy rules both lines).
        """
        period = self.period
        if start == period.full.start and end == period.planned_end:
            return WHOLE
        own = policy or self.policy
        cut = self.policy_of_cut if not policy and end == self.end < period.planned_end else ""
        if not cut or cut == own:
            return self._counted(start, end, own)
        left, rest = self._counted(start, period.planned_end, own), self._counted(end, period.planned_end, cut)
        exact = Exact(left.numerator, left.denominator) - Exact(rest.numerator, rest.denominator)
        return Fraction(max(exact.numerator, 0), exact.denominator)

    def _counted(self, start: datetime, end: datetime, policy: str) -> Fraction:
        """Return the share of a stretch, counted by one policy."""
        period, counted = self.period, DAY if policy in {NONE, FULL} else policy
        return prorate(counted, period.unshifted(start), period.unshifted(end), period.full, period.zone)


def slices(item: Item, period: ServicePeriod) -> Iterator[Slice]:
    """Yield the stretches of a period in which one price of the item holds, oldest first."""
    return slices_of(item, item.versions, period)


def charged_slices(item: Item, period: ServicePeriod) -> Iterator[Slice]:
    """Yield the stretches of a period as a licensed item charges them: with the policy `none` from the next period on.

    Of what was changed at one instant only what lasts counts: a change undone at its own moment leaves what waits so
    waiting. Billing rules, section 5, Proration policy.
    """
    lasting = _lasting(item.versions)
    # At the very start, what it began with goes on.
    versions = [] if lasting[0] is item.versions[0] else [item.versions[0]]
    waiting: uuid.UUID | None = None
    for version in lasting:
        before = versions[-1] if versions else None
        is_inside = period.start <= version.from_at < period.end
        is_taken_later = is_inside and proration_at(item, version.from_at) == NONE
        if is_taken_later and version.quantity:
            waiting = version.price.price_id
        elif not is_inside or version.price.price_id != waiting:
            waiting = None
        if waiting is None:
            versions.append(version)
        elif before is not None:
            versions.append(structs.replace(version, price=before.price))
        # Else nothing was there to go on with: it is charged from the next period on.
    return slices_of(item, tuple(versions), period)


def slices_of(item: Item, versions: tuple[ItemVersion, ...], period: ServicePeriod) -> Iterator[Slice]:
    """Yield the stretches of a period by some versions of an item, oldest first."""
    if len(versions) == 1:
        # Most items never change, and the run asks for their stretches by the million.
        (only,) = versions
        begin = max(only.from_at, period.start)
        if begin < period.end and only.quantity:
            policy = proration_at(item, begin) if begin != period.full.start else ""
            yield Slice(begin, period.end, period, only, item, policy or only.price.proration_up)
        return
    lasting = _lasting(versions)
    position = 0
    while position < len(lasting):
        first = lasting[position]
        position += 1
        while position < len(lasting) and _goes_on(first, lasting[position]):
            position += 1
        end = lasting[position].from_at if position < len(lasting) else period.end
        start, end = max(first.from_at, period.start), min(end, period.end)
        if start < end and first.quantity:
            held = next(one for one in reversed(lasting[:position]) if one.from_at <= start)
            policy = proration_at(item, start) if start != period.full.start else ""
            yield Slice(start, end, period, held, item, policy or first.price.proration_up)


def _lasting(versions: tuple[ItemVersion, ...]) -> tuple[ItemVersion, ...]:
    """Return the versions that were not replaced at their own moment."""
    last = len(versions) - 1
    return tuple(
        one for number, one in enumerate(versions) if number == last or one.from_at < versions[number + 1].from_at
    )


def proration_at(item: Item, instant: datetime) -> str:
    """Return how the change of an item at an instant is prorated, "" when its price did not change then."""
    found = ""
    for version in item.versions:
        if version.from_at == instant and version.proration:
            found = version.proration
    return found


def _goes_on(version: ItemVersion, following: ItemVersion) -> bool:
    """Tell whether a later version keeps the price (it only moves the seats)."""
    return following.price.price_id == version.price.price_id and (following.quantity == 0) == (version.quantity == 0)


def looks_back_to(agreement: Agreement, item: Item, segments: tuple[Segment, ...]) -> datetime | None:
    """Return from when on a licensed item's billed lines matter, None when nothing can have changed what they say.

    Its terms or its calendar changed since its horizon, or a change waits, an end is scheduled, something is backdated.
    """
    may_change = agreement.cancel_at is not None or agreement.dirty_from is not None or bool(agreement.pending)
    # An add-on may come at the very moment up to which everything is billed.
    is_as_agreed = len(item.versions) == 1 and not item.versions[0].proration
    if is_as_agreed and not may_change and len(agreement.calendar) == 1:
        return None
    start = horizon(agreement, item, segments)
    if start is None:
        return None
    has_changed = not is_as_agreed and item.versions[-1].from_at >= start
    has_moved = len(agreement.calendar) > 1 and agreement.calendar[-1].from_at >= start
    return start if has_changed or has_moved or may_change else None


def horizon(agreement: Agreement, item: Item, segments: tuple[Segment, ...]) -> datetime | None:
    """Return the start of the period to which an item is billed, or in which a backdated change begins.

    Where a calendar interval restarts inside it, that is where it restarts: what stood before is another period's, and
    its lines are not among those read. None when nothing is billed yet (Billing rules, section 8).
    """
    billed_to = agreement.billed_to_at
    if billed_to is None:
        return None
    at = billed_to if agreement.dirty_from is None else min(billed_to, agreement.dirty_from)
    if any(segment.start == at for segment in segments[1:]):
        # A period restarts there; what ended may still have to be given back, when both came at one moment.
        at -= JUST_BEFORE
    held = item.version_at(at) or item.versions[0]
    period = period_at(segments, held.price.interval, at) if held.price.interval is not None else None
    return at if period is None else period.start


class ItemCase(Struct, frozen=True):
    """One item of one agreement at one moment: what is needed to say what it owes.

    `lines` are the item's billed lines in the horizon that count, `others` those that do not. `seats_now` bills changes
    of seats at once instead of at the next boundary.
    """

    agreement: Agreement
    item: Item
    segments: tuple[Segment, ...]
    moment: datetime
    lines: tuple[BilledLine, ...]
    tax_point: TaxPoint
    others: tuple[BilledLine, ...] = ()
    seats_now: bool = False

    def next_revision(self, kind: str, start: datetime) -> int:
        """Return the revision that a further line of a kind from a moment on takes, 0 when there is none yet."""
        taken = [
            line.revision for line in (*self.lines, *self.others) if (line.kind, line.period_start) == (kind, start)
        ]
        return 1 + max(taken) if taken else 0

    def was_freed(self, kind: str, start: datetime) -> bool:
        """Tell whether lines of a kind from a moment on were voided to be billed again."""
        return any(line.use == FREED and (line.kind, line.period_start) == (kind, start) for line in self.others)

    def is_new(self, moment: datetime) -> bool:
        """Tell whether a charge moment lies after what has been billed."""
        billed_to = self.agreement.billed_to_at
        return billed_to is None or moment > billed_to

    def stretches_after(
        self,
        after: datetime | None,
        cut: Callable[[Item, ServicePeriod], Iterator[Slice]] = slices,
        *,
        metered: bool = False,
    ) -> Iterator[tuple[ServicePeriod, tuple[Slice, ...]]]:
        """Yield the periods that end after a moment (None: all) and have begun, each with the stretches it charges.

        Where an item's prices had different intervals, each is charged by the periods of its own; metered stretches
        and licensed ones are charged apart.
        """
        for interval in item_intervals(self.item):
            for period in service_periods(self.segments, interval, after, self.moment):
                own = tuple(
                    one
                    for one in cut(self.item, period)
                    if one.price.interval == interval and (one.price.meter is not None) == metered
                )
                if own:
                    yield period, own


def charge_of(case: ItemCase, stretch: Slice, **values: Any) -> Charge:
    """Return a charge with what it takes from its stretch: whose it is, at which price, plan and version of terms."""
    return Charge(
        subscription_id=case.agreement.subscription_id,
        item_id=stretch.item.item_id,
        price=stretch.price,
        plan_id=stretch.period.version_at(stretch.start).plan_id,
        terms_version=stretch.version.version,
        **values,
    )
