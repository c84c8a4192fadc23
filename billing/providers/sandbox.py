"""A payment provider without money: test cards with fixed outcomes, latency and faults on demand.

The same idempotency key gets the same answer and takes nothing more; the same key for another charge is an error.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from django.conf import settings

from billing.domain.payments import HARD_DECLINES, FailureReason
from billing.providers.base import (
    CardFacts,
    ChargeRequest,
    ChargeResult,
    CustomerFacts,
    ListedCharge,
    ListedRefund,
    Outcome,
    OutcomeUnknown,
    ProviderUnavailable,
    RefundOutcome,
    RefundRequest,
    RefundResult,
)
from billing.providers.quiet import QuietProvider
from billing.providers.sandbox_cards import UNKNOWN_CARD, Behaviour, Refunding, TestCard, card_facts, card_of
from billing.providers.sandbox_store import SandboxStore
from core.domain.rounding import divide_half_away
from core.faults import reach
from core.identifiers import new_id

FEE_BASIS_POINTS = 150
AUTHENTICATION_URL = "https://sandbox.invalid/authenticate/"
AFTER_CAPTURE = "sandbox.captured"
AFTER_REFUND = "sandbox.refunded"
REFUND_REJECTED = RefundResult(RefundOutcome.REJECTED, message="The card's account is closed.")
PAGE = 500


@dataclass(frozen=True, slots=True)
class SandboxConduct:
    """How the sandbox behaves on top of its cards.

    `latency_seconds` is how long a call takes. `timeout_percent` of the charges lose their first answer (every second
    of them before it arrives), `decline_percent` are declined: which ones follows from their keys, so a repeated run
    meets the same.
    """

    latency_seconds: float = 0.0
    timeout_percent: float = 0.0
    decline_percent: float = 0.0
    unavailable: bool = False


class SandboxProvider(QuietProvider):
    """The provider for trying things out and for tests."""

    name = "sandbox"

    def __init__(self, store: SandboxStore, conduct: SandboxConduct | None = None) -> None:
        self.store = store
        self.conduct = conduct or SandboxConduct()

    @classmethod
    def from_settings(cls) -> Self:
        """Return the sandbox that the settings SANDBOX_... describe, its records in the data folder."""
        return cls(
            SandboxStore(Path(settings.DATA_DIR) / "sandbox" / "records.sqlite3"),
            SandboxConduct(
                latency_seconds=settings.SANDBOX_LATENCY_MS / 1000,
                timeout_percent=settings.SANDBOX_TIMEOUT_PERCENT,
                decline_percent=settings.SANDBOX_DECLINE_PERCENT,
                unavailable=settings.SANDBOX_UNAVAILABLE,
            ),
        )

    def create_customer(self, facts: CustomerFacts, *, idempotency_key: str) -> str:
        """Make the customer known. Raises ProviderUnavailable."""
        self._answer()
        return self.store.customer_reference(idempotency_key, f"cus_{new_id().hex}")

    def create_setup_token(self, customer_reference: str) -> str:
        """Return a token; the sandbox's card page offers the test tokens instead. Raises ProviderUnavailable."""
        self._answer()
        return f"seti_{new_id().hex}"

    def attach(self, *, customer_reference: str, token: str) -> CardFacts:
        """Keep the card that a test token stands for. Raises TokenRefused, ProviderUnavailable."""
        self._answer()
        return card_facts(token, new_id().hex)

    def detach(self, card_reference: str) -> None:
        """Forget a card: from now on it declines. Raises ProviderUnavailable."""
        self._answer()
        self.store.detach(card_reference)

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Charge a card by its fixed outcome.

        Raises ProviderUnavailable, OutcomeUnknown and IdempotencyMismatch as the card and the conduct say.
        """
        card = UNKNOWN_CARD if self.store.is_detached(request.card_reference) else card_of(request.card_reference)
        if card.behaviour is Behaviour.UNREACHABLE:
            raise ProviderUnavailable("The sandbox cannot be reached with this card.")
        self._answer(share=0.5)
        is_first = self.store.note_arrival(request.idempotency_key) == 1
        loses_answer = card.behaviour is Behaviour.LOSES_ANSWER
        loses_request = card.behaviour is Behaviour.LOSES_REQUEST
        if self._falls("timeout", request.idempotency_key, self.conduct.timeout_percent):
            loses_request = self._falls("before arrival", request.idempotency_key, 50)
            loses_answer = not loses_request
        if loses_request and is_first:
            raise OutcomeUnknown("The request was lost.")
        stored = self.store.take_charge(request, lambda captured: self._decide(request, card, captured))
        reach(AFTER_CAPTURE)
        time.sleep(self.conduct.latency_seconds * 0.5)
        if loses_answer and is_first:
            raise OutcomeUnknown("The answer was lost.")
        return stored.result

    def withdraw(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Take back a charge that waits for its customer. Raises ProviderUnavailable."""
        self._answer()
        self.store.withdraw(idempotency_key, "The charge was cancelled.")
        stored = self.store.find_charge(idempotency_key)
        return None if stored is None else stored.result

    def lookup(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Return what became of a charge; a pending one has been settled meanwhile. Raises ProviderUnavailable."""
        self._answer()
        stored = self.store.find_charge(idempotency_key)
        if stored is None or stored.result.outcome is not Outcome.PENDING:
            return None if stored is None else stored.result
        if card_of(stored.card_reference).behaviour is Behaviour.PENDS:
            settled = ChargeResult(Outcome.SUCCEEDED, fee_minor=fee_minor(stored.asked_minor))
        else:
            settled = ChargeResult(
                Outcome.DECLINED, reason=FailureReason.GENERAL_DECLINE, message="The bank refused the payment."
            )
        self.store.settle_pending(idempotency_key, settled)
        found = self.store.find_charge(idempotency_key)
        return None if found is None else found.result

    def list_charges(self, since: datetime) -> Iterator[ListedCharge]:
        """Return the charges since a moment, oldest first, page by page. Raises ProviderUnavailable."""
        position = 0
        while True:
            self._answer()
            page = self.store.list_charges_since(since, after=position, limit=PAGE)
            for stored in page:
                yield ListedCharge(
                    stored.idempotency_key, stored.charged_at, stored.asked_minor, stored.result.currency, stored.result
                )
            if len(page) < PAGE:
                return
            position = page[-1].position

    def refund(self, request: RefundRequest) -> RefundResult:
        """Give money back as the charged card says.

        Raises RefundRefused, OutcomeUnknown, IdempotencyMismatch, ProviderUnavailable.
        """
        self._answer(share=0.5)
        is_first = self.store.note_arrival(request.idempotency_key) == 1
        if is_first and self._refunding(request.charge_reference) is Refunding.LOSES_REQUEST:
            raise OutcomeUnknown("The request was lost.")
        stored = self.store.take_refund(request, self._decide_refund)
        reach(AFTER_REFUND)
        time.sleep(self.conduct.latency_seconds * 0.5)
        if is_first and card_of(stored.card_reference).refunding is Refunding.LOSES_ANSWER:
            raise OutcomeUnknown("The answer was lost.")
        return stored.result

    def find_refund(self, idempotency_key: str, charge_reference: str = "") -> RefundResult | None:
        """Return what became of a refund; a pending one has been settled meanwhile. Raises ProviderUnavailable."""
        self._answer()
        stored = self.store.find_refund(idempotency_key)
        if stored is None or stored.result.outcome is not RefundOutcome.PENDING:
            return None if stored is None else stored.result
        is_paid_out = card_of(stored.card_reference).refunding is Refunding.PENDS
        settled = RefundResult(RefundOutcome.ISSUED) if is_paid_out else REFUND_REJECTED
        self.store.settle_refund(idempotency_key, settled)
        found = self.store.find_refund(idempotency_key)
        return None if found is None else found.result

    def list_refunds(self, since: datetime) -> Iterator[ListedRefund]:
        """Return the refunds since a moment, oldest first, page by page. Raises ProviderUnavailable."""
        position = 0
        while True:
            self._answer()
            page = self.store.list_refunds_since(since, after=position, limit=PAGE)
            for stored in page:
                yield ListedRefund(
                    stored.idempotency_key,
                    stored.charge_reference,
                    stored.amount_minor,
                    stored.currency,
                    stored.result,
                )
            if len(page) < PAGE:
                return
            position = page[-1].position

    def _refunding(self, charge_reference: str) -> Refunding:
        """Return how the card of a charge takes refunds."""
        card_reference = self.store.card_charged(charge_reference)
        return card_of(card_reference).refunding if card_reference else Refunding.ISSUES

    @staticmethod
    def _decide_refund(card_reference: str) -> RefundResult:
        refunding = card_of(card_reference).refunding
        reference = f"re_{new_id().hex}"
        if refunding is Refunding.REJECTS:
            return RefundResult(RefundOutcome.REJECTED, reference, REFUND_REJECTED.message)
        if refunding in (Refunding.PENDS, Refunding.PENDS_THEN_REJECTS):
            return RefundResult(RefundOutcome.PENDING, reference)
        return RefundResult(RefundOutcome.ISSUED, reference)

    def _decide(self, request: ChargeRequest, card: TestCard, captured: int) -> ChargeResult:
        reference = f"ch_{new_id().hex}"
        currency = request.currency
        declines = card.behaviour is Behaviour.DECLINES or (card.behaviour is Behaviour.PAYS_ONCE and captured)
        if declines or self._falls("decline", request.idempotency_key, self.conduct.decline_percent):
            return ChargeResult(
                Outcome.DECLINED,
                reference=reference,
                currency=currency,
                reason=card.reason,
                message=card.message,
                hard=card.reason in HARD_DECLINES,
            )
        if card.behaviour is Behaviour.ASKS_CUSTOMER:
            return ChargeResult(
                Outcome.AUTHENTICATION_REQUIRED,
                reference=reference,
                currency=currency,
                reason=card.reason,
                message=card.message,
                authentication_url=f"{AUTHENTICATION_URL}{reference}",
            )
        if card.behaviour in (Behaviour.PENDS, Behaviour.PENDS_THEN_DECLINES):
            return ChargeResult(Outcome.PENDING, reference=reference, currency=currency)
        return ChargeResult(
            Outcome.SUCCEEDED,
            reference=reference,
            amount_minor=request.amount_minor,
            currency=currency,
            fee_minor=fee_minor(request.amount_minor),
        )

    def _answer(self, *, share: float = 1.0) -> None:
        if self.conduct.unavailable:
            raise ProviderUnavailable("The sandbox is set to be unavailable.")
        time.sleep(self.conduct.latency_seconds * share)

    @staticmethod
    def _falls(kind: str, key: str, percent: float) -> bool:
        """Tell whether a key is among the given percentage, the same each time it is asked."""
        if percent <= 0:
            return False
        draw = int.from_bytes(hashlib.sha256(f"{kind}:{key}".encode()).digest()[:8])
        return draw % 10_000 < percent * 100


def fee_minor(amount_minor: int) -> int:
    """Return the sandbox's fee for a charge, in minor units: 1.5 %, rounded half away from zero."""
    return divide_half_away(amount_minor * FEE_BASIS_POINTS, 10_000)
