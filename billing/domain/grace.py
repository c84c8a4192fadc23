"""Which steps of a customer wait as drafts for late usage, and which are issued now (Billing rules, section 8).

A step of the run waits until the brand's grace days are over. It is issued sooner when a later step charges one of its
subscriptions: documents of a subscription are issued in the order of their periods, and each counts what stands before
it. A step whose grace was over before the run came is issued at once.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Any

from billing.domain.cycle import CYCLE, Plan, Step, bill_steps
from billing.domain.ending import ended_agreements
from core.domain.schedule import local_date
from invoicing.domain.account import Account
from invoicing.domain.assembly import Occasion, Proposal, after, propose
from invoicing.domain.tax_world import TaxWorld
from invoicing.domain.waiting import WaitingStep, grace_end
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import Agreement
from usage.domain.aggregation import UsageFigure


@dataclass(frozen=True, slots=True)
class HeldStep:
    """A step that begins to wait: what it charges as it stood before, and the documents its drafts show."""

    moment: datetime
    finalize_at: datetime
    before: tuple[Agreement, ...]
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class SortedSteps:
    """The steps of a customer at one moment: those to issue, oldest first, those to hold, and when the next is due."""

    finished: tuple[WaitingStep, ...]
    issued: tuple[Step, ...]
    held: tuple[tuple[Step, datetime], ...]
    next_due_at: datetime | None

    @property
    def charged(self) -> Iterator[Step]:
        """Yield every step that is charged, waiting ones first."""
        waited = (Step(one.moment, one.agreements, (), ()) for one in self.finished)
        return chain(waited, self.issued, (step for step, _ in self.held))


@dataclass(frozen=True, slots=True)
class Bill:
    """What a customer's steps come to: documents to issue, each with the draft's id it keeps, and drafts to hold."""

    proposals: tuple[Proposal, ...]
    kept_ids: tuple[uuid.UUID | None, ...] = ()
    held: tuple[HeldStep, ...] = ()


def sort_steps(
    account: Account, plan: Plan, as_of: datetime, forced: frozenset[uuid.UUID] = frozenset()
) -> SortedSteps:
    """Return what is issued at `as_of` and what waits; `forced` are waiting steps that somebody wants issued now."""
    days = account.seller.grace_days
    if not days and not account.waiting:
        return SortedSteps((), plan.steps, (), plan.next_due_at)
    charged = {agreement.subscription_id for step in plan.steps for agreement in step.due}
    finished = tuple(
        one
        for one in account.waiting
        if one.finalize_at <= as_of or one.step_id in forced or one.subscription_ids & charged
    )
    issued, held = [], []
    later: set[uuid.UUID] = set()
    for step in reversed(plan.steps):
        mine = {agreement.subscription_id for agreement in step.due}
        until = grace_end(step.moment, days, account.zone)
        if until > as_of and not mine & later and _may_wait(account, step):
            held.append((step, until))
        else:
            issued.append(step)
        later |= mine
    waiting = [one.finalize_at for one in account.waiting if one not in finished] + [until for _, until in held]
    due = [moment for moment in (plan.next_due_at, *waiting) if moment is not None]
    return SortedSteps(finished, tuple(reversed(issued)), tuple(reversed(held)), min(due) if due else None)


def _may_wait(account: Account, step: Step) -> bool:
    """Tell whether late usage could change a step: not one without anything to charge, nor after a late window.

    What somebody asked for by a change is issued at once, and money that an end gives back is not kept waiting: usage
    that is late has an invoice of its own then.
    """
    if step.origin != CYCLE or ended_agreements((step,)):
        return False
    ending = {transition.subscription_id for transition in step.transitions}
    return not account.disabled and any(
        agreement.status is not Status.CANCELLED or agreement.subscription_id in ending for agreement in step.due
    )


def bill_sorted(
    account: Account, steps: SortedSteps, as_of: datetime, figures: Mapping[Any, UsageFigure], world: TaxWorld
) -> Bill:
    """Return the documents of a customer's steps, each made from what the one before leaves.

    Whatever date was missed, documents are issued and due from `as_of` (Billing rules, section 8, Catch-up). A disabled
    customer is charged nothing new: its moments pass; what waited is issued. Drafts use no voucher and no balance.
    """
    if not steps.finished and not steps.held:
        return Bill(bill_steps(account, steps.issued, as_of, figures, world))
    issue_date = local_date(as_of, account.seller.zone)
    account = _without_drafts(account, steps.finished)
    proposals: list[Proposal] = []
    kept: list[uuid.UUID | None] = []
    for waited in steps.finished:
        made = propose(account, waited.agreements, Occasion(waited.moment, issue_date, CYCLE), figures, world)
        proposals += made
        kept += _kept_ids(waited, made)
        account = after(account, made, ())
    for step in steps.issued:
        made = () if account.disabled else _propose(account, step, issue_date, figures, world)
        proposals += made
        kept += [None] * len(made)
        account = after(account, made, step.settled)
    before = {agreement.subscription_id: agreement for agreement in account.agreements}
    held = tuple(
        HeldStep(
            step.moment,
            until,
            tuple(before[agreement.subscription_id] for agreement in step.due),
            _propose(account, step, issue_date, figures, world),
        )
        for step, until in steps.held
    )
    return Bill(tuple(proposals), tuple(kept), held)


def _propose(
    account: Account, step: Step, issue_date: date, figures: Mapping[Any, UsageFigure], world: TaxWorld
) -> tuple[Proposal, ...]:
    """Return the documents of one step."""
    return propose(account, step.due, Occasion(step.moment, issue_date, step.origin, step.seats_now), figures, world)


def _without_drafts(account: Account, finished: Sequence[WaitingStep]) -> Account:
    """Return an account whose history leaves out the lines of drafts that are made afresh."""
    drafts = {draft.invoice_id for one in finished for draft in one.drafts}
    if not drafts:
        return account
    billed = {
        item_id: tuple(line for line in lines if line.invoice_id not in drafts)
        for item_id, lines in account.billed.items()
    }
    return replace(account, billed=billed)


def _kept_ids(waited: WaitingStep, made: Sequence[Proposal]) -> Iterator[uuid.UUID | None]:
    """Yield the id that each document keeps: that of the draft with its currency and payment method, the first free."""
    free = list(waited.drafts)
    for proposal in made:
        payer = (proposal.currency, proposal.payment_method_id)
        mine = (
            None if proposal.is_credit else next((d for d in free if (d.currency, d.payment_method_id) == payer), None)
        )
        if mine is not None:
            free.remove(mine)
        yield mine.invoice_id if mine else None
