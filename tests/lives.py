"""Random lives of one subscription: everything that can be asked for, decided and billed in pure code.

The steps are those of `billing.operations.changing` and of the run: what is due is billed, the deed is decided, what it
comes to is proposed; only the lines that the database would be asked for are known.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from msgspec import structs

from billing.domain.cycle import (
    CHANGE,
    Step,
    Transition,
    bill_steps,
    cancel,
    next_due,
    plan_steps,
    settle,
    step_windows,
    transition_of,
)
from billing.run.reading import line_horizons
from core.domain.schedule import Interval
from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal, after
from invoicing.domain.charge import JUST_BEFORE
from invoicing.domain.discounts import Voucher
from subscriptions.domain import change
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import PriceChange
from subscriptions.domain.lifecycle import ACTIVE_STATUSES, BILLED_STATUSES, Action, InvalidTransition, Status
from subscriptions.domain.pending import Applied, ChangeKind, apply_due, at_boundary
from subscriptions.domain.periods import current_period
from subscriptions.domain.pricing import PriceType, Rating
from subscriptions.domain.terms import ARREARS, Agreement, PendingChange, PriceTerms
from tests.histories import LICENSED, STARTS, TIERS, ZONES, Usage, account, answer, meter, price, start, world
from usage.domain.aggregation import MeteredEvent

SPAN = timedelta(days=120)
PLAN, OTHER_PLAN = uuid.UUID(int=4), uuid.UUID(int=5)


@dataclass(frozen=True, repr=False)
class Deed:
    """Something asked for at a moment; what the parts mean hangs on the verb."""

    at: datetime
    verb: str
    price: PriceTerms | None = None
    number: int = 0
    word: str = ""

    def __repr__(self) -> str:
        """Write it short, so that a failing example can be read."""
        price = f" {_told(self.price)}" if self.price is not None else ""
        return f"{self.at:%y-%m-%d %H:%M:%S} {self.verb}{price} {self.number} {self.word!r}"


@dataclass(frozen=True, repr=False)
class Life:
    """One subscription with what was asked for, and what came of it; `failed` are waiting changes it could not take."""

    agreement: Agreement
    account: Account
    deeds: tuple[Deed, ...] = ()
    usage: tuple[Usage, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    done: tuple[Deed, ...] = ()
    failed: tuple[Applied, ...] = ()

    def __repr__(self) -> str:
        """Write it short, so that a failing example can be read."""
        first, calendar = self.agreement.items, self.agreement.calendar[0]
        items = ", ".join(f"{item.versions[0].quantity} x {_told(item.versions[0].price)}" for item in first)
        head = f"{self.agreement.started_at:%y-%m-%d %H:%M:%S} {calendar.zone} {calendar.alignment}: {items}"
        events = [f"{one.event.timestamp:%m-%d} {one.event.value} ({one.stored_at:%m-%d})" for one in self.usage]
        vouchers = [f"{one.kind} {one.percent} {one.duration}" for one in self.account.vouchers]
        return "\n  ".join([head, *map(repr, self.deeds), *events, *vouchers])


def _told(price: PriceTerms) -> str:
    """Write a price short."""
    rating, interval = price.rating, price.interval
    amount = f"{rating.type} {rating.unit_price}" if not rating.tiers else str(rating.type)
    every = f"{interval.count} {interval.unit}" if interval else "once"
    return f"<{amount} / {every} {price.timing} {price.proration_up}>"


@dataclass(frozen=True)
class Decided:
    """What a deed makes of an agreement, and whether it is charged at once."""

    agreement: Agreement
    transitions: tuple[Transition, ...] = ()
    is_charged: bool = True
    seats_now: bool = False
    applied: tuple[Applied, ...] = ()


def decide(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    """Return what a deed does. Raises InvalidAgreement and InvalidTransition where it is refused."""
    if deed.verb in _TERMS and agreement.status not in ACTIVE_STATUSES:
        raise InvalidAgreement("status", "It is not running.")
    return (_TERMS | _LIFECYCLE)[deed.verb](deed, agreement, at)


def _price(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    wanted = _wanted(deed)
    changed = change.change_price(agreement, wanted, at)
    return Decided(replace(changed, pending=tuple(one for one in changed.pending if one.kind != ChangeKind.PLAN)))


def _wanted(deed: Deed) -> PriceChange:
    assert deed.price is not None
    return PriceChange(PLAN, "Team", deed.price, None, deed.word)


def _seats(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    quantity = max(1, agreement.items[0].versions[-1].quantity + deed.number)
    changed = change.change_seats(agreement, quantity, at)
    kept = tuple(one for one in changed.pending if one.kind != ChangeKind.SEATS)
    is_now = deed.word == "now"
    return Decided(replace(changed, pending=kept), is_charged=is_now, seats_now=is_now)


def _add(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    assert deed.price is not None
    just_added = sum(item.versions[0].from_at == at for item in agreement.items)
    item_id = uuid.uuid5(PLAN, f"{at} {just_added}")
    return Decided(change.add_item(agreement, item_id, deed.price, deed.number, at))


def _item(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    item_id = [item for item in agreement.items if item.versions[-1].quantity][-1].item_id
    if deed.number:
        return Decided(change.change_item(agreement, item_id, deed.number, at), is_charged=True, seats_now=True)
    return Decided(change.remove_item(agreement, item_id, at), seats_now=True)


def _later(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    """Let a change of price or seats wait, for the next cycle (0) or so many days."""
    period = current_period(agreement, at)
    if period is None:
        raise InvalidAgreement("when", "The subscription has no next cycle.")
    due_at = at + timedelta(days=deed.number) if deed.number else period.end
    if agreement.cancel_at is not None and agreement.cancel_at <= due_at:
        raise InvalidAgreement("when", "The subscription ends before.")
    kind, seats = ChangeKind.PLAN, None
    if deed.price is None:
        kind, seats = ChangeKind.SEATS, int(deed.word)
        change.change_seats(agreement, seats, due_at)
    else:
        change.change_price(agreement, _wanted(deed), due_at)
    waits = PendingChange(
        uuid.uuid5(PLAN, f"{kind} {at}"),
        kind,
        due_at,
        plan_id=PLAN,
        plan_name="Team",
        price=deed.price,
        quantity=seats,
        proration="" if deed.price is None else deed.word,
        at_boundary=not deed.number,
    )
    pending = (*(one for one in agreement.pending if one.kind != kind), waits)
    return Decided(replace(agreement, pending=pending), is_charged=False)


def _pause(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    moved, transition = transition_of(change.pause(agreement, at), Action.PAUSE, at)
    return Decided(moved, (transition,), is_charged=False)


def _resume(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    if agreement.status is not Status.PAUSED:
        raise InvalidAgreement("status", "It is not paused.")
    moved, transition = transition_of(change.resume(agreement, at, deed.word), Action.RESUME, at)
    period = current_period(moved, at)
    pending = tuple(
        replace(one, due_at=period.end if one.at_boundary and period is not None else max(one.due_at, at))
        for one in moved.pending
    )
    moved, applied = apply_due(replace(moved, pending=pending), at)
    return Decided(moved, (transition,), applied=applied)


def _cancel(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    if agreement.status is Status.CANCELLED or (agreement.cancel_at is not None and deed.number):
        raise InvalidAgreement("status", "Its end is set.")
    ends_at, period = at, current_period(agreement, at)
    if deed.number == 1 and period is not None:
        ends_at = period.end
    elif deed.number > 1:
        ends_at = at + timedelta(days=deed.number)
    ending = replace(agreement, cancel_refund=deed.word, cancel_at=ends_at)
    if ends_at > at:
        moved, transition = transition_of(ending, Action.SCHEDULE_CANCEL, at)
        return Decided(moved, (transition,), is_charged=False)
    ended, transition = cancel(ending, at)
    return Decided(ended, (transition,))


def _undo(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    period = current_period(agreement, at)
    dirty_from = agreement.dirty_from if period is None else period.start
    going_on = replace(agreement, cancel_at=None, cancel_refund="", dirty_from=dirty_from)
    moved, transition = transition_of(going_on, Action.UNDO_CANCEL, at)
    return Decided(moved, (transition,))


def _zone(deed: Deed, agreement: Agreement, at: datetime) -> Decided:
    return Decided(agreement, is_charged=False)


_TERMS = {"price": _price, "seats": _seats, "add": _add, "item": _item, "later": _later}
_LIFECYCLE = {"pause": _pause, "resume": _resume, "cancel": _cancel, "undo": _undo, "zone": _zone}


def opened(life: Life) -> Life:
    """Bill a life's start."""
    agreement = life.agreement
    step = Step(agreement.started_at, (agreement,), (settle(agreement, agreement.started_at),), (), origin="start")
    return _billed(life, life.account, (step,), agreement.started_at)


def ran(life: Life, now: datetime) -> Life:
    """Run billing at a moment."""
    known = _as_read(life, changes=False)
    plan = plan_steps(known, now)
    return _billed(life, known, plan.steps, now) if plan.steps else life


def did(life: Life, deed: Deed) -> Life:
    """Do a deed at its moment: what was due before, then what the deed comes to; the life as it was where refused.

    What falls due at that very moment belongs to what it is changed into.
    """
    now = deed.at
    # What is due already is billed by the zone before.
    steps = plan_steps(_as_read(life, changes=True), now - JUST_BEFORE).steps
    if deed.verb == "zone":
        life = replace(life, account=replace(life.account, zone=deed.word))
    known = _as_read(life, changes=True)
    held = steps[-1].settled[0] if steps else life.agreement
    try:
        decided = decide(deed, held, now)
    except (InvalidAgreement, InvalidTransition):
        return life
    agreement = decided.agreement
    if agreement.status in BILLED_STATUSES:
        agreement = at_boundary(change.move_to_zone(agreement, life.account.zone, now), now)
    is_charged = decided.is_charged and agreement.status in BILLED_STATUSES | {Status.CANCELLED}
    if is_charged:
        settled = settle(agreement, now)
    else:
        is_billed = agreement.billed_to_at is not None and agreement.billed_to_at >= now
        settled = replace(agreement, next_due_at=next_due(agreement, now if is_billed else now - JUST_BEFORE))
    step = Step(
        now,
        (agreement,) if is_charged else (),
        (settled,),
        decided.transitions,
        decided.applied,
        origin=CHANGE,
        seats_now=decided.seats_now,
    )
    made = _billed(life, known, (*steps, step), now)
    return replace(made, done=(*made.done, deed))


def _as_read(life: Life, *, changes: bool) -> Account:
    """Return the account with the lines that the database would be asked for."""
    horizons = line_horizons([life.agreement], [life.agreement.subscription_id] if changes else ())
    billed = {
        item_id: tuple(
            sorted(
                (line for line in life.account.billed.get(item_id, ()) if line.period_start >= horizon),
                key=lambda line: (line.period_start, line.kind, line.tier, line.revision),
            )
        )
        for item_id, horizon in horizons.items()
    }
    return replace(life.account, agreements=(life.agreement,), billed=billed)


def _billed(life: Life, known: Account, steps: Sequence[Step], now: datetime) -> Life:
    """Bill steps, and store what they come to."""
    events = [usage.event for usage in life.usage if usage.stored_at <= now]
    figures = answer(step_windows(steps), events)
    known = replace(known, agreements=(life.agreement,))
    proposals = bill_steps(known, steps, now, figures, world())
    settled = steps[-1].settled[0]
    failed = tuple(one for step in steps for one in step.applied if one.failure)
    stored = life.account
    for number, proposal in enumerate(proposals, start=len(life.proposals)):
        stored = _stored(stored, proposal, uuid.UUID(int=1000 + number))
    return replace(
        life,
        agreement=settled,
        account=stored,
        proposals=(*life.proposals, *proposals),
        failed=(*life.failed, *failed),
    )


def _stored(known: Account, proposal: Proposal, document_id: uuid.UUID) -> Account:
    """Return an account after a document is stored: its lines stand on it, and it is open."""
    stored = after(known, (proposal,), ())
    billed = {
        item_id: tuple(
            line if line.invoice_id else structs.replace(line, invoice_id=document_id)
            for line in stored.billed[item_id]
        )
        for item_id in stored.billed
    }
    if not proposal.is_credit:
        stored = replace(stored, open_minor={**stored.open_minor, document_id: proposal.amount_due_minor})
    return replace(stored, billed=billed)


def lived(life: Life, until: datetime, *, on_time: bool = True) -> Life:
    """Live a life: its deeds in order, and a run at each due moment (else only before each deed, and at the end)."""
    life = opened(life)
    for deed in sorted(life.deeds, key=lambda one: one.at):
        life = did(punctual(life, deed.at) if on_time else life, deed)
    return ran(punctual(life, until) if on_time else life, until)


def punctual(life: Life, until: datetime) -> Life:
    """Run at every due moment up to one."""
    while life.agreement.next_due_at is not None and life.agreement.next_due_at <= until:
        life = ran(life, life.agreement.next_due_at)
    return life


def price_of(rating: Rating, interval: Interval, timing: str, policy: str) -> PriceTerms:
    """Return a licensed price."""
    return price(rating, interval=interval, timing=timing, proration_up=policy, proration_down=policy)


POLICIES = ("day", "second", "thirty_360", "none", "full")
MONTHLY, QUARTERLY, YEARLY = Interval("month"), Interval("month", 3), Interval("year")
INTERVALS = (MONTHLY, MONTHLY, QUARTERLY, Interval("week", 2), Interval("day", 10), YEARLY)
VOUCHERS = (
    (),
    (),
    (Voucher("v", "r", "percentage", percent=Decimal("12.5"), duration="forever"),),
    (Voucher("v", "r", "percentage", percent=Decimal(50), duration="once", remaining=1),),
    (Voucher("v", "r", "percentage", percent=Decimal(33), duration="repeating", remaining=3),),
    (Voucher("v", "r", "fixed_discount", amounts=(("EUR", 777),), duration="forever"),),
)


@dataclass(frozen=True)
class Kinds:
    """What a life may hold."""

    verbs: tuple[str, ...] = (
        "price",
        "price",
        "seats",
        "add",
        "item",
        "later_price",
        "later_seats",
        "pause",
        "resume",
        "cancel",
        "undo",
        "zone",
    )
    policies: tuple[str, ...] = POLICIES
    timings: tuple[str, ...] = ("advance", "advance", ARREARS)
    intervals: tuple[Interval, ...] = INTERVALS
    vouchers: tuple[tuple[Voucher, ...], ...] = VOUCHERS
    ratings: st.SearchStrategy[Rating] = field(default_factory=lambda: LICENSED)
    refunds: tuple[str, ...] = ("none", "prorate")
    resumes: tuple[str, ...] = ("", "shift", "keep")
    is_metered: bool = True
    most: int = 5


@st.composite
def moments(draw: st.DrawFn, begin: datetime) -> datetime:
    """Draw a moment after the beginning: often at the wall time of the anchor, at midnight, or the same day."""
    day = timedelta(days=draw(st.integers(0, SPAN.days)))
    seconds = draw(st.sampled_from([0, 0, 1, 3600, 20_000, 86_399]) | st.integers(0, 86_399))
    return begin + day + timedelta(seconds=seconds)


@st.composite
def deeds(draw: st.DrawFn, kinds: Kinds, begin: datetime, prices: tuple[PriceTerms, ...]) -> Deed:
    """Draw something to ask for."""
    verb, at = draw(st.sampled_from(kinds.verbs)), draw(moments(begin))
    ways = {
        "price": lambda: Deed(
            at,
            verb,
            draw(st.sampled_from(prices)),
            word=draw(st.sampled_from(["", "", *kinds.policies])),
        ),
        "seats": lambda: Deed(at, verb, number=draw(st.integers(-4, 9)), word=draw(st.sampled_from(["", "now"]))),
        "add": lambda: Deed(at, verb, draw(st.sampled_from(prices)), draw(st.integers(1, 3))),
        "item": lambda: Deed(at, verb, number=draw(st.integers(0, 3))),
        "later_price": lambda: Deed(at, "later", draw(st.sampled_from(prices)), draw(st.sampled_from([0, 0, 3, 40]))),
        "later_seats": lambda: Deed(
            at, "later", None, draw(st.sampled_from([0, 0, 3, 40])), str(draw(st.integers(1, 12)))
        ),
        "resume": lambda: Deed(at, verb, word=draw(st.sampled_from(kinds.resumes))),
        "cancel": lambda: Deed(
            at, verb, number=draw(st.sampled_from([0, 1, 9, 50])), word=draw(st.sampled_from(kinds.refunds))
        ),
        "zone": lambda: Deed(at, verb, word=draw(st.sampled_from(ZONES))),
    }
    return ways[verb]() if verb in ways else Deed(at, verb)


@st.composite
def lives(draw: st.DrawFn, kinds: Kinds = Kinds()) -> Life:
    """Draw a life: prices, seats, zone, anchor, vouchers, usage (some of it late), and what is asked for."""
    begin, zone = draw(STARTS), draw(st.sampled_from(ZONES))
    if draw(st.booleans()):
        # Month ends are where anchors go wrong.
        begin = begin.replace(month=1, day=draw(st.integers(28, 31)))
    interval = draw(st.sampled_from(kinds.intervals))
    timings, policies = st.sampled_from(kinds.timings), st.sampled_from(kinds.policies)
    prices = tuple(
        price_of(draw(kinds.ratings), one, draw(timings), draw(policies))
        for one in (interval, interval, interval, draw(st.sampled_from(kinds.intervals)))
    )
    items = [(prices[0], draw(st.integers(1, 12)))]
    usage: tuple[Usage, ...] = ()
    if kinds.is_metered and draw(st.booleans()):
        metered = price(
            Rating(PriceType.TIERED_GRADUATED, tiers=TIERS),
            interval=interval,
            timing=ARREARS,
            meter=meter(draw(st.sampled_from(["sum", "count", "max"]))),
        )
        items.append((metered, 1))
        stamps = draw(st.lists(st.tuples(moments(begin), st.integers(0, 60), st.integers(0, 20)), max_size=5))
        usage = tuple(
            Usage(MeteredEvent(f"e{n}", Decimal(value), {}, at), at + timedelta(days=late))
            for n, (at, value, late) in enumerate(stamps)
        )
    agreement = start(
        items, begin, zone=zone, alignment=draw(st.sampled_from(["anniversary", "anniversary", "calendar"]))
    )
    wanted = draw(st.lists(deeds(kinds, begin, prices), max_size=kinds.most))
    customer = replace(account(*draw(st.sampled_from(kinds.vouchers)), zone=zone))
    return Life(agreement, customer, tuple(sorted(wanted, key=lambda one: one.at)), usage)


def end_of(life: Life) -> datetime:
    """Return the moment up to which a life is looked at."""
    return life.agreement.started_at + SPAN + timedelta(days=40)
