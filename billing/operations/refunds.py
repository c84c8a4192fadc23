"""Start refunds: what is given back is on paper, in the books and in its row before any provider is asked.

Billing rules, sections 8 and 11. A refund of an invoiced payment issues a credit note of the same gross over that
invoice's lines, paid out, not put on the balance; what of the payment went to the balance is taken from there.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.domain.postings import OwedMoney, refund_claim_entry
from billing.domain.refund_state import RefundStatus
from billing.domain.refunds import (
    Backing,
    Cover,
    PaidInvoice,
    back_refund,
    pay_back,
    refund_key,
    settled_payment_status,
)
from billing.models import Payment, Refund
from billing.queries import refunds as queries
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.errors import Conflict, Invalid, NotAcceptable
from core.identifiers import new_id
from core.operations import Actor, AuditDraft, emit, record_audit, require_transaction
from core.updating import update_rows
from customers.models import Customer
from invoicing.domain.giving_back import LineRest, give_back, rest_of, spread_gross
from invoicing.domain.postings import CreditUsed
from invoicing.models import CreditNote, Invoice
from invoicing.operations import giving_back
from invoicing.operations.giving_back import CreditWanted, StoredCredit
from invoicing.queries import giving_back as rest_queries
from ledger import operations as ledger_operations

SETTLED_BY_REFUNDS = (Payment.Status.COMPLETED, Payment.Status.PARTIALLY_REFUNDED, Payment.Status.FULLY_REFUNDED)


class NotRefundable(NotAcceptable):
    """More than the payment has left to give back, or than its invoice and the customer's balance still stand for."""

    code = "not_refundable"


@dataclass(frozen=True, slots=True)
class RefundWanted:
    """What is asked to be given back of a payment, in minor units of a currency."""

    payment_id: uuid.UUID
    amount_minor: int
    currency: str
    reason: str = ""


def start_refund(wanted: RefundWanted, *, customer: Customer, now: datetime, actor: Actor) -> Refund:
    """Write a refund, its credit note and entries, in the caller's transaction, the customer locked.

    It ends by taking the credit note's number: the caller commits next. `now` is the customer's own moment. Raises
    RuntimeError outside a transaction, Invalid for another currency or an amount not above 0, Conflict for a payment
    that is pending or disputed, NotRefundable.
    """
    require_transaction()
    payment = queries.lock_payment(wanted.payment_id)
    _check(payment, wanted)
    invoice = rest_queries.lock_invoice(payment.invoice_id) if payment.invoice_id is not None else None
    rests = rest_queries.list_line_rests(invoice.id) if invoice is not None else ()
    backing = back_refund(wanted.amount_minor, _cover(payment, invoice, rests))
    if backing is None:
        raise NotRefundable("What it would give back was credited already, and the credit is used up.")
    note_id = new_id() if backing.credited_minor else None
    refund = _new_refund(payment, backing, note_id=note_id, reason=wanted.reason, now=now)
    stored = []
    if invoice is not None and note_id is not None:
        stored.append(_store_note(refund, invoice, rests, now))
    _write([(refund, payment)], customer, now)
    after = {"amount": refund.amount_minor, "currency": refund.currency, "payment": str(payment.id)}
    record_audit(actor, [AuditDraft("payment.refunded", "refund", refund.id, after=after, reason=wanted.reason)])
    giving_back.finish_credits(stored, now=now)
    return refund


def schedule_refunds(
    *,
    credit_note_id: uuid.UUID,
    parts_minor: Mapping[uuid.UUID, int],
    amount_minor: int,
    customer: Customer,
    reason: str,
    now: datetime,
) -> int:
    """Pay out what a credit note gives back to what paid the invoices it corrects, and write the refunds as started.

    `parts_minor` says what of it corrects which invoice, as for `pay_back`.

    A step of the caller's transaction, the customer locked. The credit note may be written after it; its
    `refunded_minor` must be what is paid out here, and its entry owe as much (`refunds_payable`). Returns, in minor
    units, what could not be paid out: nothing was paid, or it went by the balance; the caller puts that on the
    customer's balance. The sweep calls the providers. Raises RuntimeError outside a transaction.

    3000 to give back, paid by 2000 and before that by 500 -> refunds of 2000 and 500; 500 are returned.
    """
    require_transaction()
    links = queries.list_paid_by(parts_minor)
    payments = {payment.id: payment for payment in queries.lock_payments_of(links)}
    rests = queries.refundable(list(payments.values()))
    paid = {
        invoice_id: PaidInvoice([one for one in rests if payments[one.payment_id].invoice_id == invoice_id], given)
        for invoice_id, given in links.items()
    }
    parts = pay_back(amount_minor, parts_minor, paid)
    refunds = [
        (
            _new_refund(payments[payment_id], Backing(0, minor), note_id=credit_note_id, reason=reason, now=now),
            payments[payment_id],
        )
        for payment_id, minor in parts.items()
    ]
    _write(refunds, customer, now)
    return amount_minor - sum(parts.values())


def move_refunded(payment: Payment, delta_minor: int) -> None:
    """Move what a locked payment has given back, and its status; a disputed one keeps that."""
    payment.refunded_minor += delta_minor
    if payment.status in SETTLED_BY_REFUNDS:
        payment.status = settled_payment_status(payment.amount_minor, payment.refunded_minor)
    update_rows([payment], ["refunded_minor", "status"])


def refund_fact(type_: str, refund: Refund, at: datetime) -> OutboxDraft:
    """Return what became true of a refund."""
    payload = {
        "customer": str(refund.customer_id),
        "payment": str(refund.payment_id),
        "credit_note": str(refund.credit_note_id) if refund.credit_note_id else None,
        "amount": refund.amount_minor,
        "currency": refund.currency,
        "status": str(refund.status),
        "failure_message": refund.failure_message,
    }
    return OutboxDraft(type_, "refund", refund.id, at, payload)


def owed_money(refund: Refund, amount_minor: int) -> OwedMoney:
    """Return a part of a refund as the books see it."""
    return OwedMoney(refund.id, refund.customer_id, refund.currency, amount_minor)


def _check(payment: Payment, wanted: RefundWanted) -> None:
    faults = {}
    if wanted.currency != payment.currency:
        faults["currency"] = f"The payment is in {payment.currency}."
    if wanted.amount_minor <= 0:
        faults["amount"] = "The amount must be above 0."
    if faults:
        raise Invalid("The payment cannot be refunded so.", fields=faults)
    if payment.status not in SETTLED_BY_REFUNDS:
        raise Conflict(f"A payment that is {payment.status} is not refunded.", code="payment_not_refundable")
    rest_minor = payment.amount_minor - payment.refunded_minor
    if wanted.amount_minor > rest_minor:
        raise NotRefundable(f"Of this payment {rest_minor} may still be refunded, in minor units.")


def _cover(payment: Payment, invoice: Invoice | None, rests: Sequence[LineRest]) -> Cover:
    """Return what stands behind a refund of a locked payment."""
    invoice_minor = debit_minor = 0
    if invoice is not None:
        # What is still asked for, or was given up, was never paid: it is not paid out.
        invoice_minor = max(0, rest_of(rests) - invoice.amount_due_minor - invoice.written_off_minor)
        debit_minor = max(0, -invoice.balance_applied_minor)
        if debit_minor:
            debit_minor = max(0, debit_minor - queries.sum_from_balance(invoice.id))
    return Cover(
        surplus_minor=queries.surpluses([payment.id])[payment.id],
        balance_minor=queries.usable_balance(payment.customer_id, payment.currency),
        invoice_minor=invoice_minor,
        debit_minor=debit_minor,
    )


def _store_note(refund: Refund, invoice: Invoice, rests: Sequence[LineRest], now: datetime) -> StoredCredit:
    """Write the lines and the entry of the credit note that a refund pays out."""
    gross_minor = refund.amount_minor - refund.from_balance_minor
    wanted = CreditWanted(
        id=refund.credit_note_id or new_id(),
        invoice=invoice,
        origin=CreditNote.Origin.REFUND,
        given_back=give_back(rests, spread_gross(rests, gross_minor)),
        used=CreditUsed(to_invoices_minor=0, to_balance_minor=0, refunded_minor=gross_minor),
        reason=refund.reason,
    )
    return giving_back.store_credit(wanted, now=now)


def _new_refund(payment: Payment, backing: Backing, *, note_id: uuid.UUID | None, reason: str, now: datetime) -> Refund:
    number = queries.count_refunds(payment.id) + 1
    # A transfer recorded without the bank's reference: nobody is asked under its key.
    charge = payment.external_reference or str(payment.id)
    return Refund(
        id=new_id(),
        customer_id=payment.customer_id,
        payment=payment,
        credit_note_id=note_id,
        number=number,
        provider=payment.provider,
        idempotency_key=refund_key(payment.provider, charge, number),
        status=RefundStatus.STARTED,
        currency=payment.currency,
        amount_minor=backing.from_balance_minor + backing.credited_minor,
        from_balance_minor=backing.from_balance_minor,
        reason=reason,
        created_at=now,
    )


def _write(refunds: Sequence[tuple[Refund, Payment]], customer: Customer, now: datetime) -> None:
    """Write refunds, what their payments gave back, what they take from the balance, and the facts."""
    for refund, payment in refunds:
        refund.save(force_insert=True)
        move_refunded(payment, refund.amount_minor)
    accounting_date = local_date(now, customer.brand.time_zone)
    ledger_operations.post_entries(
        [
            refund_claim_entry(
                owed_money(refund, refund.from_balance_minor), posted_at=now, accounting_date=accounting_date
            )
            for refund, _ in refunds
            if refund.from_balance_minor
        ]
    )
    emit(*(refund_fact("refund.created", refund, now) for refund, _ in refunds))
