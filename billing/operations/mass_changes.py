"""Change plan or price of many subscriptions on a date: scheduled, called off, run (Billing rules, section 5).

Rows carry the work: when a mass change begins it notes whom it is about, and each of them is changed in a transaction
that settles its row. Killed anywhere, it goes on with those that wait; nobody is changed twice.
"""

import logging
import uuid
from dataclasses import dataclass, fields
from datetime import datetime

from django.db import OperationalError, connection, transaction
from django.db.models import Q

from billing.domain.mass_change import InvalidMassAction, MassAction, MassStatus, next_mass_status, price_in_place_of
from billing.models import MassChange, MassChangePart
from billing.operations import changing, plan_changes
from billing.operations.plan_changes import PlanCommand
from billing.queries.mass_changes import MassWanted, get_mass_change, list_matching, list_offered, wanted_by
from billing.run.engine import is_end_of_session
from core.domain.outbox import OutboxDraft
from core.errors import BillingError, Conflict, Invalid
from core.faults import reach
from core.operations import Actor, AuditDraft, emit, record_audit
from core.operations_instance import require_running
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import PriceTerms
from subscriptions.models import Plan, Price, Subscription
from subscriptions.queries.terms import list_price_terms

BATCH = 1_000
LONGEST_REASON = 400

logger = logging.getLogger(__name__)


def schedule_mass_change(*, wanted: MassWanted, due_at: datetime, now: datetime, actor: Actor) -> MassChange:
    """Schedule a mass change; `now` is the moment of whose clock it runs by.

    Raises Invalid for one without a filter, without anything new, or with a moment that does not lie ahead.
    """
    require_possible(wanted)
    if due_at <= now:
        raise Invalid("The date must lie ahead.", fields={"date": "must lie ahead"})
    with transaction.atomic():
        values = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
        made = MassChange.objects.create(due_at=due_at, actor=actor.name, created_at=now, **values)
        after = {name: str(value) for name, value in values.items() if value} | {"due_at": due_at.isoformat()}
        record_audit(actor, [AuditDraft("mass_change.scheduled", "mass_change", made.id, after=after)])
    return get_mass_change(made.id)


def require_possible(wanted: MassWanted) -> None:
    """Refuse a mass change that is about everybody, changes nothing, or names a price its plan does not sell."""
    faults: dict[str, str] = {}
    if not (wanted.plan_id or wanted.price_id or wanted.brand_id or wanted.country):
        faults["plan"] = "at least one of plan, price, brand and country is required"
    if not (wanted.new_plan_id or wanted.new_price_id):
        faults["new_plan"] = "new_plan or new_price is required"
    if wanted.new_plan_id and not Plan.objects.filter(id=wanted.new_plan_id, retired_at__isnull=True).exists():
        faults["new_plan"] = "it is retired"
    sells = wanted.new_plan_id or wanted.plan_id
    if wanted.new_price_id:
        price = Price.objects.filter(id=wanted.new_price_id, retired_at__isnull=True)
        if not price.exists():
            faults["new_price"] = "it is retired"
        elif sells and not price.filter(plans=sells).exists():
            faults["new_price"] = "it does not belong to the plan"
    if faults:
        raise Invalid("The mass change cannot be made.", fields=faults)


def cancel_mass_change(*, mass_change_id: uuid.UUID, now: datetime, actor: Actor) -> MassChange:
    """Call a mass change off before it begins. Raises NotFound, Conflict once it has begun or ended."""
    with transaction.atomic():
        get_mass_change(mass_change_id)
        held = MassChange.objects.select_for_update(of=("self",)).get(id=mass_change_id)
        try:
            held.status = next_mass_status(MassStatus(held.status), MassAction.CANCEL)
        except InvalidMassAction as refusal:
            raise Conflict(str(refusal), code="mass_change_not_scheduled") from None
        held.cancelled_at = now
        held.save(update_fields=["status", "cancelled_at"])
        record_audit(actor, [AuditDraft("mass_change.cancelled", "mass_change", held.id)])
    return get_mass_change(mass_change_id)


def run_due(now: datetime, *, test_clock_id: uuid.UUID | None = None, limit: int | None = None) -> int:
    """Run the mass changes whose moment came, oldest first, and return how many subscriptions were settled.

    By the wall clock, or by one test clock. Any number may run at once; `limit` ends after so many subscriptions.
    Raises InstanceHeld.
    """
    require_running()
    due = MassChange.objects.filter(
        status__in=[MassStatus.SCHEDULED, MassStatus.RUNNING], due_at__lte=now, test_clock_id=test_clock_id
    )
    settled = 0
    for mass_change in due.order_by("due_at", "id"):
        _begin(mass_change.id, now)
        settled += _run(mass_change, now, None if limit is None else limit - settled)
        _complete(mass_change.id, now)
    return settled


def _begin(mass_change_id: uuid.UUID, now: datetime) -> None:
    """Note whom a mass change is about, once; nothing when it has begun already."""
    with transaction.atomic(durable=not connection.in_atomic_block):
        begun = MassChange.objects.filter(id=mass_change_id, status=MassStatus.SCHEDULED)
        if not begun.update(status=next_mass_status(MassStatus.SCHEDULED, MassAction.BEGIN), started_at=now):
            return
        matching = list_matching(wanted_by(MassChange.objects.get(id=mass_change_id)))
        MassChangePart.objects.bulk_create(
            (
                MassChangePart(mass_change_id=mass_change_id, subscription_id=subscription_id)
                for subscription_id in matching.values_list("id", flat=True)
            ),
            batch_size=BATCH,
        )
        reach("mass_change.begun")


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of one subscription."""

    outcome: MassChangePart.Outcome
    reason: str = ""


def _run(mass_change: MassChange, now: datetime, limit: int | None) -> int:
    """Settle the subscriptions that wait, each in a transaction of its own, and return how many it was."""
    offered = list_offered(mass_change.new_plan_id) if mass_change.new_plan_id and not mass_change.new_price_id else ()
    settled = 0
    postponed: list[uuid.UUID] = []
    while limit is None or settled < limit:
        part: MassChangePart | None = None
        try:
            with transaction.atomic():
                part = _claim(mass_change.id, postponed)
                if part is None:
                    return settled
                _settle(part, _change(mass_change, part, offered, now), now)
                reach("mass_change.settled")
        except OperationalError as failure:
            if part is None or is_end_of_session(failure):
                raise
            # A deadlock or a time-out is nobody's fault: it waits for the next time.
            logger.warning("a mass change is tried again", exc_info=failure, extra={"subscription": str(part.id)})
            postponed.append(part.id)
            continue
        settled += 1
    return settled


def _claim(mass_change_id: uuid.UUID, postponed: list[uuid.UUID]) -> MassChangePart | None:
    """Lock the first subscription that waits and nobody else holds, None when there is none."""
    waiting = MassChangePart.objects.filter(mass_change_id=mass_change_id, outcome=MassChangePart.Outcome.WAITING)
    locked = waiting.exclude(id__in=postponed).select_for_update(skip_locked=True, of=("self",))
    return locked.order_by("id").first()


def _change(mass_change: MassChange, part: MassChangePart, offered: tuple[PriceTerms, ...], now: datetime) -> _Settled:
    """Change one subscription, and tell what became of it; nothing of a change that fails stays."""
    subscription = changing.lock_subscription(part.subscription_id)
    if _has_ended(subscription, now):
        return _Settled(MassChangePart.Outcome.SKIPPED, "The subscription is cancelled.")
    try:
        with transaction.atomic():
            plan_changes.change_plan(
                subscription_id=subscription.id,
                command=PlanCommand(_price_for(mass_change, subscription, offered), mass_change.new_plan_id),
                now=now,
                actor=Actor(id=mass_change.id, name="mass change"),
            )
            # What the database would refuse at the commit it refuses here, where only this change is lost.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except OperationalError:
        raise
    except Exception as failure:
        return _Settled(MassChangePart.Outcome.FAILED, _reason(subscription, failure))
    return _Settled(MassChangePart.Outcome.DONE)


def _has_ended(subscription: Subscription, now: datetime) -> bool:
    """Tell whether a subscription is cancelled, or its end has come and the run has not been there yet."""
    ends_at = subscription.cancel_at
    return subscription.status == Status.CANCELLED or (ends_at is not None and ends_at <= now)


def _price_for(mass_change: MassChange, subscription: Subscription, offered: tuple[PriceTerms, ...]) -> uuid.UUID:
    """Return the price a subscription gets. Raises InvalidAgreement when the new plan has none, or several, for it."""
    if mass_change.new_price_id is not None:
        return mass_change.new_price_id
    terms = subscription.items.get(position=0).terms.order_by("-version")
    held_id: uuid.UUID = terms.values_list("price_id", flat=True)[0]
    return price_in_place_of(list_price_terms([held_id])[held_id], offered).price_id


def _reason(subscription: Subscription, failure: Exception) -> str:
    """Return why a subscription could not be changed, in words; what nobody expected goes to the log too."""
    if isinstance(failure, InvalidAgreement):
        return failure.message[:LONGEST_REASON]
    if isinstance(failure, BillingError):
        return "; ".join([failure.message, *(failure.fields or {}).values()])[:LONGEST_REASON]
    logger.error("a mass change failed", exc_info=failure, extra={"subscription": str(subscription.id)})
    return f"{type(failure).__name__}: {failure}".strip()[:LONGEST_REASON]


def _settle(part: MassChangePart, settled: _Settled, now: datetime) -> None:
    """Write what became of one subscription."""
    part.outcome, part.reason, part.settled_at = settled.outcome, settled.reason, now
    part.save(update_fields=["outcome", "reason", "settled_at"])


def _complete(mass_change_id: uuid.UUID, now: datetime) -> None:
    """End a mass change of which nothing waits any more, and tell it, once."""
    waiting = Q(parts__outcome=MassChangePart.Outcome.WAITING)
    with transaction.atomic():
        held = MassChange.objects.select_for_update(of=("self",)).get(id=mass_change_id)
        if held.status != MassStatus.RUNNING or MassChange.objects.filter(waiting, id=mass_change_id).exists():
            return
        held.status, held.completed_at = next_mass_status(MassStatus.RUNNING, MassAction.COMPLETE), now
        held.save(update_fields=["status", "completed_at"])
        counted = get_mass_change(mass_change_id)
        outcomes = [name for name in MassChangePart.Outcome.values if name != MassChangePart.Outcome.WAITING]
        counts = {name: getattr(counted, name) for name in outcomes}
        emit(OutboxDraft("mass_change.completed", "mass_change", mass_change_id, now, counts))
