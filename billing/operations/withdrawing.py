"""Take charges back at their providers that wait for a customer's confirmation nobody wants any more.

A bank that wants the customer leaves a charge that can be confirmed for as long as the provider keeps it. Once its
invoice is paid another way, voided or gone, a confirmation would take money for nothing. Rows carry the work: a failed
attempt whose charge was not withdrawn. Whoever confirms first wins: then the money is taken in as ever.
"""

from datetime import datetime

import structlog
from django.db.models.functions import Now

from billing.models import PaymentAttempt
from billing.operations import reviving
from billing.operations.claiming import LEASE
from billing.operations.settling import OPEN_OUTCOMES
from billing.providers.base import Outcome, ProviderError
from billing.providers.pacing import Pace
from billing.providers.registry import get_provider, provider_names
from billing.queries import payments as queries
from core.errors import Conflict
from core.faults import reach
from core.operations_instance import require_running

log = structlog.get_logger(__name__)


def withdraw_due(now: datetime, *, limit: int) -> int:
    """Take back what waits for a confirmation that nobody wants, at most `limit`, and return how many are settled.

    One that cannot be taken back is tried again once its lease runs out. `now` is the wall's moment. Raises
    InstanceHeld.
    """
    require_running()
    paused = {name for name in provider_names() if Pace(name).is_paused()}
    found = queries.list_unwanted_confirmations(limit=limit, paused_providers=paused)
    return sum(_withdraw(attempt, now) for attempt in found)


def _withdraw(attempt: PaymentAttempt, now: datetime) -> bool:
    """Claim one attempt, call its provider outside any transaction, and settle it; tell whether it is settled."""
    if not queries.unwanted_confirmations().filter(id=attempt.id).update(lease_until=Now() + LEASE):
        return False
    reach("withdrawing.claimed")
    pace = Pace(attempt.provider)
    try:
        pace.wait_for_turn()
        provider = get_provider(attempt.provider)
        result = provider.withdraw(attempt.idempotency_key, attempt.customer.external_reference)
    except ProviderError as error:
        log.warning("charge_not_withdrawn", attempt=str(attempt.id), reason=str(error))
        pace.note_failure(str(error))
        return False
    pace.note_answer()
    reach("withdrawing.answered")
    if result is not None and result.outcome is Outcome.SUCCEEDED:
        try:
            reviving.note_result(attempt.id, result, now)
        except Conflict as refusal:
            log.warning("charge_not_withdrawn", attempt=str(attempt.id), reason=refusal.message)
            return False
    elif result is not None and result.outcome in {*OPEN_OUTCOMES, Outcome.AUTHENTICATION_REQUIRED}:
        return False
    PaymentAttempt.objects.filter(id=attempt.id).update(withdrawn_at=now, lease_until=None)
    return True
