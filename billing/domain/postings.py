"""How money received enters the books."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.payments import PaymentSplit
from ledger.domain.entry import (
    CUSTOMER_BALANCE,
    PROCESSOR_FEES,
    PROVIDER_CLEARING,
    RECEIVABLE,
    EntryDraft,
    PostingDraft,
)

PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class ReceivedMoney:
    """A payment as the books see it; the fee in minor units of the same currency."""

    payment_id: uuid.UUID
    customer_id: uuid.UUID
    currency: str
    split: PaymentSplit
    fee_minor: int = 0


def payment_entry(received: ReceivedMoney, *, posted_at: datetime, accounting_date: date) -> EntryDraft:
    """Debit the provider with what came in; credit the customer's receivable, and the customer's balance with the rest.

    The fee moves from the provider's account to the cost of processing (Billing rules, section 9).

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 31, tzinfo=UTC)
    >>> received = ReceivedMoney(uuid.UUID(int=1), uuid.UUID(int=2), "EUR", PaymentSplit(900, 100), fee_minor=15)
    >>> entry = payment_entry(received, posted_at=at, accounting_date=at.date())
    >>> [(posting.account, posting.amount_minor) for posting in entry.postings]
    [('provider_clearing', 985), ('receivable', -900), ('customer_balance', -100), ('processor_fees', 15)]
    """
    customer_id, currency, split = received.customer_id, received.currency, received.split
    came_in_minor = split.to_invoice_minor + split.to_balance_minor
    postings = (
        PostingDraft(PROVIDER_CLEARING, came_in_minor - received.fee_minor, currency),
        PostingDraft(RECEIVABLE, -split.to_invoice_minor, currency, customer_id),
        PostingDraft(CUSTOMER_BALANCE, -split.to_balance_minor, currency, customer_id),
        PostingDraft(PROCESSOR_FEES, received.fee_minor, currency),
    )
    return EntryDraft(
        kind=PAYMENT,
        object_kind=PAYMENT,
        object_id=received.payment_id,
        customer_id=customer_id,
        posted_at=posted_at,
        accounting_date=accounting_date,
        postings=tuple(posting for posting in postings if posting.amount_minor),
    )
