"""What an end gives back in money: unused time by a credit note that is paid out, or what was paid for the period.

Billing rules, section 5, Cancel. A card customer's money goes back to the card, as far as it came from there; what the
balance paid returns to the balance. An invoice customer's open invoice is lowered, the rest goes to the balance.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.domain.cycle import PRORATE, Step
from billing.operations import refunds
from core.identifiers import new_id
from core.operations import require_transaction
from customers.models import Customer
from invoicing.domain.assembly import Proposal
from invoicing.domain.giving_back import LineRest, give_back_whole
from invoicing.domain.postings import CreditUsed
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.operations import giving_back
from invoicing.operations.giving_back import CreditWanted, StoredCredit
from invoicing.operations.issuing import PayOut
from invoicing.queries import giving_back as rest_queries
from subscriptions.domain.lifecycle import Action
from subscriptions.domain.terms import Agreement

FULL = "full"
REASON = "The subscription was cancelled."
PERIOD_KINDS = (InvoiceLine.Kind.RECURRING, InvoiceLine.Kind.SEATS, InvoiceLine.Kind.CREDIT)
GIVABLE_STATUSES = (Invoice.Status.OPEN, Invoice.Status.PAID)


@dataclass(frozen=True, slots=True)
class Ended:
    """An agreement that a step ended, and when."""

    agreement: Agreement
    at: datetime


def ended_agreements(steps: Iterable[Step]) -> tuple[Ended, ...]:
    """Return the agreements that steps end and whose end gives money back."""
    found = []
    for step in steps:
        ends = {one.subscription_id: one.at for one in step.transitions if one.action is Action.CANCEL}
        found += [
            Ended(agreement, ends[agreement.subscription_id])
            for agreement in step.settled
            if agreement.subscription_id in ends and agreement.cancel_refund in {PRORATE, FULL}
        ]
    return tuple(found)


def paying_out(ended: Sequence[Ended], now: datetime) -> PayOut | None:
    """Return what pays the credit notes of ends out to the cards that paid, None when nothing is to be paid out."""
    subscription_ids = {one.agreement.subscription_id for one in ended if one.agreement.cancel_refund == PRORATE}
    if not subscription_ids:
        return None

    def pay_out(credit_note_id: uuid.UUID, proposal: Proposal, left_minor: int) -> int:
        customer = Customer.objects.get(id=proposal.account.customer_id)
        if customer.billing_type != Customer.BillingType.CARD or subscription_ids.isdisjoint(proposal.subscription_ids):
            return 0
        return _pay_out(customer, credit_note_id, proposal.corrected_ids, left_minor, now)

    return pay_out


def _pay_out(
    customer: Customer, credit_note_id: uuid.UUID, invoice_ids: Sequence[uuid.UUID], left_minor: int, now: datetime
) -> int:
    """Start the refunds of a credit note and return what they pay out."""
    return left_minor - refunds.schedule_refunds(
        credit_note_id=credit_note_id,
        invoice_ids=invoice_ids,
        amount_minor=left_minor,
        customer=customer,
        reason=REASON,
        now=now,
    )


def refund_periods(ended: Sequence[Ended], now: datetime) -> list[StoredCredit]:
    """Give back what the running period of each agreement that ended with `full` was charged, less what was given back.

    A step of the caller's transaction, the customers locked; the caller numbers what is returned, last of all.
    """
    require_transaction()
    stored = []
    for one in ended:
        if one.agreement.cancel_refund == FULL:
            stored += _refund_period(one, now)
    return stored


def _refund_period(ended: Ended, now: datetime) -> list[StoredCredit]:
    """Write a credit note over the period's lines of each invoice they stand on."""
    own = InvoiceLine.objects.filter(
        subscription_id=ended.agreement.subscription_id,
        kind__in=PERIOD_KINDS,
        invoice__status__in=GIVABLE_STATUSES,
    )
    lines = own.filter(period_start__lte=ended.at, period_end__gt=ended.at) or own.filter(period_end=ended.at)
    by_invoice: dict[uuid.UUID, set[uuid.UUID]] = {}
    for line_id, invoice_id in lines.order_by("invoice_id", "position").values_list("id", "invoice_id"):
        by_invoice.setdefault(invoice_id, set()).add(line_id)
    stored = []
    for invoice_id, line_ids in by_invoice.items():
        invoice = rest_queries.lock_invoice(invoice_id)
        rests = [rest for rest in rest_queries.list_line_rests(invoice_id) if rest.line_id in line_ids]
        total_minor = sum(rest.gross_minor for rest in rests)
        if total_minor > 0:
            stored.append(_give_back(invoice, rests, total_minor, now))
    return stored


def _give_back(invoice: Invoice, rests: Sequence[LineRest], total_minor: int, now: datetime) -> StoredCredit:
    """Give lines of an invoice back whole: off what it still asks for, out to the cards, the rest to the balance."""
    note_id = new_id()
    open_minor = invoice.amount_due_minor if invoice.status == Invoice.Status.OPEN else 0
    to_invoices_minor = min(open_minor, total_minor)
    left_minor = total_minor - to_invoices_minor
    customer = Customer.objects.get(id=invoice.customer_id)
    refunded_minor = 0
    if left_minor and customer.billing_type == Customer.BillingType.CARD:
        refunded_minor = _pay_out(customer, note_id, [invoice.id], left_minor, now)
    wanted = CreditWanted(
        id=note_id,
        invoice=invoice,
        origin=CreditNote.Origin.REFUND if refunded_minor else CreditNote.Origin.MANUAL,
        given_back=give_back_whole(rests),
        used=CreditUsed(to_invoices_minor, left_minor - refunded_minor, refunded_minor),
        reason=REASON,
    )
    return giving_back.store_credit(wanted, now=now)
