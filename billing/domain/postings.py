"""How money received, and money given back, enters the books (Billing rules, section 9)."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.payments import PaymentSplit
from invoicing.domain.write_offs import WRITE_OFF, GivenUp, Recovered
from ledger.domain.entry import (
    BAD_DEBT,
    CUSTOMER_BALANCE,
    PROCESSOR_FEES,
    PROVIDER_CLEARING,
    RECEIVABLE,
    REFUNDS_PAYABLE,
    TAX_PAYABLE,
    EntryDraft,
    PostingDraft,
)

PAYMENT = "payment"
REFUND_CLAIM = "refund_claim"
REFUND = "refund"
REFUND_REJECTED = "refund_rejected"


@dataclass(frozen=True, slots=True)
class OwedBy:
    """Who owes, in which currency."""

    customer_id: uuid.UUID
    currency: str


@dataclass(frozen=True, slots=True)
class ReceivedMoney:
    """A payment as the books see it; the fee in minor units of the same currency.

    `recovered` is set where what goes onto the invoice had been given up.
    """

    payment_id: uuid.UUID
    customer_id: uuid.UUID
    currency: str
    split: PaymentSplit
    fee_minor: int = 0
    recovered: Recovered | None = None


def payment_entry(received: ReceivedMoney, *, posted_at: datetime, accounting_date: date) -> EntryDraft:
    """Debit the provider with what came in; credit the customer's receivable, and the customer's balance with the rest.

    The fee moves from the provider's account to the cost of processing (Billing rules, section 9). What had been given
    up is no bad debt any more, and its tax is owed again.

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
        *_paid_off(received),
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


def _paid_off(received: ReceivedMoney) -> tuple[PostingDraft, ...]:
    """Return what a payment pays off: what the customer owed, or what had been given up."""
    recovered, currency = received.recovered, received.currency
    if recovered is None:
        return (PostingDraft(RECEIVABLE, -received.split.to_invoice_minor, currency, received.customer_id),)
    return (
        PostingDraft(BAD_DEBT, -recovered.bad_debt_minor, currency),
        *(PostingDraft(TAX_PAYABLE, -tax, currency, country=country) for country, tax in recovered.tax_minor.items()),
    )


def write_off_entry(
    given_up: GivenUp, *, invoice_id: uuid.UUID, owed: OwedBy, posted_at: datetime, accounting_date: date
) -> EntryDraft:
    """Give up what a customer owes on an invoice: what is lost is bad debt, the tax in it is not owed to the state.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 31, tzinfo=UTC)
    >>> debtor = OwedBy(uuid.UUID(int=2), "EUR")
    >>> debt = GivenUp(1190, {"DE": 190})
    >>> entry = write_off_entry(debt, invoice_id=uuid.UUID(int=1), owed=debtor, posted_at=at, accounting_date=at.date())
    >>> [(posting.account, posting.amount_minor) for posting in entry.postings]
    [('receivable', -1190), ('bad_debt', 1000), ('tax_payable', 190)]
    """
    postings = (
        PostingDraft(RECEIVABLE, -given_up.amount_minor, owed.currency, owed.customer_id),
        PostingDraft(BAD_DEBT, given_up.bad_debt_minor, owed.currency),
        *(
            PostingDraft(TAX_PAYABLE, tax, owed.currency, country=country)
            for country, tax in given_up.tax_minor.items()
        ),
    )
    return EntryDraft(
        kind=WRITE_OFF,
        object_kind="invoice",
        object_id=invoice_id,
        customer_id=owed.customer_id,
        posted_at=posted_at,
        accounting_date=accounting_date,
        postings=tuple(posting for posting in postings if posting.amount_minor),
    )


@dataclass(frozen=True, slots=True)
class OwedMoney:
    """A refund as the books see it, in minor units."""

    refund_id: uuid.UUID
    customer_id: uuid.UUID
    currency: str
    amount_minor: int


def refund_claim_entry(owed: OwedMoney, *, posted_at: datetime, accounting_date: date) -> EntryDraft:
    """Take what a refund pays out from the customer's balance; from then on it is owed as money."""
    postings = (
        PostingDraft(CUSTOMER_BALANCE, owed.amount_minor, owed.currency, owed.customer_id),
        PostingDraft(REFUNDS_PAYABLE, -owed.amount_minor, owed.currency),
    )
    return _refund_entry(REFUND_CLAIM, owed, posted_at, accounting_date, postings)


def refund_entry(owed: OwedMoney, *, posted_at: datetime, accounting_date: date) -> EntryDraft:
    """Pay a refund out: it is owed no more, and the provider has less of ours.

    >>> from datetime import UTC
    >>> at = datetime(2026, 1, 31, tzinfo=UTC)
    >>> owed = OwedMoney(uuid.UUID(int=1), uuid.UUID(int=2), "EUR", 500)
    >>> entry = refund_entry(owed, posted_at=at, accounting_date=at.date())
    >>> [(posting.account, posting.amount_minor) for posting in entry.postings]
    [('refunds_payable', 500), ('provider_clearing', -500)]
    """
    postings = (
        PostingDraft(REFUNDS_PAYABLE, owed.amount_minor, owed.currency),
        PostingDraft(PROVIDER_CLEARING, -owed.amount_minor, owed.currency),
    )
    return _refund_entry(REFUND, owed, posted_at, accounting_date, postings)


def refund_rejected_entry(owed: OwedMoney, *, posted_at: datetime, accounting_date: date) -> EntryDraft:
    """Put what the provider did not pay out onto the customer's balance: it was given back, and is still theirs."""
    postings = (
        PostingDraft(REFUNDS_PAYABLE, owed.amount_minor, owed.currency),
        PostingDraft(CUSTOMER_BALANCE, -owed.amount_minor, owed.currency, owed.customer_id),
    )
    return _refund_entry(REFUND_REJECTED, owed, posted_at, accounting_date, postings)


def _refund_entry(
    kind: str, owed: OwedMoney, posted_at: datetime, accounting_date: date, postings: tuple[PostingDraft, ...]
) -> EntryDraft:
    return EntryDraft(
        kind=kind,
        object_kind="refund",
        object_id=owed.refund_id,
        customer_id=owed.customer_id,
        posted_at=posted_at,
        accounting_date=accounting_date,
        postings=postings,
    )
