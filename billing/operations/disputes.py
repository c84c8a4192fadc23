"""Record disputes as the provider tells them: the payment is `disputed`, the books follow, won or lost closes it."""

from datetime import datetime

import structlog
from django.db import transaction

from billing.domain.dispute_state import (
    HOLDING_STATUSES,
    NOTHING,
    OPEN_DISPUTE_STATUSES,
    DisputedMoney,
    DisputeStatus,
    Standing,
    dispute_entry,
    next_dispute_status,
)
from billing.domain.refunds import settled_payment_status
from billing.models import Dispute, Payment
from billing.providers.base import DisputeFacts
from billing.queries import disputes as queries
from billing.queries import refunds as refund_queries
from core.domain.outbox import OutboxDraft
from core.domain.schedule import local_date
from core.errors import Conflict
from core.identifiers import new_id
from core.operations import emit
from core.updating import update_rows
from customers import queries as customer_queries
from customers.models import Customer
from ledger import operations as ledger_operations

log = structlog.get_logger(__name__)


class DisputeNotRecorded(Conflict):
    """A dispute that cannot be recorded as it is told; a person has to look."""

    code = "dispute_not_recorded"


def record_dispute(provider: str, facts: DisputeFacts, now: datetime) -> Dispute:
    """Record what a provider says of a dispute: the first time, and whenever it says something else.

    Told again it changes nothing. `now` is the wall's moment. Raises DisputeNotRecorded for a payment that is not here
    or in another currency, InvalidDisputeTransition.
    """
    payment = queries.find_payment(provider, facts.charge_reference)
    if payment is None:
        raise DisputeNotRecorded("No payment has the disputed charge.")
    if payment.currency != facts.currency:
        raise DisputeNotRecorded(f"The payment is in {payment.currency}, its dispute in {facts.currency}.")
    with transaction.atomic(durable=True):
        customer = customer_queries.lock_customer(payment.customer_id)
        payment = refund_queries.lock_payment(payment.id)
        moment = customer_queries.now_of(customer, now)
        dispute = queries.find_dispute(provider, facts.reference)
        is_new = dispute is None
        if dispute is None:
            dispute = _new_dispute(provider, payment, facts, moment)
        before = Standing(DisputeStatus(dispute.status), dispute.held_minor, dispute.fee_minor)
        if is_new:
            dispute.save(force_insert=True)
            before = NOTHING
        _move(dispute, facts, moment)
        _post(dispute, before, customer, moment)
        update_rows([dispute], ["status", "held_minor", "fee_minor", "moves", "respond_by", "closed_at"])
        facts_of_it = _mark_payment(payment, dispute, moment)
        _tell(dispute, before.status, is_new=is_new, further=facts_of_it, moment=moment)
    return dispute


def _new_dispute(provider: str, payment: Payment, facts: DisputeFacts, moment: datetime) -> Dispute:
    return Dispute(
        id=new_id(),
        customer_id=payment.customer_id,
        payment=payment,
        provider=provider,
        external_reference=facts.reference,
        status=DisputeStatus.INQUIRY,
        reason=facts.reason[:100],
        currency=facts.currency,
        amount_minor=facts.amount_minor,
        opened_at=moment,
    )


def _move(dispute: Dispute, facts: DisputeFacts, moment: datetime) -> None:
    """Set a dispute to what the provider says; its first word may be any."""
    was_open = dispute.status in OPEN_DISPUTE_STATUSES
    dispute.status = next_dispute_status(dispute.status, facts.stage)
    dispute.held_minor, dispute.fee_minor = max(facts.held_minor, 0), max(facts.fee_minor, 0)
    dispute.respond_by = facts.respond_by
    if was_open and dispute.status not in OPEN_DISPUTE_STATUSES:
        dispute.closed_at = moment


def _post(dispute: Dispute, before: Standing, customer: Customer, moment: datetime) -> None:
    money = DisputedMoney(dispute.id, dispute.customer_id, dispute.currency, dispute.moves + 1)
    after = Standing(DisputeStatus(dispute.status), dispute.held_minor, dispute.fee_minor)
    accounting_date = local_date(moment, customer.brand.time_zone)
    entry = dispute_entry(money, before, after, posted_at=moment, accounting_date=accounting_date)
    if entry is not None:
        ledger_operations.post_entries([entry])
        dispute.moves += 1


def _mark_payment(payment: Payment, dispute: Dispute, moment: datetime) -> list[OutboxDraft]:
    """Set a locked payment `disputed` while a dispute takes it away, and back when none does; return what to tell."""
    is_held = dispute.status in HOLDING_STATUSES or queries.is_held(payment.id, besides=[dispute.id])
    was_held = payment.status == Payment.Status.DISPUTED
    if is_held == was_held:
        return []
    if is_held:
        payment.status = Payment.Status.DISPUTED
    else:
        payment.status = settled_payment_status(payment.amount_minor, payment.refunded_minor)
    update_rows([payment], ["status"])
    if not is_held:
        return []
    payload = {
        "customer": str(payment.customer_id),
        "invoice": str(payment.invoice_id) if payment.invoice_id else None,
        "payment": str(payment.id),
        "dispute": str(dispute.id),
        "amount": payment.amount_minor,
        "currency": payment.currency,
    }
    return [OutboxDraft("payment.disputed", "payment", payment.id, moment, payload)]


def _tell(
    dispute: Dispute, before: DisputeStatus, *, is_new: bool, further: list[OutboxDraft], moment: datetime
) -> None:
    drafts = [_fact("dispute.opened", dispute, moment)] if is_new else []
    drafts += further
    if dispute.status not in OPEN_DISPUTE_STATUSES and (is_new or dispute.status != before):
        drafts.append(_fact("dispute.closed", dispute, moment))
    if drafts:
        log.warning("payment_disputed", dispute=str(dispute.id), status=str(dispute.status))
    emit(*drafts)


def _fact(type_: str, dispute: Dispute, moment: datetime) -> OutboxDraft:
    payload = {
        "customer": str(dispute.customer_id),
        "payment": str(dispute.payment_id),
        "amount": dispute.amount_minor,
        "fee": dispute.fee_minor,
        "currency": dispute.currency,
        "status": str(dispute.status),
        "reason": dispute.reason,
    }
    return OutboxDraft(type_, "dispute", dispute.id, moment, payload)
