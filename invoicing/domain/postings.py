"""The book entries of invoices and credit notes (Billing rules, section 9)."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from msgspec import structs

from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.recognition import deferred_part, next_month
from invoicing.domain.write_offs import WRITE_OFF_CREDITED, Recovered
from ledger.domain.entry import (
    BAD_DEBT,
    CUSTOMER_BALANCE,
    DEFERRED_REVENUE,
    RECEIVABLE,
    REFUNDS_PAYABLE,
    REVENUE,
    TAX_PAYABLE,
    EntryDraft,
    PostingDraft,
)

RECOGNITION = "recognition"


def invoice_entry(proposal: Proposal, invoice_id: uuid.UUID, posted_at: datetime) -> EntryDraft:
    """Return what a finalised invoice posts: receivable and used balance against revenue and tax.

    Charges in advance go to deferred revenue, to be recognised day by day.
    """
    customer_id, currency = proposal.account.customer_id, proposal.currency
    postings = [
        PostingDraft(RECEIVABLE, proposal.amount_due_minor, currency, customer_id),
        PostingDraft(CUSTOMER_BALANCE, proposal.balance_applied_minor, currency, customer_id),
        *_income(proposal),
    ]
    return _entry("invoice", proposal, invoice_id, posted_at, postings)


def credit_note_entry(
    proposal: Proposal,
    credit_note_id: uuid.UUID,
    posted_at: datetime,
    *,
    to_invoices_minor: int,
    refunded_minor: int = 0,
) -> EntryDraft:
    """Return what a credit note posts: revenue and tax taken back, against open invoices and the customer's balance.

    `to_invoices_minor` is the positive part that lowers open invoices, `refunded_minor` what will be paid out; the rest
    is credit the customer may use.
    """
    customer_id, currency = proposal.account.customer_id, proposal.currency
    to_balance_minor = -proposal.total_minor - to_invoices_minor - refunded_minor
    postings = [
        *_taken_by(customer_id, currency, to_invoices_minor, to_balance_minor, refunded_minor),
        *_income(proposal),
    ]
    return _entry("credit_note", proposal, credit_note_id, posted_at, postings)


@dataclass(frozen=True, slots=True)
class GivenBackPosting:
    """What of one line is given back, in minor units as the line is signed; `deferred_minor` of the net lies ahead."""

    net_minor: int
    tax_minor: int
    tax_country: str
    deferred_minor: int = 0


@dataclass(frozen=True, slots=True)
class CreditUsed:
    """What a credit note over an invoice does with its total, in minor units."""

    to_invoices_minor: int
    to_balance_minor: int
    refunded_minor: int = 0


def given_back_postings(
    customer_id: uuid.UUID, currency: str, lines: Sequence[GivenBackPosting], used: CreditUsed
) -> tuple[PostingDraft, ...]:
    """Return what a credit note over an invoice's lines posts: the other way round than the lines did.

    >>> lines = [GivenBackPosting(1000, 190, "DE", deferred_minor=400)]
    >>> made = given_back_postings(uuid.UUID(int=1), "EUR", lines, CreditUsed(1190, 0))
    >>> [(posting.account, posting.amount_minor) for posting in made]
    [('receivable', -1190), ('deferred_revenue', 400), ('revenue', 600), ('tax_payable', 190)]
    """
    income: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        income[DEFERRED_REVENUE, ""] += line.deferred_minor
        income[REVENUE, ""] += line.net_minor - line.deferred_minor
        income[TAX_PAYABLE, line.tax_country] += line.tax_minor
    taken = _taken_by(customer_id, currency, used.to_invoices_minor, used.to_balance_minor, used.refunded_minor)
    postings = [
        *taken,
        *(
            PostingDraft(account, amount, currency, country=country)
            for (account, country), amount in sorted(income.items())
        ),
    ]
    return tuple(posting for posting in postings if posting.amount_minor)


def write_off_credited_entry(
    proposal: Proposal, credit_note_id: uuid.UUID, posted_at: datetime, recovered: Sequence[Recovered]
) -> EntryDraft:
    """Take back what was given up of invoices and is credited now: the credit note takes it from the receivable.

    What was not owed is no bad debt, and its tax is taken back by the credit note itself.
    """
    tax: dict[str, int] = defaultdict(int)
    for one in recovered:
        for country, minor in one.tax_minor.items():
            tax[country] += minor
    currency = proposal.currency
    postings = [
        PostingDraft(RECEIVABLE, sum(one.amount_minor for one in recovered), currency, proposal.account.customer_id),
        PostingDraft(BAD_DEBT, -sum(one.bad_debt_minor for one in recovered), currency),
        *(PostingDraft(TAX_PAYABLE, -minor, currency, country=country) for country, minor in tax.items()),
    ]
    entry = _entry(WRITE_OFF_CREDITED, proposal, credit_note_id, posted_at, postings)
    return structs.replace(entry, object_kind="credit_note")


def _taken_by(
    customer_id: uuid.UUID, currency: str, to_invoices_minor: int, to_balance_minor: int, refunded_minor: int
) -> list[PostingDraft]:
    """Return who takes what a credit note gives: open invoices, the customer's balance, and money to be paid out."""
    return [
        PostingDraft(RECEIVABLE, -to_invoices_minor, currency, customer_id),
        PostingDraft(CUSTOMER_BALANCE, -to_balance_minor, currency, customer_id),
        PostingDraft(REFUNDS_PAYABLE, -refunded_minor, currency),
    ]


def recognition_entry(
    recognition_id: uuid.UUID, currency: str, recognised_minor: int, month: date, *, posted_at: datetime
) -> EntryDraft:
    """Return what a month's recognition posts on its last day: deferred revenue becomes revenue.

    `month` is its first day; `posted_at` the moment it was over.
    """
    return EntryDraft(
        kind=RECOGNITION,
        object_kind=RECOGNITION,
        object_id=recognition_id,
        customer_id=None,
        posted_at=posted_at,
        accounting_date=next_month(month) - timedelta(days=1),
        postings=(
            PostingDraft(DEFERRED_REVENUE, recognised_minor, currency),
            PostingDraft(REVENUE, -recognised_minor, currency),
        ),
    )


def _entry(
    kind: str, proposal: Proposal, object_id: uuid.UUID, posted_at: datetime, postings: list[PostingDraft]
) -> EntryDraft:
    """Return an entry without its empty postings."""
    return EntryDraft(
        kind=kind,
        object_kind=kind,
        object_id=object_id,
        customer_id=proposal.account.customer_id,
        posted_at=posted_at,
        accounting_date=proposal.occasion.issue_date,
        postings=tuple(posting for posting in postings if posting.amount_minor),
    )


def deferred_minor(line: ProposedLine, proposal: Proposal) -> int:
    """Return how much of a line's net goes to deferred revenue, in minor units; the rest is revenue at once."""
    return deferred_part(
        line.charge, line.tax.net_minor, zone=proposal.account.zone, issue_date=proposal.occasion.issue_date
    )


def _income(proposal: Proposal) -> list[PostingDraft]:
    """Return the revenue and tax sides of a document, one posting per account and country."""
    revenue: dict[str, int] = defaultdict(int)
    tax: dict[str, int] = defaultdict(int)
    for line in proposal.lines:
        deferred = deferred_minor(line, proposal)
        revenue[DEFERRED_REVENUE] += deferred
        revenue[REVENUE] += line.tax.net_minor - deferred
        if line.tax.tax_minor:
            tax[line.treatment.country] += line.tax.tax_minor
    currency = proposal.currency
    return [
        *(PostingDraft(account, -amount, currency) for account, amount in revenue.items()),
        *(PostingDraft(TAX_PAYABLE, -amount, currency, country=country) for country, amount in tax.items()),
    ]
