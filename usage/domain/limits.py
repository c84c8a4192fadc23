"""Limits: what a running cost may come to, and when it passes.

Billing rules, section 4. Two currencies never meet: an amount is compared with each currency's cost by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from usage.domain.running import RunningCost


class LimitAction(StrEnum):
    """What passing a limit does."""

    WARNING = "warning"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Passing:
    """How a limit was passed: the cost in one currency, and when the first period that it summed ends."""

    currency: str
    cost_minor: int
    period_end: datetime


def passing(amount_minor: int, costs: Iterable[RunningCost]) -> Passing | None:
    """Return how costs pass an amount, None when they do not; to come to just the amount does not pass it.

    A limit that was passed is silent until the first of the periods that the cost summed ends.

    >>> from datetime import UTC
    >>> from decimal import Decimal
    >>> from uuid import UUID
    >>> may = datetime(2026, 5, 1, tzinfo=UTC)
    >>> calls = RunningCost(UUID(int=1), "Calls", "EUR", 1500, Decimal(150), may)
    >>> space = RunningCost(UUID(int=2), "Space", "EUR", 501, Decimal(3), may)
    >>> passing(2000, [calls, space]).cost_minor, passing(2001, [calls, space])
    (2001, None)
    """
    by_currency: dict[str, list[RunningCost]] = {}
    for cost in costs:
        by_currency.setdefault(cost.currency, []).append(cost)
    for currency in sorted(by_currency):
        found: Sequence[RunningCost] = by_currency[currency]
        total = sum(cost.amount_minor for cost in found)
        if total > amount_minor:
            ends = [cost.period_end for cost in found if cost.amount_minor] or [cost.period_end for cost in found]
            return Passing(currency, total, min(ends))
    return None
