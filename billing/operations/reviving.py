"""What a provider says of a charge of its own accord: settled like any answer, also when the attempt was given up.

A customer confirms with the bank hours after the attempt failed; a request that was given up as lost arrives. Then the
money is here, and goes onto the invoice; what is over, or has no invoice any more, goes onto the customer's balance.
"""

import uuid
from datetime import datetime

import structlog
from django.db import transaction

from billing.domain.payments import AttemptAction, AttemptStatus, next_attempt_status
from billing.models import Payment, PaymentAttempt
from billing.operations import settling
from billing.operations.payments import cancel_scheduled, take_onto_balance
from billing.operations.settling import OPEN_OUTCOMES, Settlement
from billing.providers.base import ChargeResult, Outcome
from billing.queries import payments as payment_queries
from core.errors import Conflict
from core.identifiers import new_id
from core.updating import update_rows
from customers import queries as customer_queries

GIVEN_UP = frozenset({AttemptStatus.FAILED, AttemptStatus.CANCELLED})

log = structlog.get_logger(__name__)


class AnotherChargeUnderWay(Conflict):
    """The invoice is being charged by another attempt: its outcome comes first."""

    code = "charge_under_way"


def note_result(attempt_id: uuid.UUID, result: ChargeResult, now: datetime) -> AttemptStatus:
    """Bring an attempt up to what its provider says now; return how it stands. `now` is the wall's moment.

    An outcome still open changes nothing, and neither does what is known. Raises NotFound, AnotherChargeUnderWay.
    """
    with transaction.atomic(durable=True):
        (attempt,) = payment_queries.lock_attempts([attempt_id])
        moment = customer_queries.now_of(customer_queries.get_customer(attempt.customer_id), now)
        if result.outcome not in OPEN_OUTCOMES and attempt.status == AttemptStatus.CALLING:
            (outcome,) = settling.settle_step([Settlement(attempt.id, result)], moment)
            return outcome.status
        if attempt.status in GIVEN_UP and result.outcome is Outcome.SUCCEEDED:
            _revive(attempt, result, moment)
        return AttemptStatus(attempt.status)


def _revive(attempt: PaymentAttempt, result: ChargeResult, moment: datetime) -> None:
    """Take in what an attempt that was given up has brought after all."""
    invoice = attempt.invoice
    if invoice is not None:
        cancel_scheduled(invoice)
        if payment_queries.find_open_attempt(invoice.id) is not None:
            raise AnotherChargeUnderWay("The invoice is being charged by another attempt.")
    log.warning("charge_succeeded_after_all", attempt=str(attempt.id), was=str(attempt.status))
    payment = Payment.objects.create(
        id=new_id(),
        customer_id=attempt.customer_id,
        invoice=invoice,
        payment_method_id=attempt.payment_method_id,
        provider=attempt.provider,
        status=Payment.Status.PENDING,
        currency=attempt.currency,
        amount_minor=attempt.amount_minor,
        created_at=moment,
    )
    attempt.status = next_attempt_status(AttemptStatus(attempt.status), AttemptAction.REVIVE)
    attempt.failure_reason, attempt.failure_message, attempt.settled_at = "", "", None
    attempt.payment = payment
    update_rows([attempt], ["status", "failure_reason", "failure_message", "settled_at", "payment"])
    if invoice is not None:
        settling.settle_step([Settlement(attempt.id, result)], moment)
    else:
        _take_onto_balance(attempt, payment, result, moment)
    attempt.refresh_from_db(fields=["status"])


def _take_onto_balance(attempt: PaymentAttempt, payment: Payment, result: ChargeResult, moment: datetime) -> None:
    """Take in money whose invoice is gone: a start that nobody confirmed in time."""
    payment.status, payment.completed_at = Payment.Status.COMPLETED, moment
    payment.amount_minor, payment.fee_minor = result.amount_minor, result.fee_minor
    payment.external_reference = result.reference
    update_rows([payment], ["status", "completed_at", "amount_minor", "fee_minor", "external_reference"])
    attempt.status = next_attempt_status(AttemptStatus(attempt.status), AttemptAction.SUCCEED)
    attempt.settled_at = moment
    update_rows([attempt], ["status", "settled_at"])
    take_onto_balance(payment, attempt.customer.brand, moment)
