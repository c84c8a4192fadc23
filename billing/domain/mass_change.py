"""One change of plan or price for many subscriptions: its states, the price each gets, what it moves a month.

Billing rules, section 5, Mass change.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from core.domain.rounding import round_half_away
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import monthly_amount
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import Agreement, PriceTerms

PAYING_STATUSES = frozenset({Status.ACTIVE, Status.PENDING_CANCEL, Status.OVERDUE_PAYMENT_OPEN})
"""Whose recurring items count as monthly revenue (Billing rules, section 12)."""


class MassStatus(StrEnum):
    """What a mass change is."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class MassAction(StrEnum):
    """What can be done to a mass change."""

    BEGIN = "begin"
    COMPLETE = "complete"
    CANCEL = "cancel"


class InvalidMassAction(ValueError):
    """An action that the current status does not allow."""

    def __init__(self, status: MassStatus, action: MassAction) -> None:
        super().__init__(f"A mass change that is {status} does not allow: {action}.")


_MOVES = {
    (MassStatus.SCHEDULED, MassAction.BEGIN): MassStatus.RUNNING,
    (MassStatus.SCHEDULED, MassAction.CANCEL): MassStatus.CANCELLED,
    (MassStatus.RUNNING, MassAction.COMPLETE): MassStatus.COMPLETED,
}


def next_mass_status(status: MassStatus, action: MassAction) -> MassStatus:
    """Return the status an action leads to. Raises InvalidMassAction: what has begun is not called off.

    >>> next_mass_status(MassStatus.SCHEDULED, MassAction.CANCEL)
    <MassStatus.CANCELLED: 'cancelled'>
    """
    try:
        return _MOVES[status, action]
    except KeyError:
        raise InvalidMassAction(status, action) from None


def price_in_place_of(held: PriceTerms, offered: Sequence[PriceTerms]) -> PriceTerms:
    """Return the price of the new plan that takes the place of the one held: same currency, same interval.

    `offered` are the new plan's live public prices. Raises InvalidAgreement on `price` when none fits, or more than one
    does: which of them is meant must be said.
    """
    fitting = [one for one in offered if (one.currency, one.interval) == (held.currency, held.interval)]
    if len(fitting) == 1:
        return fitting[0]
    every = "once" if held.interval is None else f"every {held.interval.count} {held.interval.unit}"
    many = "no public price" if not fitting else f"{len(fitting)} public prices"
    raise InvalidAgreement("price", f"The new plan has {many} in {held.currency} {every}.")


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change moves of one subscription's monthly revenue, unrounded, in minor units."""

    currency: str
    before: Fraction
    after: Fraction


def moved(before: Agreement, after: Agreement) -> Moved:
    """Return what a change moves of the plan's own price a month; discounts and tax are left out.

    Usage is no recurring revenue, nor is what does not pay yet (Billing rules, section 12): both count as nothing.
    """
    pays = before.status in PAYING_STATUSES
    return Moved(after.currency, *(_monthly(one) if pays else Fraction(0) for one in (before, after)))


def _monthly(agreement: Agreement) -> Fraction:
    """Return what the plan's own price comes to in a month."""
    held = agreement.items[0].versions[-1]
    return Fraction(0) if held.price.meter is not None else monthly_amount(held.price, held.quantity)


@dataclass(frozen=True, slots=True)
class MonthlyChange:
    """What a mass change moves a month in one currency: minor units, summed unrounded and rounded once."""

    currency: str
    monthly_before: int
    monthly_after: int
    monthly_change: int


def monthly_changes(moves: Iterable[Moved]) -> tuple[MonthlyChange, ...]:
    """Sum what single subscriptions move, by currency.

    30000 a year -> 3000 a month, three times: 7500 before, 9000 after.

    >>> monthly_changes([Moved("EUR", Fraction(30000, 12), Fraction(3000))] * 3)
    (MonthlyChange(currency='EUR', monthly_before=7500, monthly_after=9000, monthly_change=1500),)
    """
    sums: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for one in moves:
        sums[one.currency][0] += one.before
        sums[one.currency][1] += one.after
    return tuple(
        MonthlyChange(currency, round_half_away(before), round_half_away(after), round_half_away(after - before))
        for currency, (before, after) in sorted(sums.items())
    )
