"""Ask a provider for one refund so that every ending is an answer: what it said, or that the outcome is open."""

from dataclasses import dataclass

import structlog

from billing.providers.base import (
    UNKNOWN_REFUND,
    IdempotencyMismatch,
    OutcomeUnknown,
    Provider,
    ProviderError,
    ProviderUnavailable,
    RefundOutcome,
    RefundRefused,
    RefundRequest,
    RefundResult,
)
from billing.providers.pacing import Pace
from core.faults import reach

BEFORE_CALL = "refunding.before_call"
KEY_USED_BEFORE = "The provider has another refund of this payment, which is not recorded here."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """What came of a call; `failure` says in what way the provider failed to answer, and counts towards its pause."""

    result: RefundResult
    failure: str = ""


def call_refund(
    provider: Provider, pace: Pace, request: RefundRequest, *, was_called: bool, is_taken_on: bool
) -> RefundAnswer:
    """Refund, or find out what became of the refund; whatever the provider does, the answer is safe to settle.

    `was_called`: an earlier worker may have called, so the provider is asked first, and called again, under the same
    key, only when it knows nothing of it. `is_taken_on`: it said so before; then it is only asked.
    """
    try:
        found = _find(provider, pace, request) if was_called else None
        if found is None and not is_taken_on:
            reach(BEFORE_CALL)
            pace.wait_for_turn()
            found = provider.refund(request)
    except RefundRefused as error:
        return RefundAnswer(RefundResult(RefundOutcome.REJECTED, message=str(error) or "The refund was refused."))
    except IdempotencyMismatch:
        # After a restore: the provider has made another refund under this key, which the rows here lost.
        log.error("refund_key_used_before", idempotency_key=request.idempotency_key)
        return RefundAnswer(RefundResult(RefundOutcome.REJECTED, message=KEY_USED_BEFORE))
    except OutcomeUnknown as error:
        return _ask(provider, pace, request, error)
    except Exception as error:
        if not isinstance(error, ProviderUnavailable):
            log.exception("provider_call_failed", idempotency_key=request.idempotency_key)
        return RefundAnswer(UNKNOWN_REFUND, failure=f"{type(error).__name__}: {error}")
    missing = "A refund it took on is unknown to it."
    return RefundAnswer(found) if found is not None else RefundAnswer(UNKNOWN_REFUND, failure=missing)


def _find(provider: Provider, pace: Pace, request: RefundRequest) -> RefundResult | None:
    pace.wait_for_turn()
    return provider.find_refund(request.idempotency_key, request.charge_reference)


def _ask(provider: Provider, pace: Pace, request: RefundRequest, error: ProviderError) -> RefundAnswer:
    """Ask at once what became of a call without an answer; a refund not found may still be on its way."""
    try:
        found = _find(provider, pace, request)
    except ProviderError as second_error:
        return RefundAnswer(UNKNOWN_REFUND, failure=str(second_error))
    return RefundAnswer(UNKNOWN_REFUND, failure=str(error)) if found is None else RefundAnswer(found)
