"""Store what an end gives back in money, as `billing.domain.ending` decides it.

Billing rules, section 5, Cancel. A card customer's money goes back to the card, as far as it came from there; what the
balance paid returns to the balance. An invoice customer's open invoice is lowered, the rest goes to the balance.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.domain import ending
from billing.domain.cycle import PRORATE
from billing.domain.ending import Ended, PeriodRefund
from billing.operations import refunds, standing
from billing.operations.payments import cancel_scheduled
from billing.queries.standing import read_standing
from core.identifiers import new_id
from core.operations import emit, require_transaction
from customers.models import Customer
from invoicing.domain.assembly import Proposal
from invoicing.models import CreditNote, Invoice
from invoicing.operations import giving_back
from invoicing.operations.giving_back import CreditWanted, StoredCredit
from invoicing.operations.issuing import PayOut

REASON = "The subscription was cancelled."


def paying_out(ended: Sequence[Ended], now: datetime) -> PayOut | None:
    """Return what pays the credit notes of ends out to the cards that paid, None when nothing is to be paid out."""
    if not any(one.agreement.cancel_refund == PRORATE for one in ended):
        return None

    def pay_out(credit_note_id: uuid.UUID, proposal: Proposal, left_minor: int) -> int:
        customer = Customer.objects.get(id=proposal.account.customer_id)
        if customer.billing_type != Customer.BillingType.CARD or not ending.pays_out(ended, proposal):
            return 0
        return _pay_out(customer, credit_note_id, proposal.given_back_minor, left_minor, now)

    return pay_out


def _pay_out(
    customer: Customer, credit_note_id: uuid.UUID, parts_minor: Mapping[uuid.UUID, int], left_minor: int, now: datetime
) -> int:
    """Start the refunds of a credit note and return what they pay out."""
    return left_minor - refunds.schedule_refunds(
        credit_note_id=credit_note_id,
        parts_minor=parts_minor,
        amount_minor=left_minor,
        customer=customer,
        reason=REASON,
        now=now,
    )


def refund_periods(ended: Sequence[Ended], now: datetime) -> list[StoredCredit]:
    """Give back what the running period of each agreement that ended with `full` was charged.

    A step of the caller's transaction, the customers locked; the caller numbers what is returned, last of all.
    """
    require_transaction()
    full = [one for one in ended if one.gives_full]
    if not full:
        return []
    wanted, _ = ending.refund_periods(full, read_standing(full, lock=True))
    return [_store(refund, now) for refund in wanted]


def _store(refund: PeriodRefund, now: datetime) -> StoredCredit:
    """Write the credit note of one invoice, with the refunds that pay it out."""
    invoice = Invoice.objects.select_related("brand").get(id=refund.invoice_id)
    note_id, refunded_minor = new_id(), refund.used.refunded_minor
    if refunded_minor:
        customer = Customer.objects.get(id=invoice.customer_id)
        paid_out_minor = _pay_out(customer, note_id, {invoice.id: refunded_minor}, refunded_minor, now)
        if paid_out_minor != refunded_minor:
            raise RuntimeError(
                f"of invoice {invoice.id} {refunded_minor} were to be paid out, {paid_out_minor} could be"
            )
    wanted = CreditWanted(
        id=note_id,
        invoice=invoice,
        origin=CreditNote.Origin.REFUND if refunded_minor else CreditNote.Origin.MANUAL,
        given_back=refund.given_back,
        used=refund.used,
        reason=REASON,
    )
    stored = giving_back.store_credit(wanted, now=now)
    if not invoice.amount_due_minor:
        cancel_scheduled(invoice)
        emit(*standing.mark_paid([invoice.id], now))
    return stored
