"""Change a running subscription: decide in pure code, propose what it costs, then store both, or stop before.

Billing rules, section 5. What the customer is due already is billed first, in the same transaction; the change is one
more step behind it, and what it costs or gives back is the proposal of that step. A preview stops before storing.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from billing.domain.cycle import (
    CHANGE,
    Plan,
    Step,
    Transition,
    due_moment,
    next_due,
    plan_steps,
    settle,
    step_windows,
)
from billing.domain.grace import bill_sorted, sort_steps
from billing.run.reading import read_accounts
from billing.run.writing import Outcome, write_outcomes
from core.domain.outbox import OutboxDraft
from core.errors import Conflict, Invalid, NotFound
from core.operations import SYSTEM, Actor, emit, require_transaction
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.domain.account import Account
from invoicing.domain.assembly import Proposal
from invoicing.queries.tax import get_tax_world
from subscriptions.domain.agreement import InvalidAgreement
from subscriptions.domain.change import move_to_zone
from subscriptions.domain.lifecycle import ACTIVE_STATUSES, BILLED_STATUSES, InvalidTransition, Status
from subscriptions.domain.pending import Applied, at_boundary
from subscriptions.domain.terms import Agreement
from subscriptions.models import Subscription
from subscriptions.queries.terms import list_agreements, list_due_agreements
from usage import queries as usage_queries

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Decided:
    """What pure code decided: the agreement as it will be, the statuses it left, and whether it is charged now."""

    agreement: Agreement
    transitions: tuple[Transition, ...] = ()
    is_charged: bool = True
    seats_now: bool = False
    applied: tuple[Applied, ...] = ()


Decide = Callable[[Account, Agreement, datetime], Decided]
"""Takes the customer, the subscription as it stands once what is due is billed, and the moment of the change."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that is worked out: everything there is to store, and what the change itself would be on paper."""

    outcome: Outcome
    agreement: Agreement
    proposals: tuple[Proposal, ...]


def preview_change(*, subscription_id: uuid.UUID, decide: Decide, now: datetime) -> Changed:
    """Return what a change would do at `now`, the customer's own moment; nothing is written.

    Raises NotFound, Conflict and Invalid as the change itself does.
    """
    return _work_out(get_subscription(subscription_id), decide, now, SYSTEM)


def store_change(
    *, subscription_id: uuid.UUID, decide: Decide, now: datetime, actor: Actor, facts: dict[str, object] | None = None
) -> Changed:
    """Make a change at `now`, the customer's own moment, in one transaction, and return what it was.

    A card's charge follows by its row after the commit; a decline leaves the change standing and the invoice open.
    With `facts` the change is told as `subscription.updated`. Raises NotFound, Conflict and Invalid; nothing is stored
    then.
    """
    # Not durable: with an Idempotency-Key the answer is stored in the same transaction.
    with transaction.atomic():
        return store_change_step(
            subscription=lock_subscription(subscription_id), decide=decide, now=now, actor=actor, facts=facts
        )


def store_change_step(
    *,
    subscription: Subscription,
    decide: Decide,
    now: datetime,
    actor: Actor,
    facts: dict[str, object] | None = None,
    zone_before: str = "",
) -> Changed:
    """Make a change inside the caller's transaction, customer and subscription locked; numbers are taken last.

    With `zone_before`, the zone from which the customer has just moved, what is due already is billed by it. Raises
    RuntimeError outside a transaction, else what store_change does.
    """
    require_transaction()
    changed = _work_out(subscription, decide, now, actor, zone_before)
    if facts is not None:
        emit(OutboxDraft("subscription.updated", "subscription", subscription.id, now, facts))
    write_outcomes([changed.outcome], as_of=now)
    return changed


def _work_out(
    subscription: Subscription, decide: Decide, now: datetime, actor: Actor, zone_before: str = ""
) -> Changed:
    """Bill in thought what is due, decide, and propose what the change comes to."""
    customer = subscription.customer
    agreements = {one.subscription_id: one for one in list_due_agreements([customer.id])}
    if subscription.id not in agreements:
        agreements |= {one.subscription_id: one for one in list_agreements([subscription.id])}
    read = read_accounts([customer.id], agreements.values(), about_to_change=(subscription.id,))
    account = read[customer.id]
    # A disabled customer's moments pass when the run comes by; here nothing is due before the change.
    # What falls due at this very moment belongs to what it is changed into.
    plan = plan_steps(replace(account, zone=zone_before or account.zone), now - _MOMENT)
    for step in plan.steps:
        agreements.update((one.subscription_id, one) for one in step.settled)
    held = agreements[subscription.id]
    at = _moment_for(held, now)
    step = _step(customer, _decided(decide, account, held, at), at)
    agreements.update((one.subscription_id, one) for one in step.settled)
    next_due_at = due_moment((one.next_due_at for one in agreements.values()), customer.zone)
    plan = Plan((*plan.steps, step), next_due_at)
    steps = sort_steps(account, plan, now)
    windows = {window.key: window for window in step_windows(steps.charged)}
    figures = usage_queries.list_usage_figures(list(windows.values()))
    bill = bill_sorted(account, steps, now, figures, get_tax_world(now))
    outcome = Outcome(account, plan, bill, steps.finished, steps.next_due_at, actor.name)
    own = tuple(one for one in bill.proposals if one.occasion.origin == CHANGE)
    return Changed(outcome, step.settled[0], own)


def _moment_for(agreement: Agreement, now: datetime) -> datetime:
    """Return the moment at which a change can be made: not before what was billed or changed since `now` was read."""
    moments = [item.versions[-1].from_at for item in agreement.items]
    moments += [version.from_at for version in agreement.calendar[:1]]
    if agreement.billed_to_at is not None:
        moments.append(agreement.billed_to_at)
    return max(now, *moments)


def _decided(decide: Decide, account: Account, agreement: Agreement, at: datetime) -> Decided:
    """Ask pure code, and say its refusals in words for whoever asked. Raises Conflict and Invalid."""
    try:
        return decide(account, agreement, at)
    except InvalidTransition as refusal:
        raise Conflict(str(refusal), code="subscription_not_active") from None
    except InvalidAgreement as refusal:
        raise Invalid(refusal.message, fields={refusal.field: refusal.message}) from None


def _step(customer: Customer, decided: Decided, at: datetime) -> Step:
    """Return the step of a decision: charged now, or only set down."""
    agreement = decided.agreement
    if agreement.status in BILLED_STATUSES:
        # A change restarts or replaces calendars: the customer's zone holds in all of them.
        agreement = at_boundary(move_to_zone(agreement, customer.zone, at), at)
    is_charged = decided.is_charged and (agreement.status in BILLED_STATUSES or agreement.status is Status.CANCELLED)
    if is_charged:
        settled = settle(agreement, at)
    else:
        # What falls due at this very moment stays due.
        is_billed = agreement.billed_to_at is not None and agreement.billed_to_at >= at
        settled = replace(agreement, next_due_at=next_due(agreement, at if is_billed else at - _MOMENT))
    return Step(
        at,
        (agreement,) if is_charged else (),
        (settled,),
        decided.transitions,
        decided.applied,
        origin=CHANGE,
        seats_now=decided.seats_now,
    )


def require_active(agreement: Agreement) -> None:
    """Refuse a change of what is not running. Raises Conflict."""
    if agreement.status not in ACTIVE_STATUSES:
        raise Conflict(f"The subscription is {agreement.status}.", code="subscription_not_active")


def get_subscription(subscription_id: uuid.UUID) -> Subscription:
    """Return a subscription with its plan and customer. Raises NotFound."""
    found = Subscription.objects.select_related("plan", "customer__brand").filter(id=subscription_id).first()
    if found is None:
        raise NotFound(f"No subscription has the id {subscription_id}.")
    return found


def lock_subscription(subscription_id: uuid.UUID) -> Subscription:
    """Lock a subscription under its customer's lock, in the caller's transaction. Raises NotFound."""
    customer_queries.lock_customer(get_subscription(subscription_id).customer_id)
    locked = Subscription.objects.select_for_update(no_key=True, of=("self",))
    return locked.select_related("plan", "customer__brand").get(id=subscription_id)
