"""Steps that begin, move and close dunning processes beside the facts that make them: declines and payments."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.domain import dunning
from billing.domain.dunning import Decline, Plan, ProcessAction, ProcessStatus, Step, StepKind, next_process_status
from billing.domain.payments import FailureReason
from billing.models import DunningProcess, DunningStep, PaymentAttempt
from billing.queries import dunning as queries
from billing.queries import payments as payment_queries
from core.operations import SYSTEM, require_transaction
from customers import operations as customer_operations
from customers.models import Customer
from invoicing.models import Invoice

OVER_FOR_GOOD = frozenset({ProcessStatus.FINISHED, ProcessStatus.STOPPED})
"""Whoever tries such an invoice by hand begins nothing anew."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a decline leads to: when the card is tried again by itself (None: not), and whether the end comes now."""

    next_retry_at: datetime | None = None
    is_final: bool = False
    held_until: datetime | None = None


def note_declines(attempts: Sequence[PaymentAttempt], now: datetime) -> dict[uuid.UUID, Told]:
    """Begin or move the processes of invoices whose charge was just declined, and tell what follows, by attempt.

    The attempts carry their reasons; their customers are locked by the caller. Raises RuntimeError outside a
    transaction.
    """
    require_transaction()
    wanted = [one for one in attempts if one.invoice is not None and one.invoice.status == Invoice.Status.OPEN]
    wanted = [
        one for one in wanted if one.invoice is not None and one.invoice.billing_type == Customer.BillingType.CARD
    ]
    if not wanted:
        return {}
    known = queries.latest_processes(one.invoice_id for one in wanted if one.invoice_id)
    cards = payment_queries.cards_by_id(
        process.payment_method_id for process in known.values() if process.payment_method_id
    )
    told = {}
    for attempt in wanted:
        process = known.get(attempt.invoice_id) if attempt.invoice_id else None
        if process is not None and process.status in OVER_FOR_GOOD:
            continue
        if process is None or process.status != ProcessStatus.OPEN:
            process = _begin_card(attempt, now)
        told[attempt.id] = _move_on(process, attempt, cards, now)
    return told


def _begin_card(attempt: PaymentAttempt, now: datetime) -> DunningProcess:
    """Add the process of an invoice whose charge was declined, by the brand's policy of this moment."""
    plan = dunning.card_plan(attempt.customer.brand.dunning_policy, now, attempt.customer.zone)
    return begin(attempt.customer_id, attempt.invoice_id, plan)


def begin(customer_id: uuid.UUID, invoice_id: uuid.UUID | None, plan: Plan) -> DunningProcess:
    """Add an open process that waits for its first step to be set."""
    if invoice_id is None:
        raise RuntimeError("a process is about an invoice")
    process = DunningProcess.objects.create(
        customer_id=customer_id,
        invoice_id=invoice_id,
        kind=plan.kind,
        status=ProcessStatus.OPEN,
        days=list(plan.days),
        finish_with=plan.finish_with,
        finish_days=plan.finish_days,
        time_zone=plan.zone,
        started_at=plan.started_at,
    )
    log_step(process, DunningStep.Kind.BEGIN, plan.started_at)
    return process


def _move_on(
    process: DunningProcess, attempt: PaymentAttempt, cards: Mapping[uuid.UUID, object], now: datetime
) -> Told:
    """Set what follows a decline; a card that came while another was being tried is tried at once."""
    decline = Decline(FailureReason(attempt.failure_reason), now, attempt.is_hard)
    step = dunning.after_decline(process.plan, decline)
    newer = process.payment_method_id
    if newer is not None and newer != attempt.payment_method_id and newer in cards:
        step = Step(StepKind.RETRY, now)
    else:
        process.payment_method_id = attempt.payment_method_id
    process.last_reason = attempt.failure_reason
    set_next(process, step)
    process.save()
    return Told(
        step.at if step.kind is StepKind.RETRY else None,
        dunning.is_final(step, now),
        dunning.held_until(process.plan, now),
    )


def set_next(process: DunningProcess, step: Step | None) -> None:
    """Write a process's next step into its row; None: it waits for an outcome. The caller saves it."""
    process.next_step = DunningProcess.NextStep.NONE if step is None else DunningProcess.NextStep(step.kind)
    process.next_at = None if step is None else step.at
    process.next_number = 0 if step is None else step.number
    process.failures, process.failure, process.held_until = 0, "", None


def log_step(
    process: DunningProcess,
    kind: DunningStep.Kind,
    at: datetime,
    *,
    number: int = 0,
    attempt: PaymentAttempt | None = None,
    details: str = "",
) -> DunningStep:
    """Add what a process did to its log."""
    return DunningStep.objects.create(
        process=process, kind=kind, number=number, attempt=attempt, details=details[:200], happened_at=at
    )


def end_process(process: DunningProcess, action: ProcessAction, now: datetime, *, details: str = "") -> None:
    """Close a locked process, once; the next step goes. Raises InvalidProcessTransition when it is closed."""
    process.status = next_process_status(process.status, action)
    process.closed_at = now
    set_next(process, None)
    process.save()
    kinds = {
        ProcessAction.PAY: DunningStep.Kind.RECOVER,
        ProcessAction.CLOSE: DunningStep.Kind.CLOSE,
        ProcessAction.FINISH: DunningStep.Kind.FINISH,
        ProcessAction.STOP: DunningStep.Kind.STOP,
    }
    log_step(process, kinds[action], now, details=details)


def close_settled(invoice_ids: Iterable[uuid.UUID], now: datetime) -> None:
    """Close the processes of invoices that ask for nothing any more, and enable whom one of them had disabled.

    The customers are locked by the caller, the invoices saved. Raises RuntimeError outside a transaction.
    """
    require_transaction()
    ids = list(invoice_ids)
    for process in queries.list_processes_to_close(ids):
        is_paid = process.invoice.status == Invoice.Status.PAID
        end_process(process, ProcessAction.PAY if is_paid else ProcessAction.CLOSE, now)
    settled = Invoice.objects.filter(id__in=ids, status__in=(Invoice.Status.PAID, Invoice.Status.VOID))
    for customer_id in sorted(queries.customers_disabled_over(settled.values_list("id", flat=True))):
        customer_operations.enable_customer(customer_id, actor=SYSTEM, now=now)
