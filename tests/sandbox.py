"""What the sandbox provider has on record: asked of it, never of our own rows."""

from billing.models import PaymentAttempt
from billing.providers.registry import get_provider
from billing.providers.sandbox import SandboxProvider
from billing.providers.sandbox_store import SandboxStore


def records() -> SandboxStore:
    """Return the records of the sandbox that the tests charge."""
    provider = get_provider("sandbox")
    assert isinstance(provider, SandboxProvider)
    return provider.store


def captures(attempt: PaymentAttempt) -> int:
    """Return how often money was taken from the attempt's customer."""
    return records().count_captures(customer=str(attempt.customer_id))


def calls(attempt: PaymentAttempt) -> int:
    """Return how often this very charge was asked for."""
    return records().count_arrivals(attempt.idempotency_key)
