"""What a life must come to, worked out another way: day by day, from the words of Billing rules, section 5.

Nothing here knows lines, credits, revisions or what was billed: each item's price for its seats is summed over the
local days served of each period; a day belongs to the terms in force at its end. For prices that prorate by the day.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from core.domain.schedule import Interval, boundary, boundary_index, calendar_anchor, local_date, local_wall
from subscriptions.domain.pricing import exact_price
from subscriptions.domain.terms import CALENDAR, PriceTerms
from tests.lives import Deed, Life

DAY = timedelta(days=1)
Terms = tuple[PriceTerms, int]


@dataclass(frozen=True)
class Period:
    """The period that runs: where it starts and ends, and the local days of its full interval."""

    start: datetime
    end: datetime
    full_days: int


@dataclass(frozen=True)
class State:
    """What stands: the anchor and its interval, the period, and the terms of each item."""

    anchor: datetime
    interval: Interval
    period: Period
    items: tuple[Terms, ...]


class Oracle:
    """Follows one life. `totals` has what each item comes to, exactly, item by item in the order they were added."""

    def __init__(self, life: Life) -> None:
        agreement = life.agreement
        calendar = agreement.calendar[0]
        assert calendar.interval is not None
        self.zone = self.zone_to_be = calendar.zone
        self.is_calendar = calendar.alignment == CALENDAR
        items = tuple((item.versions[0].price, item.versions[0].quantity) for item in agreement.items)
        begin = agreement.started_at
        anchor, interval = calendar.anchor_wall, calendar.interval
        self.state = State(anchor, interval, self._period_at(anchor, interval, begin), items)
        self.before: tuple[datetime, State] | None = None
        self.totals: list[Fraction] = [Fraction(0) for _ in items]
        self.log: list[tuple[date, tuple[Terms, ...]]] = []
        self.paused: list[tuple[date, date]] = []
        self.kept_totals, self.kept_log, self.kept_paused = self.totals, self.log, self.paused
        self.paused_at: datetime | None = None
        self.cancel_at: datetime | None = None
        self.is_over = False
        self.waiting: dict[str, tuple[datetime, bool, Deed]] = {}
        self._note(begin)

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
                self._close(at)
                self._open(at)
            self._apply_waiting(at)

    def do(self, deed: Deed) -> None:
        """Do what was asked for, and accepted."""
        getattr(self, f"_do_{deed.verb}")(deed, deed.at)

    # What is asked for

    def _do_price(self, deed: Deed, at: datetime) -> None:
        self.waiting.pop("price", None)
        self._change_price(deed, at)

    def _change_price(self, deed: Deed, at: datetime) -> None:
        price, quantity = deed.price, self.state.items[0][1]
        assert price is not None
        assert price.interval is not None
        if price == self.state.items[0][0]:
            return
        earlier = self.before
        items = ((price, quantity), *self.state.items[1:])
        if earlier is not None and earlier[0] == at and earlier[1].items[0][0] == price:
            # Undone at its own moment: the very terms that were.
            self.state, self.log, self.totals = replace(earlier[1], items=items), self.kept_log, self.kept_totals
            self.paused = self.kept_paused
            self._note(at)
            return
        if earlier is None or earlier[0] != at:
            self.before = at, self.state
            self.kept_log, self.kept_totals, self.kept_paused = list(self.log), list(self.totals), list(self.paused)
        if price.interval != self.state.interval:
            self._close(at)
            anchor = local_wall(at, self.zone)
            if self.is_calendar:
                day = self.state.anchor.day if self.state.interval.unit == "month" else 1
                anchor = calendar_anchor(at, price.interval, day, self.zone)
            self.state = State(anchor, price.interval, self._period_at(anchor, price.interval, at), items)
        else:
            self.state = replace(self.state, items=items)
        self._note(at)

    def _do_seats(self, deed: Deed, at: datetime) -> None:
        self.waiting.pop("seats", None)
        price, quantity = self.state.items[0]
        self._set(0, (price, max(1, quantity + deed.number)), at)

    def _do_add(self, deed: Deed, at: datetime) -> None:
        assert deed.price is not None
        self.totals.append(Fraction(0))
        self.before = None
        self.state = replace(self.state, items=(*self.state.items, (deed.price, deed.number)))
        self._note(at)

    def _do_item(self, deed: Deed, at: datetime) -> None:
        place = max(place for place, (_, quantity) in enumerate(self.state.items) if quantity)
        self._set(place, (self.state.items[place][0], deed.number), at)

    def _do_later(self, deed: Deed, at: datetime) -> None:
        due_at = at + timedelta(days=deed.number) if deed.number else self.state.period.end
        self.waiting["seats" if deed.price is None else "price"] = due_at, not deed.number, deed

    def _do_pause(self, _: Deed, at: datetime) -> None:
        self.paused_at = at

    def _do_resume(self, deed: Deed, at: datetime) -> None:
        assert self.paused_at is not None
        paused_at, self.paused_at, self.before = self.paused_at, None, None
        first, last = local_date(paused_at, self.zone), local_date(at, self.zone)
        self.paused.append((first, last))
        period = self.state.period
        if deed.word == "keep" or (not deed.word and self.is_calendar):
            if period.end <= at:
                self._close(paused_at)
                self.state = replace(self.state, period=self._period_at(self.state.anchor, self.state.interval, at))
                self._note(at)
        elif last > first:
            anchor = local_wall(period.end, self.zone) + (last - first)
            end = boundary(anchor, self.state.interval, 0, self.zone)
            self.state = replace(self.state, anchor=anchor, period=replace(period, end=end))
        for kind, (due_at, at_boundary, waits) in list(self.waiting.items()):
            moved = self.state.period.end if at_boundary else max(due_at, at)
            self.waiting[kind] = moved, at_boundary, waits
        if self.state.period.end <= at:
            # The end has moved, but not so far: the next period begins when service does.
            self._close(at)
            self.state = replace(self.state, period=self._period_at(self.state.anchor, self.state.interval, at))
            self._note(at)
        self._apply_waiting(at)

    def _do_cancel(self, deed: Deed, at: datetime) -> None:
        self.cancel_at = at
        if deed.number and self.paused_at is None:
            self.cancel_at = self.state.period.end if deed.number == 1 else at + timedelta(days=deed.number)
        else:
            self._end(self.paused_at or at)

    def _do_undo(self, _: Deed, __: datetime) -> None:
        self.cancel_at = None

    def _do_zone(self, deed: Deed, _: datetime) -> None:
        self.zone_to_be = deed.word

    # How it goes

    def _apply_waiting(self, at: datetime) -> None:
        for kind, (due_at, _, deed) in sorted(self.waiting.items(), key=lambda one: one[1][0]):
            if due_at <= at:
                del self.waiting[kind]
                if deed.price is not None:
                    self._change_price(deed, due_at)
                else:
                    self._set(0, (self.state.items[0][0], int(deed.word)), due_at)

    def _set(self, place: int, terms: Terms, at: datetime) -> None:
        self.before = None
        items = list(self.state.items)
        items[place] = terms
        self.state = replace(self.state, items=tuple(items))
        self._note(at)

    def _note(self, at: datetime) -> None:
        """Remember the terms from a local day on."""
        self.log.append((local_date(at, self.zone), self.state.items))

    def _period_at(self, anchor: datetime, interval: Interval, at: datetime) -> Period:
        """Return the period from a moment to the next boundary."""
        number = boundary_index(anchor, interval, self.zone, at)
        full_start, end = (boundary(anchor, interval, n, self.zone) for n in (number, number + 1))
        return Period(at, end, (local_date(end, self.zone) - local_date(full_start, self.zone)).days)

    def _open(self, at: datetime) -> None:
        """Begin the next period at a boundary, in the zone that holds from there on."""
        state, earlier = self.state, self.zone
        number = boundary_index(state.anchor, state.interval, earlier, at)
        self.zone = self.zone_to_be
        while (end := boundary(state.anchor, state.interval, number + 1, self.zone)) <= at:
            number += 1
        days = (local_date(end, self.zone) - local_date(at, self.zone)).days
        self.state = replace(state, period=Period(at, end, days))
        self._note(at)

    def _close(self, end: datetime) -> None:
        """Sum what each item comes to over the days of the period that ends."""
        period, zone = self.state.period, self.zone
        day, last = local_date(period.start, zone), local_date(end, zone)
        while day < last:
            if not any(first <= day < resumed for first, resumed in self.paused):
                terms = [items for since, items in self.log if since <= day][-1]
                for place, (price, quantity) in enumerate(terms):
                    self.totals[place] += Fraction(exact_price(price.rating, Decimal(quantity))) / period.full_days
            day += DAY
        self.log, self.paused = [], []

    def _end(self, at: datetime) -> None:
        self._close(at)
        self.is_over = True


def worked_out(life: Life, deeds: tuple[Deed, ...], until: datetime) -> tuple[list[Fraction], datetime]:
    """Return what each item comes to, and the first boundary after `until`, where all before it is on paper.

    Prices in advance have charged the period that begins there too.
    """
    oracle = Oracle(life)
    for deed in deeds:
        oracle.to(deed.at)
        oracle.do(deed)
    oracle.to(until)
    if oracle.is_over:
        return oracle.totals, until
    while oracle.waiting:
        oracle.to(max(due_at for due_at, _, _ in oracle.waiting.values()))
    end = oracle.state.period.end if oracle.cancel_at is None else min(oracle.state.period.end, oracle.cancel_at)
    oracle.to(end)
    if not oracle.is_over:
        for place, (price, quantity) in enumerate(oracle.state.items):
            if price.timing == "advance":
                oracle.totals[place] += Fraction(exact_price(price.rating, Decimal(quantity)))
    return oracle.totals, end
