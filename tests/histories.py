"""Random histories of one customer, billed in pure code: no database, figures from the reference aggregation."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from billing.domain.cycle import bill_steps, plan_steps, settle, step_windows
from core.domain.period import Period
from core.domain.schedule import Interval
from invoicing.domain.account import Account, SellerTerms
from invoicing.domain.assembly import Occasion, Proposal, after, propose
from invoicing.domain.discounts import Voucher
from invoicing.domain.metered import usage_windows
from invoicing.domain.tax_decision import Buyer, Seller
from invoicing.domain.tax_rules import CountryRules, DatedRate, TaxRules
from invoicing.domain.tax_world import TaxWorld
from subscriptions.domain.agreement import AgreementWanted, ItemTermsWanted, agree
from subscriptions.domain.pricing import PriceType, Rating, Tier
from subscriptions.domain.terms import ARREARS, Agreement, Item, ItemVersion, MeterTerms, PriceTerms
from usage.domain.aggregation import MeteredEvent, UsageFigure, aggregate
from usage.domain.window import UsageWindow

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
METRIC = uuid.UUID(int=1)
TIERS = (Tier(1, 10, Decimal(100), Decimal(50)), Tier(11, 50, Decimal("33.3")), Tier(51, None, Decimal("0.07")))


@dataclass(frozen=True)
class Seats:
    """A change of seats."""

    at: datetime
    delta: int


@dataclass(frozen=True)
class Usage:
    """An event, and when it was stored."""

    event: MeteredEvent
    stored_at: datetime


@dataclass(frozen=True)
class History:
    """Everything that happened to one customer."""

    agreement: Agreement
    account: Account
    seats: tuple[Seats, ...] = ()
    usage: tuple[Usage, ...] = ()
    proposals: tuple[Proposal, ...] = field(default_factory=tuple)


def world(rate: str = "19") -> TaxWorld:
    """Return tax rules with one country that collects."""
    rates = (DatedRate("rule", "standard", Decimal(rate)),)
    return TaxWorld(TaxRules("standard", (CountryRules("DE", True, True, rates=rates),)), "standard")


def price(rating: Rating, **values: Any) -> PriceTerms:
    """Return a monthly price in advance."""
    defaults: dict[str, Any] = {
        "price_id": uuid.uuid5(METRIC, repr((rating, sorted(values.items(), key=str)))),
        "product_id": METRIC,
        "product_name": "Example",
        "currency": "EUR",
        "rating": rating,
        "interval": Interval("month"),
        "timing": "advance",
        "including_tax": False,
        "meter": None,
        "minimum_commitment_minor": None,
        "proration_up": "day",
        "proration_down": "day",
        "tax_type_id": None,
        "digital": True,
        "physical": False,
        "product_rate": None,
        "export": "",
    }
    return PriceTerms(**{**defaults, **values})


def meter(aggregation: str = "sum", *, continuous: bool = False) -> MeterTerms:
    """Return a meter of the one metric."""
    return MeterTerms(METRIC, "Calls", "calls", aggregation, "", (), continuous)


def account(*vouchers: Voucher, zone: str = "UTC", balances: dict[str, int] | None = None) -> Account:
    """Return an invoice customer in Germany."""
    seller = SellerTerms(
        METRIC, "default", Seller("DE", vat_registered=True), zone, 30, "period_start", "period_end", {}
    )
    return Account(
        customer_id=uuid.UUID(int=2),
        seller=seller,
        buyer=Buyer("DE"),
        billing_type="invoice",
        zone=zone,
        locale="en",
        payment_method_id=None,
        party={},
        vouchers=vouchers,
        balances_minor=balances or {},
    )


def start(prices: Sequence[tuple[PriceTerms, int]], at: datetime, **values: Any) -> Agreement:
    """Return a fresh agreement."""
    items = tuple(
        ItemTermsWanted(uuid.UUID(int=100 + position), item, quantity)
        for position, (item, quantity) in enumerate(prices)
    )
    wanted = AgreementWanted(uuid.UUID(int=3), uuid.UUID(int=2), uuid.UUID(int=4), "Team", items, at, **values)
    return agree(wanted)


def answer(windows: Iterable[UsageWindow], events: Iterable[MeteredEvent]) -> dict[Any, UsageFigure]:
    """Answer questions about usage from events in memory."""
    known = tuple(events)
    return {
        window.key: aggregate(
            window.meter, known, Period(window.start or BEGINNING, window.end), free_events=window.free_events
        )
        for window in windows
    }


def open_agreement(history: History, now: datetime) -> History:
    """Bill an agreement's start."""
    agreement = history.agreement
    events = [usage.event for usage in history.usage if usage.stored_at <= now]
    figures = answer(usage_windows(agreement, now), events)
    proposals = propose(history.account, (agreement,), Occasion(now, now.date(), "start"), figures, world())
    settled = settle(agreement, now)
    account_after = after(replace(history.account, agreements=(settled,)), proposals, (settled,))
    return replace(history, agreement=settled, account=account_after, proposals=proposals)


def charge_now(history: History, changed: Agreement, now: datetime, *, seats_now: bool = False) -> History:
    """Bill what a changed agreement owes at the moment of the change."""
    events = [usage.event for usage in history.usage if usage.stored_at <= now]
    figures = answer(usage_windows(changed, now), events)
    known = replace(history.account, agreements=(changed,))
    proposals = propose(known, (changed,), Occasion(now, now.date(), "change", seats_now), figures, world())
    settled = settle(changed, now)
    stored = after(known, proposals, (settled,))
    return replace(history, agreement=settled, account=stored, proposals=(*history.proposals, *proposals))


def run(history: History, now: datetime) -> History:
    """Run billing at a moment, knowing what had been agreed and stored by then."""
    agreement = with_seats(history.agreement, [seats for seats in history.seats if seats.at <= now])
    known = replace(history.account, agreements=(agreement,))
    plan = plan_steps(known, now)
    events = [usage.event for usage in history.usage if usage.stored_at <= now]
    figures = answer(step_windows(plan.steps), events)
    proposals = bill_steps(known, plan.steps, now, figures, world())
    settled = plan.steps[-1].settled[0] if plan.steps else agreement
    stored = after(known, proposals, (settled,))
    return replace(history, agreement=settled, account=stored, proposals=(*history.proposals, *proposals))


def with_seats(agreement: Agreement, changes: Sequence[Seats]) -> Agreement:
    """Return an agreement whose first item has had these changes, and no others; as it is when there are none."""
    if not changes:
        return agreement
    first = agreement.items[0]
    versions = [first.versions[0]]
    for change in sorted(changes, key=lambda seats: seats.at):
        last = versions[-1]
        quantity = max(1, last.quantity + change.delta)
        if quantity != last.quantity:
            word = "added" if quantity > last.quantity else "removed"
            versions.append(ItemVersion(last.version + 1, change.at, last.price, quantity, word))
    changed = Item(first.item_id, first.position, tuple(versions))
    return replace(agreement, items=(changed, *agreement.items[1:]))


def lines(history: History) -> list[tuple[Any, ...]]:
    """Return every line's key and amount, in a fixed order."""
    return sorted(
        (
            str(line.charge.item_id),
            line.charge.kind,
            line.charge.period_start,
            line.charge.period_end,
            line.charge.tier,
            line.charge.revision,
            line.charge.amount_minor,
        )
        for proposal in history.proposals
        for line in proposal.lines
    )


ZONES = ("UTC", "Europe/Berlin", "America/Halifax", "Asia/Tokyo", "Pacific/Apia")
STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
LICENSED = st.sampled_from(
    [
        Rating(PriceType.UNIT, unit_price=Decimal(1000)),
        Rating(PriceType.UNIT, unit_price=Decimal("333.33")),
        Rating(PriceType.PACKAGE, unit_price=Decimal(700), units=3),
        Rating(PriceType.TIERED_VOLUME, tiers=TIERS),
        Rating(PriceType.TIERED_GRADUATED, tiers=TIERS),
    ]
)
METERED = st.sampled_from(
    [
        Rating(PriceType.UNIT, unit_price=Decimal("0.07")),
        Rating(PriceType.TIERED_VOLUME, tiers=TIERS),
        Rating(PriceType.TIERED_GRADUATED, tiers=TIERS),
        Rating(PriceType.PERCENTAGE, rate=Decimal("2.9"), fixed=Decimal(30), free_events=1),
    ]
)
INTERVALS = st.sampled_from([Interval("month"), Interval("week", 2), Interval("month", 3), Interval("day", 10)])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a customer with seats, usage (some of it late) and maybe a voucher."""
    interval, begin = draw(INTERVALS), draw(STARTS)
    seats_price = price(draw(LICENSED), interval=interval, timing=draw(st.sampled_from(["advance", "arrears"])))
    metered = price(
        draw(METERED),
        interval=interval,
        timing=ARREARS,
        meter=meter(draw(st.sampled_from(["sum", "count", "max"]))),
        minimum_commitment_minor=draw(st.sampled_from([None, 5000])),
    )
    zone = draw(st.sampled_from(ZONES))
    agreement = start(
        [(seats_price, draw(st.integers(1, 20))), (metered, 1)],
        begin,
        zone=zone,
        alignment=draw(st.sampled_from(["anniversary", "calendar"])),
    )
    span = 200 * 24 * 3600
    moments = st.integers(1, span).map(lambda seconds: begin + timedelta(seconds=seconds))
    changes = draw(st.lists(st.builds(Seats, moments, st.integers(-5, 5)), max_size=4, unique_by=lambda s: s.at))
    values = st.decimals(0, 60, places=2)
    stamps = draw(st.lists(st.tuples(moments, values, st.integers(0, 20 * 24 * 3600)), max_size=8))
    usage = tuple(
        Usage(MeteredEvent(f"e{n}", value, {}, at), at + timedelta(seconds=delay))
        for n, (at, value, delay) in enumerate(stamps)
    )
    vouchers = draw(
        st.sampled_from([(), (Voucher("v", "r", "percentage", percent=Decimal("12.5"), duration="forever"),)])
    )
    return History(agreement, account(*vouchers, zone=zone), tuple(changes), usage)
