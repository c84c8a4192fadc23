"""The dispute's states and the moves between them, and what a dispute does to the books (Billing rules, 9 and 11).

Inquiry: the bank asks, no money has moved. Needs response, under review: the provider holds the money back. Won: the
money is ours again. Lost: it is gone. A bank may think again after either; nothing that was closed is opened again.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.domain.entry import (
    BAD_DEBT,
    DISPUTED,
    PROCESSOR_FEES,
    PROVIDER_CLEARING,
    EntryDraft,
    PostingDraft,
)

DISPUTE = "dispute"


class DisputeStatus(StrEnum):
    """What a dispute is."""

    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class InvalidDisputeTransition(ValueError):
    """A move that the dispute's status does not allow."""

    def __init__(self, status: DisputeStatus, wanted: DisputeStatus) -> None:
        super().__init__(f"A dispute that is {status} does not become {wanted}.")
        self.status = status
        self.wanted = wanted


OPEN_DISPUTE_STATUSES = frozenset({DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
"""A dispute that is not decided yet."""

HOLDING_STATUSES = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW, DisputeStatus.LOST})
"""A dispute that takes the payment away, for now or for good: the payment is `disputed`."""

_CLOSED = frozenset({DisputeStatus.WON, DisputeStatus.LOST})
_MOVES: dict[DisputeStatus, frozenset[DisputeStatus]] = {
    DisputeStatus.INQUIRY: frozenset(DisputeStatus),
    DisputeStatus.NEEDS_RESPONSE: frozenset(DisputeStatus) - {DisputeStatus.INQUIRY},
    DisputeStatus.UNDER_REVIEW: frozenset(DisputeStatus) - {DisputeStatus.INQUIRY},
    DisputeStatus.WON: _CLOSED,
    DisputeStatus.LOST: _CLOSED,
}


def next_dispute_status(status: str, wanted: str) -> DisputeStatus:
    """Return the status the provider's word leads to; the one it has already is no move.

    Raises InvalidDisputeTransition for every move that is not in the table.

    >>> next_dispute_status("inquiry", "needs_response")
    <DisputeStatus.NEEDS_RESPONSE: 'needs_response'>
    """
    current, new = DisputeStatus(status), DisputeStatus(wanted)
    if new not in _MOVES[current]:
        raise InvalidDisputeTransition(current, new)
    return new


@dataclass(frozen=True, slots=True)
class Standing:
    """How a dispute stands in money: what the provider took back and keeps, and what it charged, in minor units."""

    status: DisputeStatus
    held_minor: int = 0
    fee_minor: int = 0


NOTHING = Standing(DisputeStatus.INQUIRY)


@dataclass(frozen=True, slots=True)
class DisputedMoney:
    """A dispute as the books see it; `move` numbers its entries from 1."""

    dispute_id: uuid.UUID
    customer_id: uuid.UUID
    currency: str
    move: int


def dispute_entry(
    money: DisputedMoney, before: Standing, after: Standing, *, posted_at: datetime, accounting_date: date
) -> EntryDraft | None:
    """Post what changed in a dispute; None when no money moved.

    What the provider holds back is still claimed from the bank (`disputed`) until it is lost (`bad_debt`). Its fee is
    ours either way.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 31, tzinfo=UTC)
    >>> money = DisputedMoney(uuid.UUID(int=1), uuid.UUID(int=2), "EUR", 1)
    >>> held = Standing(DisputeStatus.NEEDS_RESPONSE, held_minor=1190, fee_minor=1500)
    >>> opened = dispute_entry(money, NOTHING, held, posted_at=at, accounting_date=at.date())
    >>> [(posting.account, posting.amount_minor) for posting in opened.postings]
    [('provider_clearing', -2690), ('processor_fees', 1500), ('disputed', 1190)]
    >>> lost = Standing(DisputeStatus.LOST, held_minor=1190, fee_minor=1500)
    >>> closed = dispute_entry(money, held, lost, posted_at=at, accounting_date=at.date())
    >>> [(posting.account, posting.amount_minor) for posting in closed.postings]
    [('disputed', -1190), ('bad_debt', 1190)]
    """
    there, here = _accounts(before), _accounts(after)
    moved = {account: here[account] - there[account] for account in here}
    postings = tuple(PostingDraft(account, minor, money.currency) for account, minor in moved.items() if minor)
    if not postings:
        return None
    return EntryDraft(
        kind=f"{DISPUTE}_{money.move}",
        object_kind=DISPUTE,
        object_id=money.dispute_id,
        customer_id=money.customer_id,
        posted_at=posted_at,
        accounting_date=accounting_date,
        postings=postings,
    )


def _accounts(standing: Standing) -> dict[str, int]:
    """Return what a dispute has done to each account until then."""
    is_lost = standing.status is DisputeStatus.LOST
    return {
        PROVIDER_CLEARING: -standing.held_minor - standing.fee_minor,
        PROCESSOR_FEES: standing.fee_minor,
        DISPUTED: 0 if is_lost else standing.held_minor,
        BAD_DEBT: standing.held_minor if is_lost else 0,
    }
