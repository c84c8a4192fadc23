"""Balanced entries as values."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

RECEIVABLE = "receivable"
REVENUE = "revenue"
DEFERRED_REVENUE = "deferred_revenue"
TAX_PAYABLE = "tax_payable"
CUSTOMER_BALANCE = "customer_balance"
CREDIT_GRANTED = "credit_granted"
REFUNDS_PAYABLE = "refunds_payable"
PROVIDER_CLEARING = "provider_clearing"
PROCESSOR_FEES = "processor_fees"
BAD_DEBT = "bad_debt"
DISPUTED = "disputed"


class UnbalancedEntry(ValueError):
    """An entry whose postings do not sum to zero in some currency."""


class PostingDraft(Struct, frozen=True):
    """One side of an entry in minor units: debit positive, credit negative."""

    account: str
    amount_minor: int
    currency: str
    customer_id: uuid.UUID | None = None
    country: str = ""


class EntryDraft(Struct, frozen=True):
    """One business fact in the books (Billing rules, section 9).

    Raises UnbalancedEntry when its postings do not sum to zero per currency.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> EntryDraft("payment", "payment", uuid.UUID(int=1), None, at, at.date(), (PostingDraft("revenue", 5, "EUR"),))
    Traceback (most recent call last):
    ...
    ledger.domain.entry.UnbalancedEntry: payment is out of balance by 5 EUR
    """

    kind: str
    object_kind: str
    object_id: uuid.UUID
    customer_id: uuid.UUID | None
    posted_at: datetime
    accounting_date: date
    postings: tuple[PostingDraft, ...]

    def __post_init__(self) -> None:
        totals: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            totals[posting.currency] += posting.amount_minor
        for currency, total in totals.items():
            if total:
                raise UnbalancedEntry(f"{self.kind} is out of balance by {total} {currency}")


class BalanceMove(Struct, frozen=True):
    """What entries do to one customer's running totals in one currency, in minor units."""

    customer_id: uuid.UUID
    currency: str
    balance_minor: int
    receivable_minor: int


def balance_moves(entries: Iterable[EntryDraft]) -> tuple[BalanceMove, ...]:
    """Sum what the entries do to each customer's balance and receivable, ordered by customer and currency.

    A credit on the balance account is money the customer may use: it raises `balance_minor`.
    """
    balance: dict[tuple[uuid.UUID, str], int] = defaultdict(int)
    receivable: dict[tuple[uuid.UUID, str], int] = defaultdict(int)
    for entry in entries:
        for posting in entry.postings:
            if posting.customer_id is None:
                continue
            key = posting.customer_id, posting.currency
            if posting.account == CUSTOMER_BALANCE:
                balance[key] -= posting.amount_minor
            elif posting.account == RECEIVABLE:
                receivable[key] += posting.amount_minor
    return tuple(
        BalanceMove(*key, balance_minor=balance[key], receivable_minor=receivable[key])
        for key in sorted(balance.keys() | receivable.keys())
        if balance[key] or receivable[key]
    )
