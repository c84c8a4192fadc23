"""A new card, or a person, tries unpaid invoices again: at once, beside the days that were planned."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.domain.dunning import ProcessAction, ProcessKind, ProcessStatus
from billing.domain.payments import AttemptStatus
from billing.models import DunningProcess, DunningStep, PaymentAttempt
from billing.operations import attempts
from billing.operations.dunning_rows import end_process, log_step, set_next
from billing.queries import dunning as queries
from billing.queries import payments as payment_queries
from core.errors import Conflict
from core.operations import Actor, AuditDraft, record_audit, require_transaction
from customers import queries as customer_queries
from customers.models import PaymentMethod
from invoicing.models import Invoice


def try_new_card(card: PaymentMethod, now: datetime) -> Sequence[PaymentAttempt]:
    """Try a customer's unpaid invoices with the card that just became its default, and return the attempts.

    A step of the caller's transaction, the customer locked. What waits for its day is brought forward; a charge under
    way is left alone, and the card is tried if that one is declined. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    made = []
    for process in queries.list_open_card_processes(card.customer_id):
        process.payment_method = card
        attempt = payment_queries.find_open_attempt(process.invoice_id)
        if attempt is None:
            attempt = attempts.schedule_attempt(invoice=process.invoice, now=now, card=card)
            log_step(process, DunningStep.Kind.NEW_CARD, now, attempt=attempt)
            made.append(attempt)
        elif attempt.status == AttemptStatus.SCHEDULED:
            attempt.payment_method, attempt.due_at = card, now
            attempt.save(update_fields=["payment_method", "due_at"])
        set_next(process, None)
        process.save()
    if made:
        _bring_forward(card.customer_id, now)
    return made


def _bring_forward(customer_id: uuid.UUID, now: datetime) -> None:
    """Let the customer's charges that a decline held come in turn."""
    held = PaymentAttempt.objects.filter(customer_id=customer_id, status=AttemptStatus.SCHEDULED, due_at__gt=now)
    held.update(due_at=now)


def retry_now(process_id: uuid.UUID, *, actor: Actor, now: datetime) -> PaymentAttempt:
    """Try the card of an open process again, beside its days; `now` is the wall's moment.

    Returns the attempt, which a sweep charges. Raises NotFound; Conflict for a process that is over, that is about an
    overdue invoice, or whose charge is on its way, and for an invoice that asks for nothing.
    """
    with transaction.atomic():
        process = _lock_open(process_id)
        if process.kind != ProcessKind.CARD:
            raise Conflict("There is no card to try: the invoice is paid by transfer.", code="no_card_to_try")
        if payment_queries.find_open_attempt(process.invoice_id) is not None:
            raise Conflict("A charge of this invoice is on its way.", code="charge_on_its_way")
        invoice = Invoice.objects.get(id=process.invoice_id)
        if invoice.status != Invoice.Status.OPEN or invoice.amount_due_minor <= 0:
            raise Conflict("Nothing is due on the invoice.", code="nothing_due")
        moment = customer_queries.now_of(process.customer, now)
        attempt = attempts.schedule_attempt(invoice=invoice, now=moment, card=attempts.card_for(invoice))
        log_step(process, DunningStep.Kind.HAND, moment, attempt=attempt, details=actor.name)
        set_next(process, None)
        process.save()
        record_audit(actor, [AuditDraft("dunning.retried", "dunning_process", process.id)], recorded_at=now)
        return attempt


def stop_process(process_id: uuid.UUID, *, actor: Actor, now: datetime, reason: str = "") -> DunningProcess:
    """Take an invoice out of dunning: it stays open, and nothing more is done about it by itself.

    `now` is the wall's moment. A charge on its way is settled as ever. Raises NotFound, Conflict for one that is over.
    """
    with transaction.atomic():
        process = _lock_open(process_id)
        end_process(process, ProcessAction.STOP, customer_queries.now_of(process.customer, now), details=reason)
        draft = AuditDraft("dunning.stopped", "dunning_process", process.id, reason=reason)
        record_audit(actor, [draft], recorded_at=now)
        return process


def _lock_open(process_id: uuid.UUID) -> DunningProcess:
    """Lock an open process under its customer. Raises NotFound, Conflict."""
    customer_queries.lock_customer(queries.get_process(process_id).customer_id)
    process = queries.lock_process(process_id)
    if process.status != ProcessStatus.OPEN:
        raise Conflict(f"The process is {process.status}.", code="dunning_not_open")
    return process
