"""What a licensed item owes since the horizon, laid out line by line: recurring charges, seats, credit for unused time.

Billing rules, sections 5 and 8. In advance a stretch is charged to the end of its period; where it is cut, what was
charged beyond the cut is given back: by the target price's policy at a change, by the price's own after a pause that
keeps and at an end that gives back. Seats are charged by area: round(area after a change) - what the item's lines come
to so far.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction as Exact
from typing import Any, NamedTuple

from msgspec import Struct, field, structs

from core.domain.rounding import divide_half_away, round_half_away
from invoicing.domain.charge import (
    CAP,
    CREDIT,
    JUST_BEFORE,
    RECURRING,
    SEATS,
    BilledLine,
    ItemCase,
    Slice,
    charged_slices,
    proration_at,
)
from invoicing.domain.proration import FULL, WHOLE, Fraction
from subscriptions.domain.pricing import Rating, exact_price, price_quantity, price_seats
from subscriptions.domain.terms import ARREARS

SEAT_CHANGES = frozenset({"added", "removed"})


class LineKey(NamedTuple):
    """What a line of an item is for."""

    kind: str
    start: datetime
    tier: int
    price_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """The lines that stand for one key, or for one stretch, on invoices and credit notes."""

    lines: tuple[BilledLine, ...]

    @property
    def amount_minor(self) -> int:
        """Return what they come to before discounts."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def discount_minor(self) -> int:
        """Return what they were discounted by."""
        return sum(line.discount_minor for line in self.lines)

    @property
    def quantity(self) -> Decimal:
        """Return the quantity they name together."""
        return sum((line.quantity for line in self.lines), Decimal(0))

    def taken_back(self) -> "Standing":
        """Return what stands once the lines are reversed."""
        reversed_lines = (
            structs.replace(
                line,
                quantity=-line.quantity,
                amount_minor=-line.amount_minor,
                discount_minor=-line.discount_minor,
            )
            for line in self.lines
        )
        return Standing((*self.lines, *reversed_lines))

    def discount_of(self, amount_minor: int) -> int:
        """Return the share of the discount that a part of the amount carries, signed like the part."""
        total = self.amount_minor
        return divide_half_away(amount_minor * self.discount_minor, total) if total > 0 else 0


class Owed(Struct, frozen=True):
    """One line that should stand by now.

    `due_at` is when it became owed. `base` holds the lines whose discount and tax a part given back shares. With
    `keeps_earlier` whatever was charged at its start before stays (the policy `full` gives nothing back). `anew` takes
    what stands back whole and charges it again.
    """

    kind: str
    stretch: Slice
    start: datetime
    end: datetime
    tier: int
    amount_minor: int
    quantity: Decimal
    due_at: datetime
    unit_price: Decimal | None = None
    fraction: Fraction = WHOLE
    base: Standing | None = None
    takes_back_from: datetime | None = None
    opens_period: bool = False
    keeps_earlier: bool = False
    anew: bool = False
    proof: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> LineKey:
        """Return what the line is for."""
        return LineKey(self.kind, self.start, self.tier, self.stretch.price.price_id)

    @property
    def taxed_over(self) -> tuple[datetime, datetime]:
        """Return the stretch whose tax point counts: the whole served one for seats."""
        return (self.stretch.start, self.stretch.end) if self.kind == SEATS else (self.start, self.end)


def owed_lines(case: ItemCase, back_to: datetime | None, standing: Mapping[LineKey, Standing]) -> Iterator[Owed]:
    """Yield every line an item owes since the horizon, those that stand already among them."""
    for _, stretches in case.stretches_after(back_to, charged_slices):
        for stretch in stretches:
            yield from _StretchOwed(case, stretch, standing).lines()


def recurring_parts(stretch: Slice, start: datetime, end: datetime, seats: int | None = None) -> Iterator[Owed]:
    """Yield the recurring lines of a part of a stretch, a line per tier of a graduated price.

    They are charged at the seats the stretch began with, where no others are named.
    """
    fraction = stretch.share(start, end)
    in_arrears = stretch.price.timing == ARREARS
    for part in price_seats(stretch.price.rating, stretch.version.quantity if seats is None else seats):
        proof: dict[str, Any] = {"steps": part.steps}
        if not fraction.is_whole:
            proof["fraction"] = [fraction.numerator, fraction.denominator]
        yield Owed(
            RECURRING,
            stretch,
            start,
            end,
            part.tier,
            part.amount_minor if fraction.is_whole else shared(part.exact, fraction),
            part.quantity,
            due_at=stretch.period.end if in_arrears else stretch.start,
            unit_price=part.unit_price,
            fraction=fraction,
            opens_period=start == stretch.period.start,
            keeps_earlier=proration_at(stretch.item, start) == FULL,
            proof=proof,
        )


def shared(exact: Decimal, fraction: Fraction) -> int:
    """Round an exact amount times a share once, at the end."""
    return round_half_away(Exact(exact) * Exact(fraction.numerator, fraction.denominator))


class _StretchOwed:
    """Lays out what one stretch owes."""

    def __init__(self, case: ItemCase, stretch: Slice, standing: Mapping[LineKey, Standing]) -> None:
        self._case = case
        self._stretch = stretch
        self._standing = standing
        self._in_arrears = stretch.price.timing == ARREARS
        self._is_over = stretch.period.end <= case.moment
        self._base: list[BilledLine] = []
        self._unbilled: list[Owed] = []
        self._covered_to = stretch.start
        self._left_minor = 0
        self._repriced_minor = 0

    def lines(self) -> Iterator[Owed]:
        """Yield the recurring lines, then changes of seats, then what is given back."""
        if self._in_arrears and not self._is_over:
            return
        yield from self._recurring()
        yield from self._seats()
        yield from self._given_back()

    def _recurring(self) -> Iterator[Owed]:
        """Yield the recurring lines that cover the stretch: those that stand as they stand, the rest computed."""
        stretch = self._stretch
        at = stretch.start
        while at < stretch.end:
            stood = self._lines_at(at)
            if sum(line.amount_minor for line in stood):
                self._base.extend(stood)
                end = self._end_of_another_calendar(at, stood)
                if end is not None:
                    yield from self._repriced(at, end, stood)
                else:
                    end = self._real_end(max(line.period_end for line in stood))
                    yield from self._as_standing(at, end)
            else:
                end = stretch.end
                for piece_start, piece_end in self._served(at, end):
                    parts = list(recurring_parts(stretch, piece_start, piece_end, self._seats_to_go_on_with(at)))
                    self._unbilled.extend(parts)
                    yield from parts
            at = end
        self._covered_to = at

    def _seats_to_go_on_with(self, at: datetime) -> int | None:
        """Return the seats at which the rest is charged of a stretch billed to a moment, None when nothing is billed.

        It was billed to an end that was taken back: changes of seats that were charged to that end go on behind it,
        those charged beyond it, or not charged yet, have lines of their own.
        """
        if not self._base:
            return None
        since = max(line.period_start for line in self._base if line.period_start < at)
        seats = self._base_seats(at)
        for key, stood in self._standing.items():
            is_own = key.kind == SEATS and key.price_id == self._stretch.price.price_id
            if is_own and since <= key.start < at:
                ended = (line.quantity for line in stood.lines if self._real_end(line.period_end) <= at)
                seats += sum(ended, Decimal(0))
        return int(seats)

    def _lines_at(self, at: datetime) -> list[BilledLine]:
        """Return the recurring lines at this price that stand from a moment on."""
        price_id = self._stretch.price.price_id
        return [
            line
            for key, stood in self._standing.items()
            if (key.kind, key.start, key.price_id) == (RECURRING, at, price_id)
            for line in stood.lines
        ]

    def _real_end(self, billed_end: datetime) -> datetime:
        """Return to where a billed line reaches: a pause that shifts lengthens it with its period."""
        period = self._stretch.period
        return period.planned_end if billed_end >= period.full.end else billed_end

    def _end_of_another_calendar(self, at: datetime, stood: Sequence[BilledLine]) -> datetime | None:
        """Return the end to which lines are priced again, None where they stand as they stand.

        What one instant changes is one change: what an earlier command of this very instant billed, by a calendar that
        a later one replaced, is owed by what the last one left.
        """
        stretch = self._stretch
        if not at == stretch.start == self._case.moment:
            return None
        billed_end = max(stood, key=lambda line: line.revision).period_end
        planned_end = stretch.period.planned_end
        if billed_end in {stretch.end, planned_end}:
            return None
        return planned_end if billed_end > planned_end else stretch.end

    def _repriced(self, at: datetime, end: datetime, stood: Sequence[BilledLine]) -> Iterator[Owed]:
        """Yield the recurring lines of this instant by the calendar it left, at the seats billed."""
        parts = list(recurring_parts(self._stretch, at, end, int(self._base_seats(at))))
        self._repriced_minor = sum(part.amount_minor for part in parts) - sum(line.amount_minor for line in stood)
        yield from (structs.replace(part, anew=True) for part in parts)

    def _served(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the parts of an unbilled stretch that are served: pauses that keep are not charged at all."""
        for hole in self._stretch.period.holes:
            if start < hole.end and hole.start < end:
                if start < hole.start:
                    yield start, hole.start
                start = hole.end
        if start < end:
            yield start, end

    def _as_standing(self, at: datetime, end: datetime) -> Iterator[Owed]:
        """Yield lines that stand, as they stand: what was billed of a stretch is not priced again."""
        price_id = self._stretch.price.price_id
        for key, stood in self._standing.items():
            if (key.kind, key.start, key.price_id) == (RECURRING, at, price_id):
                yield Owed(
                    RECURRING,
                    self._stretch,
                    at,
                    end,
                    key.tier,
                    stood.amount_minor,
                    stood.quantity,
                    due_at=at,
                    keeps_earlier=proration_at(self._stretch.item, at) == FULL,
                )

    def _given_back(self) -> Iterator[Owed]:
        """Yield the credit for what was charged and is not served: pauses that keep, and what lies behind a cut."""
        if self._in_arrears or not self._base:
            return
        self._left_minor = self._charged_minor()
        stretch, covered_to = self._stretch, self._covered_to
        for hole in stretch.period.holes:
            start, end = max(hole.start, stretch.start), min(hole.end, covered_to)
            if stretch.start <= hole.start < stretch.end and start < end:
                yield from self._credit(start, end, stretch.price.proration_down)
        if covered_to > stretch.end:
            policy = stretch.policy_of_cut
            if policy:
                yield from self._credit(stretch.end, covered_to, policy)

    def _credit(self, start: datetime, end: datetime, policy: str) -> Iterator[Owed]:
        """Yield the credit of a stretch at the seats that were billed for it, a line per tier, at most what is left.

        Seats that came and are not billed yet are charged for the time they were there: there is nothing to give back.
        """
        stretch = self._stretch
        fraction = stretch.share(start, end, policy)
        if not fraction.numerator:
            return
        base = Standing(tuple(self._base))
        for part in price_quantity(stretch.price.rating, self._billed_seats(start)):
            amount_minor = shared(part.exact, fraction)
            net_minor = amount_minor - base.discount_of(amount_minor)
            proof: dict[str, Any] = {"steps": part.steps, "fraction": [fraction.numerator, fraction.denominator]}
            if net_minor > self._left_minor:
                proof["left"] = max(self._left_minor, 0)
                amount_minor = divide_half_away(amount_minor * max(self._left_minor, 0), net_minor)
                net_minor = amount_minor - base.discount_of(amount_minor)
            self._left_minor -= net_minor
            if amount_minor:
                yield Owed(
                    CREDIT,
                    stretch,
                    start,
                    end,
                    part.tier,
                    -amount_minor,
                    -part.quantity,
                    due_at=start,
                    fraction=fraction,
                    base=base,
                    proof=proof,
                )

    def _charged_minor(self) -> int:
        """Return what may still be given back of the stretch, after discounts: less what was given back by hand."""
        starts = {line.period_start for line in self._base}
        charged = sum(line.amount_minor - line.discount_minor for line in self._base)
        price_id = self._stretch.price.price_id
        for line in self._case.lines:
            is_own = line.kind == SEATS and line.price_id == price_id
            if is_own and self._stretch.start <= line.period_start < self._stretch.end:
                charged += line.amount_minor - line.discount_minor
        for line in self._case.others:
            if line.use == CAP and line.price_id == price_id and line.period_start in starts:
                charged += line.amount_minor - line.discount_minor
        return charged

    def _billed_seats(self, at: datetime) -> Decimal:
        """Return the seats billed for a moment and what follows it: those at first, and the changes charged so far.

        A pause that was given back already was given back at the seats billed then.
        """
        for key, stood in self._standing.items():
            is_own = key.price_id == self._stretch.price.price_id
            if is_own and key.kind == CREDIT and key.start == at and self._is_hole(at):
                return -stood.quantity
        seats = self._base_seats(at)
        for key, stood in self._standing.items():
            is_own = key.kind == SEATS and key.price_id == self._stretch.price.price_id
            if is_own and self._stretch.start <= key.start <= at and key.start < self._stretch.end:
                seats += sum((line.quantity for line in stood.lines if self._reaches(line, at)), Decimal(0))
        return seats

    def _reaches(self, line: BilledLine, at: datetime) -> bool:
        """Tell whether a line of seats was charged beyond a moment; one that was charged to the cut alone was not."""
        if at == self._stretch.end and line.period_end == at:
            return False
        return self._real_end(line.period_end) > at

    def _base_seats(self, at: datetime) -> Decimal:
        """Return the seats of the recurring lines that stand for a moment, 0 when there are none."""
        starts = [line.period_start for line in self._base if line.period_start <= at]
        return sum((line.quantity for line in self._base if starts and line.period_start == max(starts)), Decimal(0))

    def _seats_before(self, at: datetime) -> Decimal:
        """Return the seats before a change: at the start of a stretch those it was billed with."""
        if at == self._stretch.start and self._base:
            return self._base_seats(at)
        before = self._stretch.item.version_at(at - JUST_BEFORE)
        return Decimal(before.quantity if before is not None else 0)

    def _is_hole(self, at: datetime) -> bool:
        """Tell whether a pause that keeps begins at a moment."""
        return any(hole.start == at for hole in self._stretch.period.holes)

    def _seats(self) -> Iterator[Owed]:
        """Yield a line for each change of seats inside the stretch, charged to its end.

        Those billed stand as they stand, unless other changes came at their very moment; those that are not billed wait
        until they are due: the period is over, or seats are asked for. Area is the sum of price(seats) x share of the
        period, so tiers and packages take price(after) - price(before) (Billing rules, section 5, Seats): 1000 a seat,
        31 days, one more after 1, 2 and 6 days -> 968, 935, 807.
        """
        stretch = self._stretch
        moments = sorted(
            {
                one.from_at
                for one in stretch.item.versions
                if one.change in SEAT_CHANGES and stretch.start <= one.from_at < stretch.end
            }
        )
        if not moments:
            return
        # An uncut stretch may have been paid for up to a scheduled end that was taken back since.
        until = max(stretch.end, self._covered_to) if stretch.end == stretch.period.planned_end else stretch.end
        is_due = self._is_over or self._case.seats_now or self._were_billed_now(moments)
        settled = {at: stood for at in moments if (stood := self._seats_at(at)) is not None}
        if not is_due:
            # Charged up to a cut that was made and undone at this very moment, they wait again.
            settled = {at: stood for at, stood in settled.items() if not self._is_cut_no_more(stood, until)}
        so_far = self._so_far(until, settled)
        base = Standing(tuple(self._base)) if self._base else None
        last_settled = max(settled, default=stretch.start)
        for at in moments:
            stood = settled.get(at)
            after = stretch.item.version_at(at)
            seats = after.quantity if after is not None else 0
            added = seats - self._seats_before(at)
            # Whatever came before a change that is billed is part of its area, even where it came to nothing.
            anew = stood is not None and self._is_moved(stood, at, until)
            is_open = is_due and (anew or (at >= last_settled and (stood is None or stood.quantity != added)))
            if stood is not None and not is_open:
                yield Owed(SEATS, stretch, at, until, 0, stood.amount_minor, stood.quantity, due_at=at)
            if not is_open:
                continue
            slices = self._slices(at, until)
            area = round_half_away(self._area(slices))
            amount_minor, before_minor, so_far = area - so_far, so_far, area
            if not amount_minor:
                if stood is not None:
                    # Other seats came then, of the same price: three in a package, or two of them.
                    yield Owed(SEATS, stretch, at, until, 0, stood.amount_minor, stood.quantity, due_at=at)
                continue
            stood_minor = stood.amount_minor if stood is not None else 0
            share = stretch.share(at, until)
            yield Owed(
                SEATS,
                stretch,
                at,
                until,
                0,
                stood_minor + amount_minor,
                added,
                due_at=at,
                fraction=share,
                base=base,
                takes_back_from=stretch.start if self._unbilled else None,
                anew=anew,
                proof={
                    "area": area,
                    "slices": [[quantity, one.numerator, one.denominator] for quantity, one in slices],
                    "so_far": before_minor - stood_minor,
                    "seats": seats,
                    "fraction": [share.numerator, share.denominator],
                },
            )

    def _so_far(self, until: datetime, settled: Mapping[datetime, Standing]) -> int:
        """Return what the item's lines come to before its open changes of seats, for the time up to `until`."""
        if until < self._covered_to:
            # Paid beyond the end: the seats that changed are charged for the time they were there.
            return round_half_away(self._area(self._billed_slices(settled, until)))
        lines = sum(line.amount_minor for line in self._base) + sum(owed.amount_minor for owed in self._unbilled)
        return lines + self._repriced_minor + sum(one.amount_minor for one in settled.values())

    def _were_billed_now(self, moments: Sequence[datetime]) -> bool:
        """Tell whether seats that changed at this very moment were billed by an earlier command of it."""
        now = self._case.moment
        return now in moments and any(line.kind == SEATS and line.period_start == now for line in self._case.lines)

    def _is_cut_no_more(self, stood: Standing, until: datetime) -> bool:
        """Tell whether seats were charged up to this very moment alone, though they go on behind it."""
        return max(stood.lines, key=lambda line: line.revision).period_end == self._case.moment < until

    def _is_moved(self, stood: Standing, at: datetime, until: datetime) -> bool:
        """Tell whether seats were charged by a calendar that a later command of this very moment replaced."""
        if self._is_cut_no_more(stood, until):
            return True
        billed_end = max(stood.lines, key=lambda line: line.revision).period_end
        return at == self._case.moment and billed_end not in {until, self._stretch.period.planned_end}

    def _seats_at(self, at: datetime) -> Standing | None:
        """Return the lines that stand for a change of seats, None when it is not billed."""
        stood = self._standing.get(LineKey(SEATS, at, 0, self._stretch.price.price_id))
        return stood if stood is not None and stood.amount_minor else None

    def _slices(self, until_change: datetime | None, end: datetime) -> list[tuple[int, Fraction]]:
        """Return the seats and the share of each slice up to `end`, as they stand after the changes up to a moment."""
        stretch = self._stretch
        starts = [stretch.start]
        if until_change is not None:
            starts = sorted(
                {stretch.start}
                | {one.from_at for one in stretch.item.versions if stretch.start < one.from_at <= until_change < end}
            )
        slices = []
        for position, start in enumerate(starts):
            until = starts[position + 1] if position + 1 < len(starts) else end
            version = (stretch.item.version_at(start) if until_change is not None else None) or stretch.version
            slices.append((version.quantity, stretch.share(start, until)))
        return [*slices, *self._unserved(until_change, end)]

    def _unserved(self, until_change: datetime | None, end: datetime) -> Iterator[tuple[int, Fraction]]:
        """Yield slices that take pauses out of an area, as far as they are not given back by a credit of their own."""
        stretch = self._stretch
        for hole in stretch.period.holes:
            if not stretch.start <= hole.start < min(end, stretch.end):
                continue
            at = hole.start if until_change is None else min(hole.start, until_change)
            version = (stretch.item.version_at(at) if until_change is not None else None) or stretch.version
            share = stretch.share(hole.start, min(hole.end, end))
            yield version.quantity, Fraction(-share.numerator, share.denominator)
            billed = int(self._billed_seats(hole.start)) if self._base else 0
            yield billed, share

    def _billed_slices(self, settled: Mapping[datetime, Standing], end: datetime) -> list[tuple[int, Fraction]]:
        """Return the seats that are billed and the share of each slice up to `end`."""
        stretch = self._stretch
        starts = [stretch.start, *(at for at in sorted(settled) if stretch.start < at < end)]
        slices = []
        seats = int(self._base_seats(stretch.start))
        for position, start in enumerate(starts):
            if start in settled:
                seats += int(settled[start].quantity)
            until = starts[position + 1] if position + 1 < len(starts) else end
            slices.append((seats, stretch.share(start, until)))
        return slices

    def _area(self, slices: list[tuple[int, Fraction]]) -> Exact:
        """Sum price(seats) x share."""
        return seats_area(self._stretch.price.rating, slices)


def seats_area(rating: Rating, slices: Iterable[tuple[int, Fraction]]) -> Exact:
    """Sum price(seats) x share of the period over slices, exactly, in minor units.

    >>> from subscriptions.domain.pricing import PriceType
    >>> round(seats_area(Rating(PriceType.UNIT, Decimal(1000)), [(1, Fraction(1, 31)), (2, Fraction(30, 31))]))
    1968
    """
    return sum(
        (
            Exact(exact_price(rating, Decimal(seats))) * Exact(share.numerator, share.denominator)
            for seats, share in slices
        ),
        Exact(0),
    )
