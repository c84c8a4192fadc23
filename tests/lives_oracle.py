"""What a life must come to, worked out another way: change by change, from the words of Billing rules, section 5.

Nothing here knows lines, credits, revisions or what was billed. A period charges each item's price whole; at each
change what is left of the period is taken off at the old terms and added at the new, counted by the policy that rules
the change; the policies are counted here again, from the words.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from core.domain.schedule import Interval, boundary, boundary_index, calendar_anchor, instant_of, local_date, local_wall
from subscriptions.domain.pricing import exact_price
from subscriptions.domain.terms import ARREARS, CALENDAR, PriceTerms
from tests.lives import Deed, Life


@dataclass(frozen=True)
class Terms:
    """What an item stands at: price, quantity, and the policy by which its seats are counted.

    `following` is the price that takes over when the period ends (the policy `none`); `is_here` tells whether it is
    charged in the running period at all, `has_moved` that its seats changed in the period. An end was set when it was
    charged, and it was charged up to there alone, by the policy `cut`.
    """

    price: PriceTerms
    quantity: int
    policy: str
    following: PriceTerms | None = None
    is_here: bool = True
    cut: str = ""
    has_moved: bool = False

    @property
    def amount(self) -> Fraction:
        """Return what a whole period costs."""
        if not self.is_here or not self.quantity:
            return Fraction(0)
        return Fraction(exact_price(self.price.rating, Decimal(self.quantity)))


@dataclass(frozen=True)
class Period:
    """The period that runs, and the full interval of which it is the rest, from `full_start` to `full_end`.

    `shifts` are pauses that lengthened it, from and to: it is counted as if they had not been.
    """

    start: datetime
    end: datetime
    full_start: datetime
    full_end: datetime
    zone: str
    shifts: tuple[tuple[datetime, datetime], ...] = ()

    def left(self, policy: str, moment: datetime) -> Fraction:
        """Return the part of the full interval that is left at a moment, counted by a policy."""
        at = self._without_pauses(moment)
        if at == self.full_start:
            return Fraction(1)
        if policy == "second":
            return Fraction(_seconds(at, self.full_end), _seconds(self.full_start, self.full_end))
        count = _days_360 if policy == "thirty_360" else _days
        return Fraction(
            count(local_date(at, self.zone), local_date(self.full_end, self.zone)),
            count(local_date(self.full_start, self.zone), local_date(self.full_end, self.zone)),
        )

    def _without_pauses(self, at: datetime) -> datetime:
        """Return a moment as many local days earlier as service had paused by then."""
        for paused_at, resumed_at in reversed(self.shifts):
            if at > paused_at:
                days = local_date(resumed_at, self.zone) - local_date(paused_at, self.zone)
                earlier = instant_of(local_wall(at, self.zone) - days, self.zone)
                at = paused_at if at < resumed_at else max(earlier, paused_at)
        return at


def _seconds(first: datetime, last: datetime) -> int:
    return (last - first) // timedelta(seconds=1)


def _days(first: date, last: date) -> int:
    return (last - first).days


def _days_360(first: date, last: date) -> int:
    months = 12 * (last.year - first.year) + last.month - first.month
    return 30 * months + min(last.day, 30) - min(first.day, 30)


@dataclass(frozen=True)
class State:
    """What stands: the anchor and its interval, the period, and the terms of each item."""

    anchor: datetime
    interval: Interval
    period: Period
    items: tuple[Terms, ...]


@dataclass(frozen=True)
class Before:
    """How things stood before the first change of price at a moment, and what happened at that moment since."""

    at: datetime
    state: State
    totals: tuple[Fraction, ...]
    restarts: bool = False
    gives_nothing_back: bool = False


class Oracle:
    """Follows one life. `totals` has what each item comes to, exactly, item by item in the order they were added."""

    def __init__(self, life: Life) -> None:
        agreement = life.agreement
        calendar = agreement.calendar[0]
        assert calendar.interval is not None
        self.zone = self.zone_to_be = calendar.zone
        self.is_calendar = calendar.alignment == CALENDAR
        first = [item.versions[0] for item in agreement.items]
        items = tuple(Terms(one.price, one.quantity, one.price.proration_up) for one in first)
        begin = agreement.started_at
        anchor, interval = calendar.anchor_wall, calendar.interval
        self.totals = [Fraction(0) for _ in items]
        self.state = State(anchor, interval, self._period_at(anchor, interval, begin), items)
        self.before: Before | None = None
        self.paused_at: datetime | None = None
        self.cancel_at: datetime | None = None
        self.is_over = False
        self.waiting: dict[str, tuple[datetime, bool, Deed]] = {}
        # Nothing is given back of what was paid, but what was not billed yet is charged as far as it was there.
        self.hangs_on_what_was_billed = False
        self.added_at: datetime | None = None
        self.moved_at: datetime | None = None
        self.took_over_at: datetime | None = None
        self._charge_period()

    def to(self, moment: datetime) -> None:
        """Let time pass: boundaries, changes that wait, a scheduled end."""
        while not self.is_over and self.paused_at is None:
            due = [self.state.period.end, *(one[0] for one in self.waiting.values())]
            if self.cancel_at is not None:
                due.append(self.cancel_at)
            at = min(due)
            if at > moment:
                return
            if self.cancel_at == at:
                self._end(at)
                return
            if self.state.period.end == at:
                self._open(at)
            self._apply_waiting(at)

    def do(self, deed: Deed) -> None:
        """Do what was asked for, and accepted."""
        getattr(self, f"_do_{deed.verb}")(deed, deed.at)

    # What is asked for

    def _do_price(self, deed: Deed, at: datetime) -> None:
        self.waiting.pop("price", None)
        self._change_price(deed, at)

    def _change_price(self, deed: Deed, at: datetime, *, is_billed: bool = True) -> None:
        """Let a price take over; what waits for the next cycle waits for the period as it is then."""
        self._take_price(deed, at, is_billed=is_billed)
        for kind, (due_at, at_boundary, waits) in list(self.waiting.items()):
            if at_boundary and due_at > at:
                self.waiting[kind] = self.state.period.end, at_boundary, waits

    def _take_price(self, deed: Deed, at: datetime, *, is_billed: bool) -> None:
        """Let a price take over; where the period that begins is not billed yet, nothing waits and nothing restarts."""
        price, terms = deed.price, self.state.items[0]
        assert price is not None
        if price == (terms.following or terms.price):
            return
        if self.before is None or self.before.at != at:
            self.before = Before(at, self.state, tuple(self.totals))
        before = self.before
        # Seats that changed at this very moment are counted by the later policy, unless they are billed.
        self.hangs_on_what_was_billed |= self.moved_at == at
        policy = deed.word or price.proration_up
        if not is_billed and policy in {"none", "full"}:
            policy = "day"
        held = before.state.items[0]
        # Whatever was made of an earlier change of the same moment is reversed; seats came with what stands.
        self.totals = list(before.totals)
        if price == (held.following or held.price):
            # Undone at its own moment: the very terms that were.
            self.state = before.state
            self.before = replace(before, restarts=False, gives_nothing_back=False)
            self.took_over_at = None
            return
        restarts = before.restarts or policy == "full" or price.interval != self.state.interval
        keeps = before.gives_nothing_back or policy == "full"
        self.before = replace(before, restarts=restarts, gives_nothing_back=keeps)
        if not restarts:
            self._replace_price(price, policy, at)
        else:
            self._restart(price, policy, at, keeps=keeps)

    def _replace_price(self, price: PriceTerms, policy: str, at: datetime) -> None:
        """Let a price of the same interval take over: at once, or by the policy `none` when the period ends."""
        assert self.before is not None
        state = self.before.state
        held, period = state.items[0], state.period
        if policy == "none":
            taken = replace(held, following=price)
            self.took_over_at = None
        else:
            self.took_over_at = at
            count = price.proration_up if at == period.full_start else policy
            taken = Terms(price, held.quantity, count)
            self.totals[0] -= self._rest(held, policy, at)
            self.totals[0] += taken.amount * period.left(policy, at)
            taken = self._cut(0, taken, policy)
        self.state = replace(state, items=(taken, *state.items[1:]))

    def _restart(self, price: PriceTerms, policy: str, at: datetime, *, keeps: bool) -> None:
        """Let the period restart: what is left is given back, by the policy `full` none of the plan's own price."""
        assert self.before is not None
        state = self.before.state
        for place, terms in enumerate(state.items):
            if place:
                self.totals[place] -= self._rest(terms, terms.price.proration_down, at)
            elif not keeps:
                self.totals[place] -= self._rest(terms, policy, at)
            elif terms.price.timing == ARREARS:
                self.totals[place] -= self._rest(terms, terms.policy, at)
            else:
                self.hangs_on_what_was_billed |= terms.has_moved
        # What came at this very moment and is billed goes on as it is billed.
        self.hangs_on_what_was_billed |= self.added_at == at
        assert price.interval is not None
        anchor = local_wall(at, self.zone)
        if self.is_calendar:
            day = state.anchor.day if state.interval.unit == "month" else 1
            anchor = calendar_anchor(at, price.interval, day, self.zone)
        period = self._period_at(anchor, price.interval, at)
        count = price.proration_up if period.start == period.full_start else policy
        others = (Terms(one.price, one.quantity, one.price.proration_up) for one in state.items[1:])
        items = (Terms(price, state.items[0].quantity, count), *others)
        self.state = State(anchor, price.interval, period, items)
        self._charge_period(first=policy)

    def _do_seats(self, deed: Deed, at: datetime) -> None:
        self.waiting.pop("seats", None)
        self._set_quantity(0, max(1, self.state.items[0].quantity + deed.number), at)

    def _do_add(self, deed: Deed, at: datetime) -> None:
        assert deed.price is not None
        policy = deed.price.proration_up
        period = self.state.period
        # `none`: it is charged from the next period on.
        added = Terms(deed.price, deed.number, policy, is_here=policy != "none")
        self.before, self.added_at = None, at
        self.totals.append(added.amount * period.left(policy, at))
        added = self._cut(-1, added, policy)
        self.state = replace(self.state, items=(*self.state.items, added))

    def _do_item(self, deed: Deed, at: datetime) -> None:
        place = max(place for place, terms in enumerate(self.state.items) if terms.quantity)
        if deed.number:
            self._set_quantity(place, deed.number, at)
            return
        terms = self.state.items[place]
        policy = terms.price.proration_down
        if policy not in {"none", "full"}:
            self.totals[place] -= self._rest(terms, policy, at)
        elif terms.price.timing == ARREARS:
            self.totals[place] -= self._rest(terms, terms.policy, at)
        else:
            self.hangs_on_what_was_billed |= terms.has_moved
        self._set(place, replace(terms, quantity=0))

    def _do_later(self, deed: Deed, at: datetime) -> None:
        due_at = at + timedelta(days=deed.number) if deed.number else self.state.period.end
        self.waiting["seats" if deed.price is None else "price"] = due_at, not deed.number, deed

    def _do_pause(self, _: Deed, at: datetime) -> None:
        self.paused_at = at

    def _do_resume(self, deed: Deed, at: datetime) -> None:
        assert self.paused_at is not None
        paused_at, self.paused_at, self.before = self.paused_at, None, None
        period = self.state.period
        days = local_date(at, self.zone) - local_date(paused_at, self.zone)
        if deed.word == "keep" or (not deed.word and self.is_calendar):
            self._give_back(paused_at, min(at, period.end))
            if period.end <= at:
                self._begin(self._period_at(self.state.anchor, self.state.interval, at))
        elif days:
            anchor = local_wall(period.end, self.zone) + days
            end = boundary(anchor, self.state.interval, 0, self.zone)
            shifts = (*period.shifts, (paused_at, at))
            self.state = replace(self.state, anchor=anchor, period=replace(period, end=end, shifts=shifts))
        for kind, (due_at, at_boundary, waits) in list(self.waiting.items()):
            moved = self.state.period.end if at_boundary else max(due_at, at)
            self.waiting[kind] = moved, at_boundary, waits
        if self.state.period.end <= at:
            # The end has moved, but not so far: the next period begins when service does.
            self._begin(self._period_at(self.state.anchor, self.state.interval, at))
        self._apply_waiting(at)

    def _give_back(self, start: datetime, end: datetime) -> None:
        """Take off a pause that keeps: by the price's own policy; in arrears, where nothing was paid, as it counts."""
        period = self.state.period
        for place, terms in enumerate(self.state.items):
            policy = terms.policy if terms.price.timing == ARREARS else terms.price.proration_down
            self.totals[place] -= terms.amount * (period.left(policy, start) - period.left(policy, end))

    def _do_cancel(self, deed: Deed, at: datetime) -> None:
        if deed.number and self.paused_at is None:
            self.cancel_at = self.state.period.end if deed.number == 1 else at + timedelta(days=deed.number)
        else:
            self._end(self.paused_at or at)

    def _do_undo(self, _: Deed, __: datetime) -> None:
        assert self.cancel_at is not None
        for place, terms in enumerate(self.state.items):
            if terms.cut:
                # Seats billed to the end that was set are not billed on behind it yet.
                self.hangs_on_what_was_billed |= terms.has_moved
                self.totals[place] += terms.amount * self.state.period.left(terms.cut, self.cancel_at)
        self.cancel_at = None
        self.state = replace(self.state, items=tuple(replace(one, cut="") for one in self.state.items))

    def _do_zone(self, deed: Deed, _: datetime) -> None:
        self.zone_to_be = deed.word

    # How it goes

    def _apply_waiting(self, at: datetime) -> None:
        for kind, (due_at, _, deed) in sorted(self.waiting.items(), key=lambda one: one[1][0]):
            if due_at <= at:
                del self.waiting[kind]
                if deed.price is not None:
                    self._change_price(deed, due_at, is_billed=due_at != self.state.period.start)
                else:
                    self._set_quantity(0, int(deed.word), due_at)

    def _set_quantity(self, place: int, quantity: int, at: datetime) -> None:
        """Change seats: the rest of the period at the new number less at the old."""
        terms = self.state.items[place]
        changed = replace(terms, quantity=quantity, has_moved=True)
        self.moved_at = at
        self.totals[place] += self._rest(changed, terms.policy, at) - self._rest(terms, terms.policy, at)
        if self._ends_inside() and terms.policy not in {terms.cut, terms.price.proration_down}:
            self.hangs_on_what_was_billed = True
        self._set(place, changed)

    def _set(self, place: int, terms: Terms) -> None:
        self.before = None
        items = list(self.state.items)
        items[place] = terms
        self.state = replace(self.state, items=tuple(items))

    def _period_at(self, anchor: datetime, interval: Interval, at: datetime) -> Period:
        """Return the period from a moment to the next boundary."""
        number = boundary_index(anchor, interval, self.zone, at)
        full_start, end = (boundary(anchor, interval, n, self.zone) for n in (number, number + 1))
        return Period(at, end, full_start, end, self.zone)

    def _open(self, at: datetime) -> None:
        """Begin the next period at a boundary, in the zone that holds from there on."""
        state, earlier = self.state, self.zone
        number = boundary_index(state.anchor, state.interval, earlier, at)
        self.zone = self.zone_to_be
        while (end := boundary(state.anchor, state.interval, number + 1, self.zone)) <= at:
            number += 1
        self._begin(Period(at, end, at, end, self.zone))

    def _begin(self, period: Period) -> None:
        """Begin a period with what waited for its beginning."""
        items = tuple(
            Terms(one.following or one.price, one.quantity, (one.following or one.price).proration_up)
            for one in self.state.items
        )
        self.state = replace(self.state, period=period, items=items)
        self._charge_period()

    def _charge_period(self, *, first: str = "") -> None:
        """Charge each item for the period that begins; a stub by the items' policies, or `first` for the plan's own."""
        period = self.state.period
        cut = []
        for place, terms in enumerate(self.state.items):
            policy = first if first and not place else terms.policy
            self.totals[place] += terms.amount * period.left(policy, period.start)
            cut.append(self._cut(place, terms, policy))
        self.state = replace(self.state, items=tuple(cut))

    def _ends_inside(self) -> bool:
        """Tell whether an end is set inside the running period."""
        return self.cancel_at is not None and self.cancel_at < self.state.period.end

    def _cut(self, place: int, terms: Terms, policy: str) -> Terms:
        """Take off what lies behind an end that is set: it is charged up to there alone."""
        if not self._ends_inside() or terms.price.timing == ARREARS:
            return replace(terms, cut="")
        assert self.cancel_at is not None
        self.totals[place] -= terms.amount * self.state.period.left(policy, self.cancel_at)
        return replace(terms, cut=policy)

    def _rest(self, terms: Terms, policy: str, at: datetime) -> Fraction:
        """Return what is left of what an item was charged, counted by a policy; at the very beginning all of it."""
        if at == self.state.period.start:
            policy = terms.policy
        left = self.state.period.left(policy, at)
        if terms.cut:
            assert self.cancel_at is not None
            left -= self.state.period.left(policy, self.cancel_at)
        return terms.amount * left

    def _end(self, at: datetime) -> None:
        """End it, and give back what is left; of terms that took over at that very moment all they were charged."""
        for place, terms in enumerate(self.state.items):
            has_just_begun = not place and self.took_over_at == at
            policy = terms.policy if has_just_begun else terms.price.proration_down
            self.totals[place] -= self._rest(terms, policy, at)
        self.is_over = True


def worked_out(life: Life, deeds: tuple[Deed, ...], until: datetime) -> tuple[list[Fraction], datetime] | None:
    """Return what each item comes to, and the first boundary after `until`, where all before it is on paper.

    Prices in advance have charged the period that begins there too. None where it hangs on what was billed when.
    """
    oracle = Oracle(life)
    for deed in deeds:
        oracle.to(deed.at)
        oracle.do(deed)
    oracle.to(until)
    if oracle.is_over:
        return None if oracle.hangs_on_what_was_billed else (oracle.totals, until)
    while oracle.waiting:
        oracle.to(max(due_at for due_at, _, _ in oracle.waiting.values()))
    end = oracle.state.period.end if oracle.cancel_at is None else min(oracle.state.period.end, oracle.cancel_at)
    oracle.to(end)
    if not oracle.is_over:
        # Prices in arrears charge what has just begun when it is over.
        for place, terms in enumerate(oracle.state.items):
            if terms.price.timing == ARREARS:
                oracle.totals[place] -= terms.amount * oracle.state.period.left(terms.policy, end)
    return None if oracle.hangs_on_what_was_billed else (oracle.totals, end)
