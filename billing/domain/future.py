"""What lies ahead of a customer, as values: documents, refunds, cash and what dunning does."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from billing.domain.dunning import FinishWith
from billing.domain.ending import PeriodRefund
from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal

GIVES_UP = frozenset({str(FinishWith.CANCEL), str(FinishWith.UNCOLLECTIBLE)})
"""Ends of dunning after which nothing is asked for any more."""


@dataclass(frozen=True, slots=True)
class Receivable:
    """What is due on an invoice in minor units, and the day on which it is expected; None: nobody knows.

    `charge_at` is when its card is charged next, `is_charged` whether it is paid by card at all; `subscription_ids` are
    those that it charges.
    """

    invoice_id: uuid.UUID
    currency: str
    open_minor: int
    expected_on: date | None
    due_date: date | None = None
    due_moment_at: datetime | None = None
    charge_at: datetime | None = None
    subscription_ids: frozenset[uuid.UUID] = frozenset()
    has_card: bool = True
    is_charged: bool = False


@dataclass(frozen=True, slots=True)
class FutureDocument:
    """An invoice or credit note that will be made at a moment; `paid_out_minor` of a credit goes back to the card."""

    moment: datetime
    proposal: Proposal
    paid_out_minor: int = 0


@dataclass(frozen=True, slots=True)
class FutureRefund:
    """A credit note that will give back what the period of an end was charged (`full`), and its day of issue."""

    moment: datetime
    issue_date: date
    refund: PeriodRefund


@dataclass(frozen=True, slots=True)
class FutureDunning:
    """What dunning will do about an invoice: `retry`, `remind` or its end; `amount_minor` is due then, or given up."""

    moment: datetime
    word: str
    invoice_id: uuid.UUID
    currency: str
    amount_minor: int

    @property
    def written_off_minor(self) -> int:
        """Return what is given up with it."""
        return self.amount_minor if self.word in GIVES_UP else 0


@dataclass(frozen=True, slots=True)
class Cash:
    """Money expected on a day, in minor units; negative when it is paid back."""

    day: date
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one customer will be billed, oldest first, the cash of it, and what is past due today, by currency.

    `refused` says which waiting changes the terms could not take when their moment came; `refunds` come behind the
    documents of their moment.
    """

    account: Account
    documents: tuple[FutureDocument, ...]
    cash: tuple[Cash, ...]
    past_due_minor: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    refunds: tuple[FutureRefund, ...] = ()
    dunning: tuple[FutureDunning, ...] = ()


def in_order(told: Forecast) -> Iterator[FutureDocument | FutureRefund]:
    """Yield everything that will be made, oldest first; at one moment refunds come behind the other documents."""
    every: list[FutureDocument | FutureRefund] = [*told.documents, *told.refunds]
    yield from sorted(every, key=lambda one: (one.moment, isinstance(one, FutureRefund)))


def cash_by_month(cash: Iterable[Cash]) -> Iterator[tuple[str, str, int]]:
    """Yield month ("2026-07"), currency and what is expected in it, in order.

    >>> list(cash_by_month([Cash(date(2026, 7, 1), "EUR", 300), Cash(date(2026, 7, 31), "EUR", -100)]))
    [('2026-07', 'EUR', 200)]
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in cash:
        sums[f"{one.day:%Y-%m}", one.currency] += one.amount_minor
    for (month, currency), amount_minor in sorted(sums.items()):
        yield month, currency, amount_minor
