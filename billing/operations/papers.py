"""What a change that is worked out would put on paper: its documents, and where the total of a credit note goes."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from billing.domain.cycle import CHANGE
from billing.domain.ending import PeriodRefund, ended_agreements, pays_out, refund_periods, settle_credit
from billing.domain.standing import invoice_of
from billing.operations.changing import Changed
from billing.queries.standing import read_standing
from core.domain.schedule import local_date
from core.identifiers import new_id
from invoicing.domain.assembly import Proposal
from invoicing.domain.postings import CreditUsed


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that a change would make; `used` says what a credit note does with its total."""

    made: Proposal | PeriodRefund
    issue_date: date
    used: CreditUsed | None = None


def papers_of(changed: Changed, now: datetime) -> tuple[Paper, ...]:
    """Return the documents that a change itself would make at `now`; nothing is written.

    What the customer was due already is issued with it and counts, but is no part of the answer.
    """
    outcome = changed.outcome
    ended = ended_agreements(outcome.plan.steps)
    corrected = {one for proposal in outcome.proposals if proposal.is_credit for one in proposal.corrected_ids}
    standing = read_standing(ended, corrected)
    papers = []
    for proposal, kept_id in zip(outcome.proposals, outcome.kept_ids, strict=True):
        used = None
        if proposal.is_credit:
            used, standing = settle_credit(standing, proposal, pays_out=pays_out(ended, proposal))
        else:
            invoice = invoice_of(proposal, kept_id or new_id())
            standing = replace(standing, invoices={**standing.invoices, invoice.invoice_id: invoice})
        if proposal.occasion.origin == CHANGE:
            papers.append(Paper(proposal, proposal.occasion.issue_date, used))
    refunds, _ = refund_periods(ended, standing)
    issue_date = local_date(now, outcome.account.seller.zone)
    return (*papers, *(Paper(refund, issue_date, refund.used) for refund in refunds))
