"""Pay refunds out: claim started ones, call the provider outside any transaction, settle. Rows carry the work.

A refund is claimed with a lease, by the database's clock. Whoever finds one whose lease ran out asks the provider
first, and calls again, with the same key, only when it never took the refund on.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.db import transaction
from django.db.models.functions import Now

from billing.domain.payments import pause_before_asking
from billing.domain.postings import refund_entry, refund_rejected_entry
from billing.domain.refund_state import OPEN_REFUND_STATUSES, RefundAction, RefundStatus, next_refund_status
from billing.models import Refund
from billing.operations.claiming import LEASE
from billing.operations.refunds import RefundWanted, move_refunded, owed_money, refund_fact, start_refund
from billing.providers.base import RefundOutcome, RefundRequest, RefundResult
from billing.providers.pacing import Pace
from billing.providers.refund_calling import RefundAnswer, call_refund
from billing.providers.registry import get_provider, provider_names
from billing.queries import payments as payment_queries
from billing.queries import refunds as queries
from core.domain.schedule import local_date
from core.faults import reach
from core.operations import SYSTEM, Actor, emit
from core.operations_idempotency import remember_resources, resumed_resource
from core.operations_instance import require_running
from core.updating import update_rows
from customers import queries as customer_queries
from ledger import operations as ledger_operations

log = structlog.get_logger(__name__)

ACTIONS = {
    RefundOutcome.ISSUED: RefundAction.ISSUE,
    RefundOutcome.REJECTED: RefundAction.REJECT,
    RefundOutcome.PENDING: RefundAction.AUTHORISE,
}


@dataclass(frozen=True, slots=True)
class RefundWork:
    """A claimed refund, ready to be called; `was_called` and `is_taken_on` as for `call_refund`."""

    refund_id: uuid.UUID
    provider: str
    request: RefundRequest
    was_called: bool
    is_taken_on: bool


@dataclass(frozen=True, slots=True)
class RefundSummary:
    """What a sweep did, in refunds; `open` ones are asked for again later."""

    issued: int = 0
    rejected: int = 0
    open: int = 0


def refund_payment(wanted: RefundWanted, *, now: datetime, actor: Actor = SYSTEM) -> Refund:
    """Refund a payment, or a part of it, and return the refund as it stands: its outcome may still be open.

    `now` is the wall's moment. A request that is sent again after a crash goes on with the refund it began. Raises
    NotFound, Invalid, Conflict, NotRefundable, InstanceHeld; then nothing was written.
    """
    require_running()
    refund_id = resumed_resource("refund")
    if refund_id is None:
        with transaction.atomic(durable=True):
            customer = customer_queries.lock_customer(payment_queries.get_payment(wanted.payment_id).customer_id)
            customer_now = customer_queries.now_of(customer, now)
            refund_id = start_refund(wanted, customer=customer, now=customer_now, actor=actor).id
            remember_resources(refund=refund_id)
            reach("refunding.starting")
    reach("refunding.started")
    pay_out_now(refund_id, now)
    return queries.get_refund(refund_id)


def pay_out_now(refund_id: uuid.UUID, now: datetime) -> None:
    """Call the provider for one refund at once, unless it is settled or another worker holds it.

    Must be called outside a transaction; `now` is the wall's moment. Raises InstanceHeld.
    """
    for work in _claim(limit=1, refund_id=refund_id):
        _carry_out(work, now)


def pay_out_due(now: datetime, *, limit: int, customer_id: uuid.UUID | None = None) -> RefundSummary:
    """Call the providers for refunds that were started, and ask for those whose outcome is open, at most `limit`.

    With a customer named, for its refunds only: who has just scheduled some need not wait for the sweep. Ends when
    nothing is left that nobody holds. `now` is the wall's moment; each refund is settled at its customer's. Raises
    InstanceHeld.
    """
    done: list[RefundStatus] = []
    while len(done) < limit and (works := _claim(limit=1, customer_id=customer_id)):
        done += [_carry_out(work, now) for work in works]
    return RefundSummary(
        issued=done.count(RefundStatus.ISSUED),
        rejected=done.count(RefundStatus.REJECTED),
        open=sum(status in OPEN_REFUND_STATUSES for status in done),
    )


def _claim(*, limit: int, refund_id: uuid.UUID | None = None, customer_id: uuid.UUID | None = None) -> list[RefundWork]:
    """Lease refunds at providers that are not paused, in a transaction of its own. Raises InstanceHeld."""
    paused = {name for name in provider_names() if Pace(name).is_paused()}
    with transaction.atomic(durable=True):
        require_running()
        refunds = queries.lock_open_refunds(
            limit=limit, paused_providers=paused, refund_id=refund_id, customer_id=customer_id
        )
        for refund in refunds:
            refund.calls += 1
        update_rows(refunds, ["calls"])
        Refund.objects.filter(id__in=[refund.id for refund in refunds]).update(lease_until=Now() + LEASE)
    reach("refunding.claimed")
    return [_work(refund) for refund in refunds]


def _work(refund: Refund) -> RefundWork:
    return RefundWork(
        refund_id=refund.id,
        provider=refund.provider,
        request=RefundRequest(
            idempotency_key=refund.idempotency_key,
            charge_reference=refund.payment.external_reference,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
        ),
        was_called=refund.calls > 1,
        is_taken_on=refund.status == RefundStatus.AUTHORISED,
    )


def _carry_out(work: RefundWork, now: datetime) -> RefundStatus:
    """Call the provider for claimed work and settle it; return how the refund stands then."""
    pace = Pace(work.provider)
    answer = call_refund(
        get_provider(work.provider), pace, work.request, was_called=work.was_called, is_taken_on=work.is_taken_on
    )
    _note_health(pace, answer)
    reach("refunding.answered")
    status = settle_refund(work.refund_id, answer.result, now)
    reach("refunding.settled")
    return status


def _note_health(pace: Pace, answer: RefundAnswer) -> None:
    if answer.failure:
        pace.note_failure(answer.failure)
    else:
        pace.note_answer()


def settle_refund(refund_id: uuid.UUID, result: RefundResult, now: datetime) -> RefundStatus:
    """Store what the provider said of a refund, once; one that is settled keeps its outcome. Return how it stands.

    What it rejects goes onto the customer's balance: it was given back on paper, and is still theirs. The payment has
    it to give back again. Raises NotFound.
    """
    with transaction.atomic(durable=True):
        customer = customer_queries.lock_customer(queries.get_refund(refund_id).customer_id)
        refund = queries.lock_refund(refund_id)
        if refund.status not in OPEN_REFUND_STATUSES:
            return RefundStatus(refund.status)
        moment = customer_queries.now_of(customer, now)
        action = ACTIONS.get(result.outcome)
        if action is RefundAction.AUTHORISE and refund.status == RefundStatus.AUTHORISED:
            action = None
        if action is not None:
            _move(refund, action, result, moment)
            accounting_date = local_date(moment, customer.brand.time_zone)
            _post(refund, moment, accounting_date)
            emit(refund_fact("refund.updated", refund, moment))
        pause = None if refund.settled_at else Now() + pause_before_asking(refund.calls)
        Refund.objects.filter(id=refund.id, settled_at__isnull=True).update(lease_until=pause)
        reach("refunding.settling")
    return RefundStatus(refund.status)


def _move(refund: Refund, action: RefundAction, result: RefundResult, moment: datetime) -> None:
    """Set a locked refund's status and what comes with it."""
    refund.status = next_refund_status(refund.status, action)
    refund.external_reference = result.reference or refund.external_reference
    if refund.status not in OPEN_REFUND_STATUSES:
        refund.settled_at, refund.lease_until = moment, None
    if action is RefundAction.REJECT:
        refund.failure_message = result.message or "The provider rejected it."
        payment = queries.lock_payment(refund.payment_id)
        move_refunded(payment, -refund.amount_minor)
        log.warning("refund_rejected", refund=str(refund.id), reason=refund.failure_message)
    update_rows([refund], ["status", "external_reference", "settled_at", "lease_until", "failure_message"])


def _post(refund: Refund, moment: datetime, accounting_date: date) -> None:
    """Post what a settled refund does to the books; one only taken on does nothing yet."""
    owed = owed_money(refund, refund.amount_minor)
    if refund.status == RefundStatus.ISSUED:
        entries = [refund_entry(owed, posted_at=moment, accounting_date=accounting_date)]
    elif refund.status == RefundStatus.REJECTED:
        entries = [refund_rejected_entry(owed, posted_at=moment, accounting_date=accounting_date)]
    else:
        entries = []
    ledger_operations.post_entries(entries)
