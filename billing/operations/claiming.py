"""Claim attempts for charging: under the customers' locks, with a lease, their pending payments beside them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Now

from billing.domain.payments import (
    OPEN_ATTEMPT_STATUSES,
    AttemptAction,
    AttemptStatus,
    FailureReason,
    next_attempt_status,
)
from billing.models import Payment, PaymentAttempt
from billing.operations import settling
from billing.operations.attempts import choose_card
from billing.operations.settling import ChargeOutcome, Settlement
from billing.providers.base import ChargeRequest, ChargeResult, Outcome
from billing.queries import payments as payment_queries
from core.identifiers import new_id
from core.operations import require_transaction
from core.operations_instance import require_running
from core.updating import update_rows
from customers.models import PaymentMethod
from invoicing.models import Invoice

LEASE = timedelta(seconds=120)
"""Longer than a look-up, a call and another look-up may take, each of which ends within 30 s."""
CLAIMED = "charging.claimed"
CHARGEABLE_STATUSES = frozenset({Invoice.Status.DRAFT, Invoice.Status.OPEN})
NO_CARD = ChargeResult(
    Outcome.DECLINED, reason=FailureReason.INVALID_DETAILS, message="The customer has no card to charge."
)


@dataclass(frozen=True, slots=True)
class ChargeWork:
    """A claimed attempt, ready to be called.

    `was_called`: an earlier worker may have called, or the provider has a charge with this key, so it is asked first.
    `may_charge`: the money is still wanted.
    """

    attempt_id: uuid.UUID
    provider: str
    request: ChargeRequest
    was_called: bool
    may_charge: bool
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim found: work to call, and attempts that were settled without a call."""

    works: tuple[ChargeWork, ...] = ()
    settled: tuple[ChargeOutcome, ...] = ()


def claim_due_attempts(attempt_ids: Iterable[uuid.UUID], now: datetime) -> Claimed:
    """Claim those of the attempts that are still due, or whose lease ran out, in the caller's transaction.

    What another worker holds is left out. Raises InstanceHeld, RuntimeError outside a transaction.
    """
    require_transaction()
    require_running()
    return _claim(payment_queries.lock_due_attempts(attempt_ids, now), now)


def claim_attempt(attempt_id: uuid.UUID, now: datetime) -> ChargeWork | None:
    """Claim one attempt, due or not, in the caller's transaction; None when it is settled or another worker holds it.

    Raises NotFound, InstanceHeld, RuntimeError outside a transaction.
    """
    require_transaction()
    require_running()
    payment_queries.get_attempt(attempt_id)
    (attempt,) = payment_queries.lock_attempts([attempt_id])
    if attempt.status not in OPEN_ATTEMPT_STATUSES or payment_queries.has_live_lease(attempt):
        return None
    works = _claim([attempt], now).works
    return works[0] if works else None


def _claim(attempts: Sequence[PaymentAttempt], now: datetime) -> Claimed:
    """Claim locked attempts: bring amount and card up to date, add the pending payments, set the lease."""
    if not attempts:
        return Claimed()
    invoices = Invoice.objects.in_bulk([attempt.invoice_id for attempt in attempts if attempt.invoice_id])
    cards = payment_queries.cards_by_id(a.payment_method_id for a in attempts if a.payment_method_id)
    defaults = payment_queries.default_cards(attempt.customer_id for attempt in attempts)
    found = payment_queries.providers_of_found_charges(attempt.idempotency_key for attempt in attempts)
    works, payments, unwanted, cardless = [], [], [], []
    for attempt in attempts:
        invoice = invoices.get(attempt.invoice_id) if attempt.invoice_id else None
        card = choose_card(attempt.payment_method_id, cards, defaults.get(attempt.customer_id))
        due_minor = _due_minor(invoice)
        was_called = attempt.status == AttemptStatus.CALLING
        attempt.status = next_attempt_status(AttemptStatus(attempt.status), AttemptAction.CLAIM)
        attempt.calls += 1
        if was_called:
            # The charge may stand at the provider: its amount and card stay what was sent.
            sent = choose_card(attempt.payment_method_id, cards, None)
            may_charge = due_minor >= attempt.amount_minor and sent is not None
            works.append(_work(attempt, invoice, sent, may_charge=may_charge))
        elif invoice is not None and attempt.idempotency_key in found:
            # Charged before a restore took that away from these rows: whatever is due, the provider says what it took.
            payments.append(_begin(attempt, due_minor, card, found[attempt.idempotency_key], now))
            may_charge = due_minor > 0 and card is not None and card.provider == attempt.provider
            works.append(_work(attempt, invoice, card, may_charge=may_charge, was_found=True))
        elif due_minor <= 0:
            unwanted.append(attempt)
        elif card is None:
            cardless.append(attempt)
        else:
            payments.append(_begin(attempt, due_minor, card, card.provider, now))
            works.append(_work(attempt, invoice, card, may_charge=True))
    Payment.objects.bulk_create(payments)
    changed = ["status", "calls", "amount_minor", "payment_method", "provider", "payment"]
    update_rows(attempts, changed)
    PaymentAttempt.objects.filter(id__in=[attempt.id for attempt in attempts]).update(lease_until=Now() + LEASE)
    without_call = [Settlement(attempt.id, None) for attempt in unwanted]
    without_call += [Settlement(attempt.id, NO_CARD) for attempt in cardless]
    return Claimed(tuple(works), tuple(settling.settle_step(without_call, now)) if without_call else ())


def _due_minor(invoice: Invoice | None) -> int:
    """Return what may be charged on an invoice, in minor units."""
    return invoice.amount_due_minor if invoice is not None and invoice.status in CHARGEABLE_STATUSES else 0


def _begin(
    attempt: PaymentAttempt, due_minor: int, card: PaymentMethod | None, provider: str, now: datetime
) -> Payment:
    """Bring an attempt that was never called up to date, and return the pending payment it gets."""
    attempt.amount_minor = due_minor if due_minor > 0 else attempt.amount_minor
    attempt.payment_method, attempt.provider = card, provider
    attempt.payment = _pending_payment(attempt, now)
    return attempt.payment


def _pending_payment(attempt: PaymentAttempt, now: datetime) -> Payment:
    return Payment(
        id=new_id(),
        customer_id=attempt.customer_id,
        invoice_id=attempt.invoice_id,
        payment_method_id=attempt.payment_method_id,
        provider=attempt.provider,
        status=Payment.Status.PENDING,
        currency=attempt.currency,
        amount_minor=attempt.amount_minor,
        created_at=now,
    )


def _work(
    attempt: PaymentAttempt,
    invoice: Invoice | None,
    card: PaymentMethod | None,
    *,
    may_charge: bool,
    was_found: bool = False,
) -> ChargeWork:
    request = ChargeRequest(
        idempotency_key=attempt.idempotency_key,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        customer_reference=attempt.customer.external_reference,
        card_reference=card.provider_reference if card is not None else "",
        metadata={
            "customer": str(attempt.customer_id),
            "brand": attempt.customer.brand.code,
            "invoice": (invoice.number if invoice is not None else None) or "",
            "attempt": str(attempt.number),
        },
    )
    return ChargeWork(
        attempt_id=attempt.id,
        provider=attempt.provider,
        request=request,
        was_called=attempt.calls > 1 or was_found,
        may_charge=may_charge,
        is_draft=invoice is not None and invoice.status == Invoice.Status.DRAFT,
    )
