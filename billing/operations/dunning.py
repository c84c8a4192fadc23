"""Drive dunning: whatever step of a process is due is done, each in a transaction of its own.

Rows carry the work: a step lost with its worker is found again by the next sweep, and one that two workers find is done
once, under the customer's lock. A retry is an attempt like any other: charged, asked for and settled as those are.
"""

import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from billing.domain import dunning
from billing.domain.dunning import ProcessStatus, Step, StepKind
from billing.models import DunningProcess, DunningStep, ParkedInvoice
from billing.operations import attempts, dunning_ending, standing
from billing.operations.dunning_rows import begin, close_settled, log_step, set_next
from billing.queries import dunning as queries
from billing.queries import payments as payment_queries
from core.domain.outbox import OutboxDraft
from core.faults import reach
from core.operations import emit
from core.operations_instance import require_running
from customers import queries as customer_queries
from invoicing.models import Invoice

STEPS_A_SWEEP = 2_000
SHORTEST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)

log = structlog.get_logger(__name__)


def run_due(
    now: datetime, *, wall_now: datetime, test_clock_id: uuid.UUID | None = None, limit: int = STEPS_A_SWEEP
) -> int:
    """Do every step of dunning that is due by the clock of its customers, and return how many were done.

    Without a test clock only customers on none are looked at. A step that cannot be done is told, and waits; it stops
    no other. Raises InstanceHeld.
    """
    require_running()
    done = 0
    overdue = queries.list_overdue_invoice_ids(now, wall_now=wall_now, test_clock_id=test_clock_id, limit=limit)
    for invoice_id in overdue:
        try:
            done += _begin_overdue(invoice_id, now)
        except Exception as failure:
            log.exception("dunning_not_begun", invoice=str(invoice_id))
            _park_invoice(invoice_id, f"{type(failure).__name__}: {failure}", wall_now)
    for process_id in queries.list_due_process_ids(now, wall_now=wall_now, test_clock_id=test_clock_id, limit=limit):
        try:
            done += _do_step(process_id, now=now, wall_now=wall_now)
        except Exception as failure:
            log.exception("dunning_step_failed", process=str(process_id))
            _park(process_id, f"{type(failure).__name__}: {failure}", wall_now)
    return done


def run_everywhere(*, now: datetime) -> int:
    """Do what is due on the wall's clock, and on every test clock that stands still. Raises InstanceHeld."""
    ParkedInvoice.objects.exclude(invoice__status=Invoice.Status.OPEN).delete()
    for clock_id, clock_now in queries.list_standing_clocks():
        run_due(clock_now, wall_now=now, test_clock_id=clock_id)
    return run_due(now, wall_now=now)


def _begin_overdue(invoice_id: uuid.UUID, now: datetime) -> int:
    """Begin the process of an invoice that is overdue, unless it was paid or another worker did; tell whether."""
    with transaction.atomic(durable=True):
        customer = customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        invoice = payment_queries.get_invoice(invoice_id)
        known = queries.latest_processes([invoice_id]).get(invoice_id)
        is_known = known is not None and known.status not in {ProcessStatus.RECOVERED, ProcessStatus.CLOSED}
        if invoice.status != Invoice.Status.OPEN or not invoice.amount_due_minor or is_known:
            return 0
        if invoice.due_date is None:
            raise RuntimeError(f"invoice {invoice.id} is open and has no due date")
        started_at = dunning.overdue_start(invoice.due_date, customer.zone, now)
        process = begin(
            customer.id, invoice.id, dunning.overdue_plan(customer.brand.dunning_policy, started_at, customer.zone)
        )
        set_next(process, dunning.next_step(process.plan, None))
        process.save()
        emit(*standing.mark_unpaid([invoice.id], now))
        ParkedInvoice.objects.filter(invoice=invoice).delete()
    reach("dunning.begun")
    return 1


def _do_step(process_id: uuid.UUID, *, now: datetime, wall_now: datetime) -> int:
    """Do the step that is due of one process; 0 when another worker was faster."""
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(queries.get_process(process_id).customer_id)
        process = queries.lock_process(process_id)
        if process.next_at is None or process.next_at > now:
            return 0
        invoice = Invoice.objects.get(id=process.invoice_id)
        if invoice.status != Invoice.Status.OPEN:
            close_settled([invoice.id], now)
            return 1
        step = Step(StepKind(process.next_step), process.next_at, process.next_number)
        if step.kind is StepKind.RETRY:
            _retry(process, invoice, step, now)
        elif step.kind is StepKind.REMIND:
            _remind(process, invoice, dunning.latest_due(process.plan, step, now), now)
        else:
            _finish(process, now, wall_now)
        reach("dunning.stepping")
    reach("dunning.stepped")
    return 1


def _retry(process: DunningProcess, invoice: Invoice, step: Step, now: datetime) -> None:
    """Schedule the retry that is due; a charge already under way stands for it."""
    if payment_queries.find_open_attempt(invoice.id) is None:
        attempt = attempts.schedule_attempt(invoice=invoice, now=now, card=attempts.card_for(invoice))
        kind = DunningStep.Kind.RETRY if step.number else DunningStep.Kind.NEW_CARD
        log_step(process, kind, now, number=step.number, attempt=attempt)
    set_next(process, None)
    process.save()


def _remind(process: DunningProcess, invoice: Invoice, step: Step, now: datetime) -> None:
    """Tell that an invoice is overdue, and set what follows."""
    log_step(process, DunningStep.Kind.REMIND, now, number=step.number)
    following = dunning.next_step(process.plan, step.at)
    set_next(process, following)
    process.save()
    payload = {
        "customer": str(invoice.customer_id),
        "invoice": str(invoice.id),
        "invoice_number": invoice.number,
        "amount_due": invoice.amount_due_minor,
        "currency": invoice.currency,
        "due_date": invoice.due_date.isoformat() if invoice.due_date is not None else None,
        "reminder_number": step.number,
        "disabled_at": _disabling_at(process),
    }
    emit(OutboxDraft("invoice.overdue", "invoice", invoice.id, now, payload))


def _disabling_at(process: DunningProcess) -> str | None:
    """Return when the customer will be disabled, None where nobody is."""
    disables = process.finish_with == DunningProcess.FinishWith.DISABLE
    return process.plan.finish_at.isoformat() if disables else None


def _finish(process: DunningProcess, now: datetime, wall_now: datetime) -> None:
    """Do the final action, unless a charge under way decides first."""
    if payment_queries.find_open_attempt(process.invoice_id) is not None:
        set_next(process, None)
        process.save()
        return
    dunning_ending.finish(process, now=now, wall_now=wall_now)


def _park(process_id: uuid.UUID, reason: str, wall_now: datetime) -> None:
    """Let a process whose step could not be done wait, longer each time, with the reason."""
    with transaction.atomic(durable=True):
        process = queries.lock_process(process_id)
        process.failures += 1
        process.failure = reason
        process.held_until = wall_now + _wait(process.failures)
        process.save(update_fields=["failures", "failure", "held_until"])


def _park_invoice(invoice_id: uuid.UUID, reason: str, wall_now: datetime) -> None:
    """Let an overdue invoice whose process could not begin wait, longer each time, with the reason."""
    with transaction.atomic(durable=True):
        # The invoice's customer is the lock: a process that begins meanwhile takes the row away.
        customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        parked = ParkedInvoice.objects.filter(invoice_id=invoice_id).first()
        if parked is None:
            parked = ParkedInvoice(invoice_id=invoice_id, failures=0, first_failed_at=wall_now)
        parked.failures, parked.reason, parked.last_failed_at = parked.failures + 1, reason, wall_now
        parked.retry_at = wall_now + _wait(parked.failures)
        parked.save()


def _wait(failures: int) -> timedelta:
    """Return how long to wait after so many failures: 5 minutes, doubled each time, at most 6 hours."""
    return min(SHORTEST_WAIT * (1 << min(failures - 1, 10)), LONGEST_WAIT)
