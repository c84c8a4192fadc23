"""Ask a provider for one charge so that every ending is an answer: what it said, or that the outcome is open."""

from dataclasses import dataclass

import structlog

from billing.providers.base import (
    UNKNOWN,
    ChargeRequest,
    ChargeResult,
    IdempotencyMismatch,
    OutcomeUnknown,
    Provider,
    ProviderError,
    ProviderUnavailable,
)
from billing.providers.pacing import Pace
from core.faults import reach

BEFORE_CALL = "charging.before_call"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call; `result` None: the provider never took the charge on, and must not.

    `failure` says in what way the provider failed to answer; it counts towards its pause.
    """

    result: ChargeResult | None
    failure: str = ""


class Caller:
    """Calls one provider at its pace; safe to share between threads, touches no database."""

    def __init__(self, provider: Provider, pace: Pace) -> None:
        self._provider = provider
        self._pace = pace

    def call(self, request: ChargeRequest, *, was_called: bool = False, may_charge: bool = True) -> Answer:
        """Charge, or find out what became of the charge; whatever the provider does, the answer is safe to settle.

        `was_called`: an earlier worker may have called, so the provider is asked first; `may_charge`: the money is
        still wanted.
        """
        try:
            if was_called:
                found = self._lookup(request)
                if found is not None or not may_charge:
                    return Answer(found)
            reach(BEFORE_CALL)
            self._pace.wait_for_turn()
            return Answer(self._provider.charge(request))
        except OutcomeUnknown as error:
            return self._ask(request, error)
        except IdempotencyMismatch as error:
            # The key was used before, perhaps before a restore: what the provider holds under it is the truth.
            log.error("charge_key_used_before", idempotency_key=request.idempotency_key)
            return self._ask(request, error)
        except ProviderUnavailable as error:
            return Answer(UNKNOWN, failure=str(error))
        except Exception as error:
            log.exception("provider_call_failed", idempotency_key=request.idempotency_key)
            return Answer(UNKNOWN, failure=f"{type(error).__name__}: {error}")

    def _ask(self, request: ChargeRequest, error: ProviderError) -> Answer:
        """Ask at once what became of a call without a usable answer; a charge not found may still be on its way."""
        try:
            found = self._lookup(request)
        except ProviderError as second_error:
            return Answer(UNKNOWN, failure=str(second_error))
        return Answer(UNKNOWN, failure=str(error)) if found is None else Answer(found)

    def _lookup(self, request: ChargeRequest) -> ChargeResult | None:
        self._pace.wait_for_turn()
        return self._provider.lookup(request.idempotency_key, request.customer_reference)
