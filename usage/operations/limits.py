"""Writes of usage limits: set, lifted, and passed in the transaction that stores the events which pass them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from core.domain.outbox import OutboxDraft
from core.errors import Invalid
from core.operations import SYSTEM, Actor, AuditDraft, emit, record_audit, require_transaction
from core.updating import update_rows
from customers import operations as customers_operations
from customers import queries as customers_queries
from customers.domain.customer import USAGE_LIMIT
from usage.domain.limits import LimitAction, Passing, passing
from usage.models import UsageLimit
from usage.queries import limits as queries
from usage.queries.costs import list_running_costs

FACTS = {LimitAction.WARNING: "usage.warning", LimitAction.DISABLE: "usage.limit_reached"}
_NAMES = {LimitAction.WARNING: "Warning at {}", LimitAction.DISABLE: "Disable at {}"}


@transaction.atomic
def create_limit(
    *, customer_id: uuid.UUID, amount_minor: int, action: str, actor: Actor, now: datetime, name: str = ""
) -> UsageLimit:
    """Set a bound on what a customer's usage may cost in a period; the next event is weighed against it.

    Raises NotFound, Invalid for an amount that is not positive.
    """
    if amount_minor <= 0:
        raise Invalid("A limit is an amount above 0.", fields={"amount": "must be above 0"})
    customer = customers_queries.get_customer(customer_id)
    limit = UsageLimit.objects.create(
        customer=customer,
        name=name or _NAMES[LimitAction(action)].format(amount_minor),
        amount_minor=amount_minor,
        action=action,
        created_at=customers_queries.now_of(customer, now),
    )
    after = {"limit": str(limit.id), "amount": amount_minor, "action": action}
    record_audit(actor, [AuditDraft("usage_limit.created", "customer", customer_id, after=after)], recorded_at=now)
    return limit


@transaction.atomic
def delete_limit(*, customer_id: uuid.UUID, limit_id: uuid.UUID, actor: Actor, now: datetime) -> None:
    """Lift a limit; a customer that it disabled stays so until enabled. Raises NotFound."""
    customers_queries.require_customer(customer_id)
    limit = queries.lock_limit(customer_id, limit_id)
    before = {"limit": str(limit_id), "amount": limit.amount_minor, "action": limit.action}
    limit.delete()
    record_audit(actor, [AuditDraft("usage_limit.deleted", "customer", customer_id, before=before)], recorded_at=now)


def weigh(limits: Sequence[UsageLimit], moments: Mapping[uuid.UUID, datetime], *, now: datetime) -> None:
    """Weigh what customers' usage costs against their limits, locked before the events were stored.

    `moments` holds the present of each customer whose events were stored, `now` is the wall's. Who was locked before
    has committed, so of batches that pass a limit together exactly one passes it, once until `silent_until_at`.
    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    armed = [
        limit
        for limit in limits
        if (moment := moments.get(limit.customer_id)) is not None
        and (limit.silent_until_at is None or limit.silent_until_at <= moment)
    ]
    if not armed:
        return
    costs = list_running_costs({limit.customer_id: moments[limit.customer_id] for limit in armed})
    passed: list[tuple[UsageLimit, Passing]] = []
    for limit in armed:
        found = passing(limit.amount_minor, costs.get(limit.customer_id, ()))
        if found is not None:
            limit.passed_at, limit.silent_until_at = moments[limit.customer_id], found.period_end
            passed.append((limit, found))
    if passed:
        update_rows([limit for limit, _ in passed], ["passed_at", "silent_until_at"])
        _act(passed, moments, now)


def _act(passed: Sequence[tuple[UsageLimit, Passing]], moments: Mapping[uuid.UUID, datetime], now: datetime) -> None:
    """Tell that limits were passed, and disable customers, in the order of their ids."""
    emit(*(_fact(limit, found, moments[limit.customer_id]) for limit, found in passed))
    for customer_id in sorted({limit.customer_id for limit, _ in passed if limit.action == LimitAction.DISABLE}):
        customers_operations.disable_customer(customer_id, actor=SYSTEM, now=now, reason=USAGE_LIMIT)


def _fact(limit: UsageLimit, found: Passing, moment: datetime) -> OutboxDraft:
    payload = {
        "limit": str(limit.id),
        "name": limit.name,
        "amount": limit.amount_minor,
        "cost": found.cost_minor,
        "currency": found.currency,
        "period_end": found.period_end.isoformat(),
    }
    return OutboxDraft(FACTS[LimitAction(limit.action)], "customer", limit.customer_id, moment, payload)
