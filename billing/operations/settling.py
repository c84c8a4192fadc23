"""Settle attempts: store what the provider answered, each attempt exactly once."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType

import structlog
from django.db import transaction
from django.db.models.functions import Now

from billing.domain.dunning import card_plan, held_until
from billing.domain.payments import (
    OPEN_ATTEMPT_STATUSES,
    AttemptAction,
    AttemptStatus,
    FailureReason,
    next_attempt_status,
    next_charge_key,
    pause_before_asking,
)
from billing.models import Payment, PaymentAttempt
from billing.operations import accepting, dunning_rows, first_invoices, standing
from billing.operations.dunning_rows import Told
from billing.operations.payments import Income, take_in
from billing.providers.base import ChargeResult, Outcome
from billing.queries import payments as payment_queries
from core.domain.outbox import OutboxDraft
from core.faults import reach
from core.operations import require_transaction
from core.updating import update_rows
from invoicing.models import Invoice

OPEN_OUTCOMES = frozenset({Outcome.PENDING, Outcome.UNKNOWN})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is now known of an attempt; `result` None: the provider never took it on, and shall not any more."""

    attempt_id: uuid.UUID
    result: ChargeResult | None


@dataclass(frozen=True, slots=True)
class ChargeOutcome:
    """How an attempt stands after it was settled."""

    attempt_id: uuid.UUID
    status: AttemptStatus
    failure_reason: FailureReason | None = None
    message: str = ""
    authentication_url: str = ""

    @property
    def is_paid(self) -> bool:
        """Tell whether money came in."""
        return self.status is AttemptStatus.SUCCEEDED

    @property
    def is_open(self) -> bool:
        """Tell whether the outcome is still unknown."""
        return self.status in OPEN_ATTEMPT_STATUSES


def outcome_of(attempt: PaymentAttempt, result: ChargeResult | None = None) -> ChargeOutcome:
    """Return how an attempt stands; only the provider's fresh result knows the link at which the customer confirms."""
    return ChargeOutcome(
        attempt_id=attempt.id,
        status=AttemptStatus(attempt.status),
        failure_reason=FailureReason(attempt.failure_reason) if attempt.failure_reason else None,
        message=attempt.failure_message,
        authentication_url=result.authentication_url if result is not None else "",
    )


def settle(settlements: Sequence[Settlement], now: datetime, *, wait: bool = True) -> list[ChargeOutcome]:
    """Store what the provider said of several attempts, all in one transaction, each exactly once.

    An attempt that is settled already keeps its outcome. Without `wait` the attempts of customers whom others hold are
    left out of the answer, and as they are. Raises what the database refuses; then nothing is stored.
    """
    with transaction.atomic(durable=True):
        outcomes = settle_step(settlements, now, wait=wait)
        reach("charging.settling")
    reach("charging.settled")
    return outcomes


def settle_step(settlements: Sequence[Settlement], now: datetime, *, wait: bool = True) -> list[ChargeOutcome]:
    """Settle inside the caller's transaction. Raises RuntimeError outside one."""
    require_transaction()
    results = {settlement.attempt_id: settlement.result for settlement in settlements}
    attempts = payment_queries.lock_attempts(results, wait=wait)
    calling = [attempt for attempt in attempts if attempt.status == AttemptStatus.CALLING]
    succeeded, failed, never_charged, still_open = [], [], [], []
    for attempt in calling:
        result = results[attempt.id]
        if result is None:
            never_charged.append(attempt)
        elif result.outcome in OPEN_OUTCOMES or _is_in_another_currency(attempt, result):
            still_open.append(attempt)
        elif result.outcome is Outcome.SUCCEEDED:
            succeeded.append((attempt, result))
        else:
            failed.append((attempt, result))
    _keep_open(still_open)
    _drop(never_charged, now)
    facts = _fail(failed, now)
    _succeed(succeeded, facts, now)
    return [outcome_of(attempt, results[attempt.id]) for attempt in attempts]


def _is_in_another_currency(attempt: PaymentAttempt, result: ChargeResult) -> bool:
    """Tell whether the provider took another currency than asked, which a person has to look at."""
    if result.outcome is not Outcome.SUCCEEDED or result.currency == attempt.currency:
        return False
    log.error("charge_in_another_currency", attempt=str(attempt.id), asked=attempt.currency, taken=result.currency)
    return True


def _succeed(
    succeeded: Sequence[tuple[PaymentAttempt, ChargeResult]], facts: Sequence[OutboxDraft], now: datetime
) -> None:
    """Take in what providers captured; it may be less or more than is still due."""
    incomes, rests = [], []
    for attempt, result in succeeded:
        payment, invoice = attempt.payment, attempt.invoice
        if payment is None or invoice is None:
            raise RuntimeError(f"attempt {attempt.id} was called without its payment or invoice")
        if invoice.status == Invoice.Status.DRAFT:
            invoice = attempt.invoice = payment.invoice = _keeper(invoice).confirm(invoice=invoice, now=now)
        payment.status = Payment.Status.COMPLETED
        payment.amount_minor, payment.fee_minor = result.amount_minor, result.fee_minor
        payment.external_reference = result.reference
        payment.completed_at = now
        incomes.append(Income(payment, invoice, attempt.customer.brand, now))
        rests.append((attempt, invoice.amount_due_minor - result.amount_minor))
        _finish(attempt, AttemptAction.SUCCEED, now)
    changed = ["status", "amount_minor", "fee_minor", "external_reference", "completed_at", "invoice"]
    update_rows([income.payment for income in incomes], changed)
    update_rows([attempt for attempt, _ in succeeded], ["status", "settled_at", "lease_until", "invoice"])
    _try_again(rests, now)
    take_in(incomes, facts, now)


def _fail(failed: Sequence[tuple[PaymentAttempt, ChargeResult]], now: datetime) -> list[OutboxDraft]:
    """Record declines: the attempts keep the reason, their pending payments go; return the facts to emit."""
    if not failed:
        return []
    facts, unpaid, drafts = [], [], []
    payment_ids = {attempt.payment_id for attempt, _ in failed if attempt.payment_id}
    for attempt, result in failed:
        invoice = attempt.invoice
        _finish(attempt, AttemptAction.FAIL, now)
        attempt.failure_reason = result.reason or FailureReason.GENERAL_DECLINE
        attempt.failure_message, attempt.is_hard = result.message, result.hard
        attempt.payment = None
        if invoice is not None and invoice.status == Invoice.Status.DRAFT:
            drafts.append((invoice, result))
        elif invoice is not None:
            unpaid.append(invoice.id)
    attempts = [attempt for attempt, _ in failed]
    changed = ["status", "settled_at", "lease_until", "failure_reason", "failure_message", "is_hard", "payment"]
    update_rows(attempts, changed)
    Payment.objects.filter(id__in=payment_ids, status=Payment.Status.PENDING).delete()
    told = dunning_rows.note_declines(attempts, now)
    _hold_others([attempt for attempt in attempts if attempt.invoice_id in unpaid], told, now)
    for attempt, result in failed:
        facts += _failure_facts(attempt, result, told.get(attempt.id, Told()), now)
    _try_again(_charged_next([attempt for attempt in attempts if attempt.invoice_id in unpaid]), now)
    for invoice, result in drafts:
        # Who still has to confirm with the bank may finish the start.
        if result.outcome is not Outcome.AUTHENTICATION_REQUIRED:
            _keeper(invoice).abandon(invoice=invoice, now=now)
    return [*facts, *standing.mark_unpaid(unpaid, now)]


def _hold_others(attempts: Sequence[PaymentAttempt], told: Mapping[uuid.UUID, Told], now: datetime) -> None:
    """Let the other due charges of these attempts' customers wait for the next retry (Billing rules, section 8)."""
    until = {}
    for attempt in attempts:
        held = told[attempt.id].held_until if attempt.id in told else None
        until[attempt.customer_id] = held or held_until(
            card_plan(attempt.customer.brand.dunning_policy, now, attempt.customer.zone), now
        )
    for customer_id, moment in until.items():
        payment_queries.list_waiting_attempts([customer_id], now).update(due_at=moment)


def _keeper(draft: Invoice) -> ModuleType:
    """Return what finalises or drops a draft whose charge decides: of an accepted quote, or of a start."""
    return accepting if draft.origin == Invoice.Origin.QUOTE else first_invoices


def _charged_next(attempts: Sequence[PaymentAttempt]) -> list[tuple[PaymentAttempt, int]]:
    """Return those failed attempts whose successor the provider has already, with what their invoices ask for."""
    next_keys = {
        next_charge_key(attempt.idempotency_key, attempt.number + 1): attempt
        for attempt in attempts
        if attempt.invoice is not None
    }
    found = payment_queries.providers_of_found_charges(next_keys)
    return [
        (attempt, attempt.invoice.amount_due_minor)
        for key, attempt in next_keys.items()
        if key in found and attempt.invoice is not None
    ]


def _drop(attempts: Sequence[PaymentAttempt], now: datetime) -> None:
    """Cancel attempts that the provider never took on; one whose invoice still wants money gets a fresh one."""
    payment_ids = {attempt.payment_id for attempt in attempts if attempt.payment_id}
    for attempt in attempts:
        _finish(attempt, AttemptAction.CANCEL, now)
        attempt.payment = None
    update_rows(attempts, ["status", "settled_at", "lease_until", "payment"])
    Payment.objects.filter(id__in=payment_ids, status=Payment.Status.PENDING).delete()
    _try_again([(attempt, attempt.invoice.amount_due_minor) for attempt in attempts if attempt.invoice], now)


def _try_again(rests: Sequence[tuple[PaymentAttempt, int]], now: datetime) -> None:
    """Schedule a further attempt, due now, for what an attempt left due on its open invoice, in minor units."""
    PaymentAttempt.objects.bulk_create(
        PaymentAttempt(
            customer_id=attempt.customer_id,
            invoice=attempt.invoice,
            payment_method_id=attempt.payment_method_id,
            number=attempt.number + 1,
            provider=attempt.provider,
            idempotency_key=next_charge_key(attempt.idempotency_key, attempt.number + 1),
            status=AttemptStatus.SCHEDULED,
            currency=attempt.currency,
            amount_minor=rest_minor,
            due_at=now,
            created_at=now,
        )
        for attempt, rest_minor in rests
        if rest_minor > 0 and attempt.invoice is not None and attempt.invoice.status == Invoice.Status.OPEN
    )


def _keep_open(attempts: Sequence[PaymentAttempt]) -> None:
    """Let the attempts be asked for again, each after its own pause."""
    for attempt in attempts:
        attempt.lease_until = Now() + pause_before_asking(attempt.calls)
    PaymentAttempt.objects.bulk_update(attempts, ["lease_until"])


def _finish(attempt: PaymentAttempt, action: AttemptAction, now: datetime) -> None:
    attempt.status = next_attempt_status(AttemptStatus(attempt.status), action)
    attempt.settled_at = now
    attempt.lease_until = None


def _failure_facts(attempt: PaymentAttempt, result: ChargeResult, told: Told, now: datetime) -> list[OutboxDraft]:
    invoice = attempt.invoice
    payload = {
        "customer": str(attempt.customer_id),
        "invoice": str(invoice.id) if invoice else None,
        "invoice_number": invoice.number if invoice else None,
        "payment_attempt": str(attempt.id),
        "attempt_number": attempt.number,
        "amount": attempt.amount_minor,
        "currency": attempt.currency,
        "failure_reason": str(attempt.failure_reason),
        "failure_message": attempt.failure_message,
        "authentication_url": result.authentication_url,
        "next_retry_at": told.next_retry_at.isoformat() if told.next_retry_at is not None else None,
        "final": told.is_final,
    }
    facts = [OutboxDraft("payment.failed", "payment_attempt", attempt.id, now, payload)]
    if invoice is not None and invoice.status != Invoice.Status.DRAFT:
        facts.append(OutboxDraft("invoice.payment_failed", "invoice", invoice.id, now, payload))
        if result.outcome is Outcome.AUTHENTICATION_REQUIRED:
            facts.append(OutboxDraft("invoice.payment_action_required", "invoice", invoice.id, now, payload))
    return facts
