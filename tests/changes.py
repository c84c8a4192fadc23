"""Agreements that are begun and changed without a database, and what that bills."""

import uuid
from collections.abc import Callable
from typing import Any

from core.domain.schedule import Interval
from subscriptions.domain import change
from subscriptions.domain.change import PriceChange
from subscriptions.domain.terms import Agreement, PriceTerms
from tests.bills import at, bill, lines_of, per_seat
from tests.histories import History, charge_now, start

PLAN, OTHER_PLAN = uuid.UUID(int=4), uuid.UUID(int=5)
YEAR = Interval("year")
SMALL, BIG = per_seat(3000), per_seat(4500)
YEARLY = per_seat(30000, interval=YEAR)


def to(target: PriceTerms, proration: str = "", *, plan: uuid.UUID = PLAN, quantity: int | None = None) -> PriceChange:
    return PriceChange(plan, "Team" if plan == PLAN else "Big", target, quantity, proration)


def begin(terms: PriceTerms, seats: int, moment: str, **values: Any) -> History:
    customer = values.pop("customer", None)
    return bill(start([(terms, seats)], at(moment), zone=values.pop("zone", "UTC"), **values), customer=customer)


def changed(history: History, wanted: PriceChange, moment: str) -> History:
    return charge_now(history, change.change_price(history.agreement, wanted, at(moment)), at(moment))


def altered(history: History, step: Callable[..., Agreement], moment: str, *arguments: Any, **values: Any) -> History:
    return charge_now(history, step(history.agreement, *arguments, at(moment), **values), at(moment))


def seats_now(history: History, seats: int, moment: str) -> History:
    """Change the seats and bill them at once."""
    agreement = change.change_seats(history.agreement, seats, at(moment))
    return charge_now(history, agreement, at(moment), seats_now=True)


def since(history: History, earlier: History) -> list[tuple[str, str, str, int]]:
    return lines_of(*history.proposals[len(earlier.proposals) :])


def sums(history: History, earlier: History) -> list[int]:
    return [paper.sub_total_minor for paper in history.proposals[len(earlier.proposals) :]]
