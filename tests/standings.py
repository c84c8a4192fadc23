"""What stands of a life's documents, told from its proposals alone: for tests of what an end gives back."""

import uuid
from dataclasses import replace

from billing.domain.ending import Ended, PeriodRefund, refund_periods, settle_credit
from billing.domain.refunds import Refundable
from billing.domain.standing import ChargedInvoice, Standing, invoice_of
from tests.lives import Life


def standing_of(life: Life, *, paid: bool = False) -> Standing:
    """Return a life's documents as they stand: invoices open, or each paid by card on its day of issue."""
    standing = Standing({})
    for number, proposal in enumerate(life.proposals):
        if proposal.is_credit:
            _, standing = settle_credit(standing, proposal, pays_out=False)
            continue
        invoice = invoice_of(proposal, uuid.UUID(int=1000 + number))
        shown = as_paid(invoice) if paid else invoice
        standing = replace(standing, invoices={**standing.invoices, invoice.invoice_id: shown})
    return standing


def as_paid(invoice: ChargedInvoice) -> ChargedInvoice:
    """Return an open invoice as it is once a card has paid it."""
    return replace(invoice, due_minor=0, payments=(Refundable(invoice.invoice_id, invoice.due_minor),))


def given_back(life: Life, *, paid: bool = False) -> tuple[PeriodRefund, ...]:
    """Return what the end of a life gives back with `full`."""
    assert life.agreement.cancel_at is not None
    ended = Ended(life.agreement, life.agreement.cancel_at)
    return refund_periods([ended], standing_of(life, paid=paid))[0]
