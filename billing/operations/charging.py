"""Charge what is due: claim attempts, call the provider outside any transaction, settle. Rows carry the work.

An attempt is claimed with a lease, by the database's clock, and its pending payment is committed before the call.
Whoever finds a claim whose lease ran out asks the provider first, and calls again only when it never took the charge
on, with the same key.
"""

import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from billing.domain.payments import AttemptStatus, FailureReason
from billing.models import PaymentAttempt
from billing.operations import attempts, claiming, settling
from billing.operations.claiming import ChargeWork, Claimed
from billing.operations.settling import ChargeOutcome, Settlement
from billing.providers.calling import Answer, Caller
from billing.providers.pacing import Pace
from billing.providers.registry import get_provider, provider_names
from billing.queries import payments as payment_queries
from core.errors import Conflict, Declined
from core.faults import reach
from core.operations_instance import require_running
from customers import queries as customer_queries
from invoicing.models import Invoice

THREADS = 16
LOOK_AHEAD = 500
SECONDS_TO_WAIT_FOR_ANOTHER = 5.0
SECONDS_BETWEEN_LOOKS = 0.1

log = structlog.get_logger(__name__)


class ChargeDeclined(Declined):
    """The provider refused the charge; `failure_reason` is one of the eight words."""

    code = "charge_declined"

    def __init__(self, outcome: ChargeOutcome) -> None:
        """Keep the reason, and the link at which the customer can confirm, when there is one."""
        super().__init__(outcome.message or "The card was declined.")
        self.failure_reason = str(outcome.failure_reason or FailureReason.GENERAL_DECLINE)
        self.authentication_url = outcome.authentication_url


@dataclass(frozen=True, slots=True)
class ChargeSummary:
    """What a round did, in attempts; `open` ones are asked for again later, `unsettled` ones could not be stored."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    open: int = 0
    unsettled: int = 0
    paused_providers: tuple[str, ...] = ()


def charge_due(
    now: datetime, *, limit: int | None = None, threads: int = THREADS, test_clock_id: uuid.UUID | None = None
) -> ChargeSummary:
    """Charge the attempts that are due by the clock of their customers, at most `limit`, `threads` calls at a time.

    Without a test clock only customers on none are charged. The calls run in threads, every statement in this one.
    Ends when nothing is due, or every provider with something due is paused. Raises InstanceHeld.
    """
    require_running()
    round_ = _Round(now, test_clock_id)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="charge")
    in_flight: dict[Future[Answer], ChargeWork] = {}
    try:
        left = sys.maxsize if limit is None else limit
        while True:
            if len(in_flight) <= threads and left > 0:
                # Twice as many as threads: the next call waits ready while this thread stores the last answers.
                found = round_.claim(min(2 * threads - len(in_flight), left))
                left -= len(found.works) + len(found.settled)
                in_flight |= {pool.submit(round_.call, work): work for work in found.works}
                if found.settled and not found.works:
                    continue
            if not in_flight:
                return round_.summary()
            done, _ = wait(in_flight, return_when=FIRST_COMPLETED)
            round_.settle([(in_flight.pop(future), future.result()) for future in done])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def charge_due_everywhere(now: datetime, *, limit: int) -> ChargeSummary:
    """Charge what is due on the wall's clock, and on every test clock that stands still, each by its own time.

    Returns what was done on the wall's clock. A clock under way charges by itself. Raises InstanceHeld.
    """
    for clock_id, clock_now in payment_queries.list_clocks_with_work():
        charge_due(clock_now, limit=limit, test_clock_id=clock_id)
    return charge_due(now, limit=limit)


def charge_now(attempt_id: uuid.UUID, now: datetime) -> ChargeOutcome:
    """Charge one attempt at once, due or not, and return how it stands then; an attempt that is settled stays as it is.

    When another worker holds it, its outcome is waited for up to five seconds. Must be called outside a transaction.
    Raises NotFound, InstanceHeld.
    """
    with transaction.atomic(durable=True):
        work = claiming.claim_attempt(attempt_id, now)
    return _carry_out(attempt_id, work, now)


def charge_invoice(*, invoice_id: uuid.UUID, now: datetime) -> ChargeOutcome:
    """Try to charge an open invoice now, with the customer's card.

    The outcome may still be open. Raises NotFound, Conflict when nothing is due, InstanceHeld, ChargeDeclined when the
    card is refused: also without a call, when the last refusal forbids another try with the same card.
    """
    with transaction.atomic(durable=True):
        customer_queries.lock_customer(payment_queries.get_invoice(invoice_id).customer_id)
        invoice = payment_queries.get_invoice(invoice_id)
        if invoice.status != Invoice.Status.OPEN or invoice.amount_due_minor <= 0:
            raise Conflict("Nothing is due on this invoice.", code="nothing_due")
        attempt = payment_queries.find_open_attempt(invoice_id) or _further_attempt(invoice, now)
        work = claiming.claim_attempt(attempt.id, now)
    outcome = _carry_out(attempt.id, work, now)
    if outcome.status is AttemptStatus.FAILED:
        raise ChargeDeclined(outcome)
    return outcome


def _further_attempt(invoice: Invoice, now: datetime) -> PaymentAttempt:
    """Add an attempt with the card that would be charged. Raises ChargeDeclined when that card was refused for good."""
    card = attempts.card_for(invoice)
    refused = payment_queries.find_refused_attempt(invoice.id)
    if refused is not None and card is not None and refused.payment_method_id == card.id:
        raise ChargeDeclined(settling.outcome_of(refused))
    return attempts.schedule_attempt(invoice=invoice, now=now, card=card)


def _carry_out(attempt_id: uuid.UUID, work: ChargeWork | None, now: datetime) -> ChargeOutcome:
    """Call the provider for claimed work and settle it; without work wait for whoever holds it."""
    if work is None:
        return _await_outcome(attempt_id)
    reach(claiming.CLAIMED)
    answer = _caller(work.provider).call(work.request, was_called=work.was_called, may_charge=work.may_charge)
    _note_health(work.provider, answer)
    reach("charging.answered")
    return settling.settle([Settlement(work.attempt_id, answer.result)], now)[0]


def _await_outcome(attempt_id: uuid.UUID) -> ChargeOutcome:
    """Return the attempt's outcome, after waiting for the worker that holds it."""
    deadline = time.monotonic() + SECONDS_TO_WAIT_FOR_ANOTHER
    while True:
        attempt = payment_queries.get_attempt(attempt_id)
        outcome = settling.outcome_of(attempt)
        if not outcome.is_open or not payment_queries.has_live_lease(attempt) or time.monotonic() > deadline:
            return outcome
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _caller(provider: str) -> Caller:
    return Caller(get_provider(provider), Pace(provider))


def _note_health(provider: str, answer: Answer) -> None:
    pace = Pace(provider)
    if answer.failure:
        pace.note_failure(answer.failure)
    else:
        pace.note_answer()


class _Round:
    """One run of `charge_due`: what it claims, whom it calls, what it has counted."""

    def __init__(self, now: datetime, test_clock_id: uuid.UUID | None) -> None:
        self.now = now
        self.test_clock_id = test_clock_id
        self._tally: Counter[str] = Counter()
        self._callers: dict[str, Caller] = {}
        self._paused: set[str] = set()
        self._due: deque[uuid.UUID] = deque()

    def claim(self, limit: int) -> Claimed:
        """Claim up to `limit` of the attempts that are due at providers that are not paused."""
        self._heed_pauses()
        found = Claimed()
        has_looked = False
        while not found.works and not found.settled:
            if not self._due and not has_looked:
                self._look()
                has_looked = True
            if not self._due:
                break
            next_ids = [self._due.popleft() for _ in range(min(limit, len(self._due)))]
            with transaction.atomic(durable=True):
                found = claiming.claim_due_attempts(next_ids, self.now)
        reach(claiming.CLAIMED)
        self._count(found.settled)
        for provider in {work.provider for work in found.works} - self._callers.keys():
            self._callers[provider] = _caller(provider)
        return found

    def _heed_pauses(self) -> None:
        paused = {name for name in provider_names() if Pace(name).is_paused()}
        if paused != self._paused:
            self._paused = paused
            self._due.clear()

    def _look(self) -> None:
        """Find what is due, a good many at once: the claims then go through it piece by piece."""
        self._due.extend(
            payment_queries.list_due_attempt_ids(
                self.now, limit=LOOK_AHEAD, test_clock_id=self.test_clock_id, paused_providers=self._paused
            )
        )

    def call(self, work: ChargeWork) -> Answer:
        """Call the provider, in one of the threads."""
        caller = self._callers[work.provider]
        return caller.call(work.request, was_called=work.was_called, may_charge=work.may_charge)

    def settle(self, answered: Sequence[tuple[ChargeWork, Answer]]) -> None:
        """Store the answers at once; one by one those of customers others hold, and all when the database refuses."""
        reach("charging.answered")
        for work, answer in answered:
            _note_health(work.provider, answer)
        # A draft is finalised under its series' lock: it shares no transaction.
        apart = [pair for pair in answered if pair[0].is_draft]
        together = [pair for pair in answered if not pair[0].is_draft]
        settled = self._store(together, wait=False) if len(together) > 1 else set()
        for pair in [*apart, *together]:
            if pair[0].attempt_id not in settled and not self._store([pair], wait=True):
                self._tally["unsettled"] += 1

    def summary(self) -> ChargeSummary:
        """Return what the round did."""
        tally = self._tally
        return ChargeSummary(
            succeeded=tally[AttemptStatus.SUCCEEDED],
            failed=tally[AttemptStatus.FAILED],
            cancelled=tally[AttemptStatus.CANCELLED],
            open=tally[AttemptStatus.CALLING],
            unsettled=tally["unsettled"],
            paused_providers=tuple(sorted(self._paused)),
        )

    def _store(self, answered: Sequence[tuple[ChargeWork, Answer]], *, wait: bool) -> set[uuid.UUID]:
        """Store answers in one transaction and return the attempts that are settled; none when the database refuses."""
        settlements = [Settlement(work.attempt_id, answer.result) for work, answer in answered]
        try:
            outcomes = settling.settle(settlements, self.now, wait=wait)
        except Exception:
            # The lease runs out and the provider is asked again: nothing is lost, nothing charged twice.
            log.exception("charges_not_settled", attempts=[str(work.attempt_id) for work, _ in answered])
            return set()
        self._count(outcomes)
        return {outcome.attempt_id for outcome in outcomes}

    def _count(self, outcomes: Sequence[ChargeOutcome]) -> None:
        self._tally.update(str(outcome.status) for outcome in outcomes)
