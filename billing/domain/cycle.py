"""The due moments of one customer, oldest first, and what each does to its subscriptions.

Billing rules, sections 5, 8 and 10: everything due on one local date of the customer is one occasion, made at that
date's last due moment; work missed during downtime is done later, in order, one occasion per missed date.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.domain.schedule import calendar_anchor, local_date, local_wall
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Occasion, Proposal, after, propose
from invoicing.domain.metered import IN_FLIGHT, usage_windows
from invoicing.domain.tax_world import TaxWorld
from subscriptions.domain import change
from subscriptions.domain.lifecycle import BILLED_STATUSES, Action, Status, next_status
from subscriptions.domain.pending import Applied, apply_due
from subscriptions.domain.periods import current_period, next_boundary, paid_segments
from subscriptions.domain.terms import (
    CALENDAR,
    ENDED,
    PAID,
    Agreement,
    PriceTerms,
)
from usage.domain.aggregation import UsageFigure
from usage.domain.window import UsageWindow

VISITED_STATUSES = BILLED_STATUSES | {Status.OVERDUE_PAYMENT_DISABLED}
"""Whose due moments the run comes by; of what is disabled they pass, and nothing is billed."""
CYCLE = "cycle"
CHANGE = "change"
PRORATE = "prorate"
CREDIT = "credit"
"""As PRORATE, but what is over stays on the balance: whoever owes is paid nothing out."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A status left for another at a due moment."""

    subscription_id: uuid.UUID
    action: Action
    from_status: Status
    to_status: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One occasion of a customer: the agreements to charge up to `moment`, and how they stand once that is stored.

    `applied` are the pending changes whose moment came, `origin` is what brought the occasion about; `seats_now` bills
    changes of seats that would wait for the next boundary.
    """

    moment: datetime
    due: tuple[Agreement, ...]
    settled: tuple[Agreement, ...]
    transitions: tuple[Transition, ...]
    applied: tuple[Applied, ...] = ()
    origin: str = CYCLE
    seats_now: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step a customer is due up to a moment, and when the next one after it is."""

    steps: tuple[Step, ...]
    next_due_at: datetime | None


def plan_steps(account: Account, as_of: datetime) -> Plan:
    """Return the steps of a customer that are due at `as_of`; time-ordered, none twice."""
    agreements = {agreement.subscription_id: agreement for agreement in account.agreements}
    steps: list[Step] = []
    while True:
        moment = due_moment((agreement.next_due_at for agreement in agreements.values()), account.zone)
        if moment is None or moment > as_of:
            return Plan(tuple(steps), moment)
        step = _step(account, agreements, moment)
        steps.append(step)
        agreements.update((agreement.subscription_id, agreement) for agreement in step.settled)


def due_moment(moments: Iterable[datetime | None], zone: str) -> datetime | None:
    """Return when a customer's next occasion is: the last due moment of the earliest due local date, None when none.

    10:17 and 15:00 of one day -> one invoice at 15:00 (Billing rules, section 8, Group).
    """
    due = sorted(moment for moment in moments if moment is not None)
    if not due:
        return None
    if len(due) == 1:
        return due[0]
    first_date = local_date(due[0], zone)
    return max(moment for moment in due if local_date(moment, zone) == first_date)


def _step(account: Account, agreements: dict[uuid.UUID, Agreement], moment: datetime) -> Step:
    """Return the step of one moment: transitions in their own order, then the agreements to charge."""
    due: list[Agreement] = []
    settled: list[Agreement] = []
    transitions: list[Transition] = []
    applied: list[Applied] = []
    for agreement in agreements.values():
        if agreement.next_due_at is None or agreement.next_due_at > moment:
            continue
        moved, made = _transit(account, agreement, moment)
        transitions.extend(made)
        moved, changes = apply_due(moved, moment) if moved.pending else (moved, ())
        applied.extend(changes)
        if changes and moved.status in BILLED_STATUSES:
            # A change replaces what was planned, and so the zone that the customer has moved to.
            moved = change.move_to_zone(moved, account.zone, moment)
        if moved.status in BILLED_STATUSES or moved.status is Status.CANCELLED:
            due.append(moved)
        settled.append(settle(moved, moment))
    return Step(moment, tuple(due), tuple(settled), tuple(transitions), tuple(applied))


def settle(agreement: Agreement, moment: datetime) -> Agreement:
    """Return an agreement whose charges up to a moment are on an invoice, with its next due moment."""
    return replace(
        agreement,
        billed_to_at=moment,
        next_due_at=next_due(agreement, moment),
        dirty_from=None,
    )


def next_due(agreement: Agreement, after: datetime) -> datetime | None:
    """Return the next moment at which a subscription needs work, None when there is none."""
    if agreement.status is Status.CANCELLED:
        return _late_visit(agreement, after)
    if agreement.status not in VISITED_STATUSES:
        return None
    candidates = [
        next_boundary(agreement, after),
        agreement.cancel_at,
        *(pending.due_at for pending in agreement.pending),
        agreement.trial_end_at if agreement.status is Status.TRIAL_ACTIVE else None,
    ]
    ahead = [moment for moment in candidates if moment is not None and moment > after]
    return min(ahead) if ahead else None


def _late_visit(agreement: Agreement, after: datetime) -> datetime | None:
    """Return when a subscription that has ended is visited once more: its late window is closed then.

    What was used before the end and came late is billed there, by an invoice of its own (Billing rules, section 4).
    """
    is_metered = any(version.price.meter for item in agreement.items for version in item.versions)
    if agreement.current.phase != ENDED or not is_metered or not paid_segments(agreement.calendar):
        return None
    moment = agreement.current.from_at + agreement.late_window + IN_FLIGHT
    return moment if moment > after else None


def _transit(account: Account, agreement: Agreement, moment: datetime) -> tuple[Agreement, list[Transition]]:
    """Apply the status changes of an agreement that are due up to a moment."""
    made: list[Transition] = []
    trial_end, cancel_at = agreement.trial_end_at, agreement.cancel_at
    if agreement.status is Status.TRIAL_ACTIVE and trial_end is not None and trial_end <= moment:
        agreement, transition = end_trial(account, agreement, trial_end)
        made.append(transition)
    if cancel_at is not None and cancel_at <= moment and agreement.status in VISITED_STATUSES:
        agreement, transition = cancel(agreement, cancel_at)
        made.append(transition)
    return agreement, made


def cancel(agreement: Agreement, at: datetime) -> tuple[Agreement, Transition]:
    """End an agreement at a moment; its pending changes never come.

    What was charged beyond it is given back where its cancellation says `prorate` or `credit`.
    """
    moved, transition = transition_of(agreement, Action.CANCEL, at)
    ended = change.end(moved, at, credits_unused=agreement.cancel_refund in {PRORATE, CREDIT})
    return replace(ended, cancel_at=at, pending=()), transition


def end_trial(account: Account, agreement: Agreement, at: datetime) -> tuple[Agreement, Transition]:
    """End a trial: the first paid period starts, unless the trial stands alone or nobody could be charged.

    Regular trials are anchored at the trial's end. A standalone trial, and one of a card customer without a usable
    card, becomes `trial_ended` without an invoice (Billing rules, section 5, Trials).
    """
    card_missing = account.billing_type == CARD and not (agreement.payment_method_id or account.payment_method_id)
    current = agreement.current
    is_free = not any(_costs_something(item.versions[-1].price) for item in agreement.items)
    if agreement.trial_standalone or (card_missing and not is_free):
        return _change(agreement, Action.END_TRIAL, at, ENDED, current.anchor_wall)
    anchor = local_wall(at, current.zone)
    if current.alignment == CALENDAR and current.interval is not None:
        anchor = calendar_anchor(at, current.interval, current.anchor_wall.day, current.zone)
    return _change(agreement, Action.CONVERT_TRIAL, at, PAID, anchor)


def _costs_something(price: PriceTerms) -> bool:
    """Tell whether a price could come to more than nothing."""
    rating = price.rating
    return bool(
        rating.unit_price
        or rating.rate
        or rating.fixed
        or rating.minimum
        or any(tier.unit_price or tier.flat_fee for tier in rating.tiers)
        or price.minimum_commitment_minor
    )


def _change(
    agreement: Agreement, action: Action, at: datetime, phase: str, anchor_wall: datetime
) -> tuple[Agreement, Transition]:
    """Return an agreement after an action, with the calendar version the action begins."""
    current = agreement.current
    version = replace(
        current, version=current.version + 1, from_at=at, phase=phase, anchor_wall=anchor_wall, reason=str(action)
    )
    moved, transition = transition_of(agreement, action, at)
    return replace(moved, calendar=(*agreement.calendar, version)), transition


def transition_of(agreement: Agreement, action: Action, at: datetime) -> tuple[Agreement, Transition]:
    """Return an agreement in the status an action leads to, with the transition. Raises InvalidTransition."""
    status = next_status(agreement.status, action)
    transition = Transition(agreement.subscription_id, action, agreement.status, status, at)
    return replace(agreement, status=status), transition


def period_bounds(agreement: Agreement, at: datetime) -> tuple[datetime, datetime | None]:
    """Return the running period of a subscription, its end None when nothing recurs.

    In a trial these are the trial's bounds, before a paid stretch that lies ahead (`bill_from`) the free one's.
    """
    if agreement.status is Status.TRIAL_ACTIVE:
        return agreement.started_at, agreement.trial_end_at
    if agreement.current.from_at > at:
        return agreement.started_at, agreement.current.from_at
    period = current_period(agreement, at)
    if period is not None:
        return period.start, period.end
    return agreement.current.from_at, None


def bill_steps(
    account: Account,
    steps: Sequence[Step],
    as_of: datetime,
    figures: Mapping[Any, UsageFigure],
    world: TaxWorld,
) -> tuple[Proposal, ...]:
    """Return the documents of a customer's steps, each made from what the one before leaves.

    Whatever date was missed, documents are issued and due from `as_of` (Billing rules, section 8, Catch-up). A disabled
    customer is charged nothing: its moments pass.
    """
    issue_date = local_date(as_of, account.seller.zone)
    made: list[Proposal] = []
    for position, step in enumerate(steps, start=1):
        occasion = Occasion(step.moment, issue_date, step.origin, step.seats_now)
        proposals = () if account.disabled else propose(account, step.due, occasion, figures, world)
        made.extend(proposals)
        if position < len(steps):
            account = after(account, proposals, step.settled)
    return tuple(made)


def step_windows(steps: Iterable[Step]) -> Iterator[UsageWindow]:
    """Yield the questions about usage that the steps need answered; one question may be asked more than once."""
    for step in steps:
        for agreement in step.due:
            yield from usage_windows(agreement, step.moment)
