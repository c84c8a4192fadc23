"""Bills of one customer made in pure code, in few words: what happened, when it was billed, what the papers say."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.discounts import Voucher
from subscriptions.domain.pricing import PriceType, Rating, Tier
from subscriptions.domain.terms import ARREARS, Agreement, PriceTerms
from tests.histories import History, Seats, Usage, account, meter, open_agreement, price, run
from usage.domain.aggregation import MeteredEvent


def but(value: Any, **changes: Any) -> Any:
    """Return the same value with some fields changed, be it a dataclass or one of the values made by the million."""
    change: Any = dataclasses.replace if dataclasses.is_dataclass(value) else replace
    return change(value, **changes)


def at(text: str) -> datetime:
    """Read a UTC moment: `2026-01-31` or `2026-01-31 10:17`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def per_seat(unit_price: str | int = 1000, **values: Any) -> PriceTerms:
    """Return a monthly price per seat, in advance."""
    return price(Rating(PriceType.UNIT, unit_price=Decimal(unit_price)), **values)


def per_call(
    unit_price: str | int = 10, aggregation: str = "sum", *, continuous: bool = False, **values: Any
) -> PriceTerms:
    """Return a monthly price per measured unit."""
    rating = values.pop("rating", None) or Rating(PriceType.UNIT, unit_price=Decimal(unit_price))
    return price(rating, timing=ARREARS, meter=meter(aggregation, continuous=continuous), **values)


def once(amount: str | int) -> PriceTerms:
    """Return a price that is charged once."""
    return price(Rating(PriceType.ONE_OFF, unit_price=Decimal(amount)), interval=None)


def graduated(*tiers: tuple[int, int | None, str, str]) -> Rating:
    """Return a graduated rating of (first unit, last unit, unit price, flat fee)."""
    made = tuple(Tier(first, last, Decimal(unit), Decimal(flat)) for first, last, unit, flat in tiers)
    return Rating(PriceType.TIERED_GRADUATED, tiers=made)


def half(**values: Any) -> Voucher:
    """Return 50 % for ever, unless said otherwise."""
    return Voucher("half", "half-1", "percentage", percent=Decimal(50), **{"duration": "forever", **values})


def used(value: str | int, timestamp: str, *, stored: str = "") -> Usage:
    """Return an event of a value at a moment, stored then unless said otherwise."""
    event = MeteredEvent(f"{timestamp} {value}", Decimal(value), {}, at(timestamp))
    return Usage(event, at(stored or timestamp))


def bill(
    agreement: Agreement,
    *moments: str,
    seats: Sequence[tuple[str, int]] = (),
    usage: Sequence[Usage] = (),
    customer: Account | None = None,
    opened: str = "",
) -> History:
    """Open an agreement at its start (or when it was `opened`, backdated), then run billing at each moment."""
    changes = tuple(Seats(at(moment), delta) for moment, delta in seats)
    history = History(agreement, customer or account(), changes, tuple(usage))
    history = open_agreement(history, at(opened) if opened else agreement.started_at)
    for moment in moments:
        history = run(history, at(moment))
    return history


def written(line: ProposedLine) -> tuple[str, str, str, int]:
    """Write a line down: kind, first and last moment by UTC day, amount before discount."""
    charge = line.charge
    return charge.kind, f"{charge.period_start:%m-%d}", f"{charge.period_end:%m-%d}", charge.amount_minor


def lines_of(*proposals: Proposal) -> list[tuple[str, str, str, int]]:
    """Write the lines of documents down, in their order."""
    return [written(line) for proposal in proposals for line in proposal.lines]


def nets_of(*proposals: Proposal) -> list[tuple[str, int, int]]:
    """Write down what lines come to: kind, discount, net."""
    return [
        (line.charge.kind, line.discount_minor, line.tax.net_minor) for proposal in proposals for line in proposal.lines
    ]


def due_days(*proposals: Proposal) -> list[str]:
    """Write down which due moments documents answer."""
    return [f"{proposal.occasion.moment:%m-%d}" for proposal in proposals]
