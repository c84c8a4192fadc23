"""What a customer will be billed, and when its money is expected: the run's own steps, made in thought.

Nothing here prices, taxes or discounts: each due moment is planned, sorted and billed by the code of the run, and the
account then stands as it would once that is stored. Cards are taken to be charged with success on the day of issue or
the next retry, open invoices to be paid on their due date; what is past due today is expected in no month. Or every
payment is taken to fail: then dunning does what its policy says (`billing/domain/dunning_ahead.py`).
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from billing.domain.cycle import CHANGE, Plan, Step, due_moment, next_due, plan_steps, settle, step_windows
from billing.domain.dunning import FinishWith, StepKind
from billing.domain.dunning_ahead import DunningAhead, DunningCase, Process
from billing.domain.ending import (
    FULL,
    Ended,
    end_unpaid,
    ended_agreements,
    pays_out,
    refund_periods,
)
from billing.domain.future import (
    GIVES_UP,
    Cash,
    Forecast,
    FutureDocument,
    FutureDunning,
    FutureRefund,
    Receivable,
)
from billing.domain.grace import Bill, SortedSteps, bill_sorted, sort_steps
from billing.domain.refunds import PaidInvoice, Refundable, pay_back
from billing.domain.standing import ChargedInvoice, Standing, invoice_of, note_of
from core.domain.schedule import local_date
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Proposal, after, with_lines
from invoicing.domain.credit import taken_off
from invoicing.domain.tax_world import TaxWorld
from invoicing.domain.waiting import Draft, WaitingStep, rewind
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.terms import Agreement
from usage.domain.aggregation import UsageFigure

_NAMES = uuid.UUID("5d1b7a52-7f0e-5c56-9d3e-2f6c8a4b1e90")


@dataclass(frozen=True, slots=True)
class Case:
    """One customer as it stands: its account, what is open on its invoices, what cards have paid of them.

    `standing` holds the documents of the running periods of those that may end with `full`; `asked` are the steps about
    whose usage was asked beyond those of `steps_ahead`.
    """

    account: Account
    receivables: tuple[Receivable, ...] = ()
    paid_minor: Mapping[uuid.UUID, int] = field(default_factory=dict)
    gives_back_minor: Mapping[uuid.UUID, Mapping[uuid.UUID, int]] = field(default_factory=dict)
    standing: Standing = field(default_factory=lambda: Standing({}))
    dunning: DunningCase = field(default_factory=DunningCase)
    asked: tuple[Step, ...] = ()


class UsageWanted(Exception):
    """Dunning ends a subscription at a moment nobody asked about: the usage of these steps has to be known too."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        super().__init__(f"the usage of {len(steps)} steps is not known")
        self.steps = steps


def next_moment(account: Account) -> datetime | None:
    """Return when a customer is due next: by its subscriptions, or because a step's grace is over."""
    own = due_moment((agreement.next_due_at for agreement in account.agreements), account.zone)
    return min((one for one in (own, *(step.finalize_at for step in account.waiting)) if one is not None), default=None)


def steps_ahead(account: Account, until: datetime) -> tuple[Step, ...]:
    """Return every step up to a moment, with those that wait: what there is to know about usage."""
    waited = (Step(one.moment, one.agreements, (), ()) for one in account.waiting)
    return (*waited, *plan_steps(account, until).steps)


def steps_to_ask(case: Case, until: datetime) -> tuple[Step, ...]:
    """Return the steps about whose usage to ask: what dunning ends is asked about up to its end, not beyond."""
    ends = {one.subscription_id: step.moment for step in case.asked for one in step.due}
    ahead = (
        replace(step, due=tuple(one for one in step.due if step.moment <= ends.get(one.subscription_id, step.moment)))
        for step in steps_ahead(case.account, until)
    )
    return (*case.asked, *ahead)


def forecast(
    case: Case, now: datetime, until: datetime, figures: Mapping[Any, UsageFigure], world: TaxWorld
) -> Forecast:
    """Return what a customer will be billed from `now` to `until`, both included.

    What is overdue for the run is billed at `now`, as the next run would do it. Raises UsageWanted.
    """
    walk = _Walk(case, now, figures, world)
    while True:
        due = walk.next_at
        if due is None or due > until:
            return walk.told(local_date(until, case.account.seller.zone))
        walk.run(max(due, now))


class _Walk:
    """Goes from due moment to due moment of one customer."""

    def __init__(self, case: Case, now: datetime, figures: Mapping[Any, UsageFigure], world: TaxWorld) -> None:
        self._figures, self._world = figures, world
        self._asked = case.asked
        self._is_cut_short = False
        self._open = {one.invoice_id: one for one in case.receivables}
        self.account = replace(case.account, open_minor={one.invoice_id: one.open_minor for one in case.receivables})
        self._paid = dict(case.paid_minor)
        self._gives_back = dict(case.gives_back_minor)
        self._standing = case.standing
        self._paid |= {
            one.invoice_id: sum(payment.rest_minor for payment in one.payments)
            for one in case.standing.invoices.values()
        }
        self._today = local_date(now, case.account.seller.zone)
        self._documents: list[FutureDocument] = []
        self._cash: list[Cash] = []
        self._refused: list[str] = []
        self._refunds: list[FutureRefund] = []
        self._told: list[FutureDunning] = []
        self._dunning = DunningAhead(case.dunning, case.account.zone)
        self._expect_nothing(now)

    @property
    def next_at(self) -> datetime | None:
        """Return when something is billed or dunned next, None when nothing is."""
        moments = (next_moment(self.account), self._dunning.next_at)
        return min((one for one in moments if one is not None), default=None)

    def run(self, at: datetime) -> None:
        """Do what the run, dunning and the charges do at a moment, and let the account stand as it would afterwards."""
        self._receive(local_date(at, self.account.seller.zone))
        due = next_moment(self.account)
        if due is not None and due <= at:
            self._bill(at, plan_steps(self.account, at))
        for process in self._dunning.due_processes(at):
            self._dun(process, at)
        self._charge(at)

    def _bill(self, at: datetime, plan: Plan) -> None:
        """Bill steps, and keep what they make."""
        steps = sort_steps(self.account, plan, at)
        self._require_usage(plan)
        bill = bill_sorted(self.account, steps, at, self._figures, self._world)
        self._refused += [done.failure for step in plan.steps for done in step.applied if done.failure]
        ended = ended_agreements(plan.steps)
        gives_full = any(one.cancel_refund == FULL for one in self.account.agreements)
        # Behind the documents that this moment made already.
        first = self._made_at(at)
        self._store(at, plan, steps, bill)
        for proposal in bill.proposals:
            self._note(at, proposal, ended)
        if gives_full:
            self._stand(at, bill.proposals, first)
            self._refund(at, ended)

    def _made_at(self, at: datetime) -> int:
        """Return how many documents a moment has made."""
        return sum(one.moment == at for one in self._documents)

    def _require_usage(self, plan: Plan) -> None:
        """Refuse steps behind an end that nobody foresaw until their usage was asked about. Raises UsageWanted."""
        if self._is_cut_short:
            new = tuple(step for step in plan.steps if step not in self._asked)
            if any(True for _ in step_windows(new)):
                raise UsageWanted(new)

    def _expect_nothing(self, now: datetime) -> None:
        """Let what will not be paid be unpaid: charges that fail, and transfers that do not come."""
        for one in list(self._open.values()):
            if not self._dunning.fails and one.has_card:
                continue
            self._open[one.invoice_id] = replace(one, expected_on=None)
            if one.charge_at is not None:
                due_moment_at = one.due_moment_at or one.charge_at
                charge_at = max(one.charge_at, now)
                self._dunning.schedule(one.invoice_id, charge_at, due_moment_at, has_card=one.has_card)
            elif self._dunning.fails and one.due_date is not None and not one.is_charged:
                self._dunning.await_payment(one.invoice_id, one.due_date, now)

    def _dun(self, process: Process, at: datetime) -> None:
        """Do the step of a process that is due, as dunning does."""
        held, step = self._open.get(process.invoice_id), process.step
        if held is None or step is None:
            self._dunning.close(process.invoice_id)
            return
        if step.kind is not StepKind.FINISH:
            self._tell(at, str(step.kind), held)
            self._dunning.go_on(process, at, held.due_moment_at or at, has_card=held.has_card)
            return
        self._dunning.close(process.invoice_id, for_good=True)
        finish_with = process.plan.finish_with
        if finish_with is FinishWith.CANCEL:
            for subscription_id in sorted(held.subscription_ids):
                self._end(subscription_id, at)
        if finish_with is FinishWith.DISABLE:
            self.account = replace(self.account, disabled=True)
        left = self._open.get(process.invoice_id)
        self._tell(at, str(finish_with), left or replace(held, open_minor=0))
        if str(finish_with) in GIVES_UP and left is not None:
            del self._open[process.invoice_id]
            self._note_open()

    def _tell(self, at: datetime, word: str, held: Receivable) -> None:
        """Keep what dunning did."""
        self._told.append(FutureDunning(at, word, held.invoice_id, held.currency, held.open_minor))

    def _end(self, subscription_id: uuid.UUID, at: datetime) -> None:
        """End a subscription as dunning does, unless it has ended."""
        for agreement in self.account.agreements:
            if agreement.subscription_id == subscription_id and agreement.status is not Status.CANCELLED:
                ended, transition, is_charged = end_unpaid(agreement, at)
                settled = settle(ended, at) if is_charged else replace(ended, next_due_at=next_due(ended, at))
                step = Step(at, (ended,) if is_charged else (), (settled,), (transition,), origin=CHANGE)
                self._is_cut_short = True
                self._bill(at, Plan((step,), None))
                return

    def _receive(self, before: date) -> None:
        """Let what is expected on earlier days be paid."""
        for one in list(self._open.values()):
            if one.expected_on is not None and self._today <= one.expected_on < before:
                self._cash.append(Cash(one.expected_on, one.currency, one.open_minor))
                del self._open[one.invoice_id]
        self._note_open()

    def _note_open(self) -> None:
        """Let the account know what is open."""
        self.account = replace(self.account, open_minor={one.invoice_id: one.open_minor for one in self._open.values()})

    def _store(self, at: datetime, plan: Plan, steps: SortedSteps, bill: Bill) -> None:
        """Let documents and drafts stand, and the agreements go on."""
        account = _without(self.account, steps.finished)
        first = self._made_at(at)
        ids = [self._id(at, place) for place, _ in enumerate(bill.proposals, start=first)]
        settled = _settled(plan)
        account = after(account, bill.proposals, tuple(settled.values()), ids)
        waiting = tuple(one for one in account.waiting if one not in steps.finished)
        for number, held in enumerate(bill.held):
            drafts = [one for one in held.proposals if not one.is_credit]
            names = [self._id(at, f"draft {first} {number} {place}") for place, _ in enumerate(drafts)]
            account = with_lines(account, drafts, names)
            shown = tuple(
                Draft(name, one.currency, one.payment_method_id) for name, one in zip(names, drafts, strict=True)
            )
            step_id = self._id(at, f"step {first} {number}")
            # As a stored step is read: with what changed at its own moment, billed only up to the one before.
            before = tuple(
                rewind(settled[one.subscription_id], held.moment, billed_to=one.billed_to_at, dirty_from=one.dirty_from)
                for one in held.before
            )
            waiting = (*waiting, WaitingStep(step_id, held.moment, held.finalize_at, before, shown))
        self.account = replace(account, waiting=waiting)

    def _id(self, at: datetime, place: object) -> uuid.UUID:
        """Name a document in thought; later ones sort behind earlier ones, as stored ids do."""
        digest = uuid.uuid5(_NAMES, f"{self.account.customer_id} {place}").int & ((1 << 64) - 1)
        return uuid.UUID(int=(int(at.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62) | digest >> 2)

    def _note(self, at: datetime, proposal: Proposal, ended: Sequence[Ended]) -> None:
        """Keep a document, and what it asks for or gives back; a card is to be charged for an invoice."""
        invoice_id, day = self._id(at, self._made_at(at)), proposal.occasion.issue_date
        if proposal.is_credit:
            paid_out = self._give_back(proposal, gives_out=pays_out(ended, proposal))
            if paid_out:
                self._cash.append(Cash(day, proposal.currency, -paid_out))
            self._documents.append(FutureDocument(at, proposal, paid_out))
            return
        self._documents.append(FutureDocument(at, proposal))
        self._gives_back[invoice_id] = proposal.given_back_minor
        due = proposal.amount_due_minor
        if due <= 0:
            return
        is_card, has_card = proposal.account.billing_type == CARD, proposal.payment_method_id is not None
        is_expected = has_card if is_card else True
        self._open[invoice_id] = Receivable(
            invoice_id,
            proposal.currency,
            due,
            proposal.due_date if is_expected and not self._dunning.fails else None,
            due_moment_at=proposal.occasion.moment,
            subscription_ids=frozenset(proposal.subscription_ids),
            has_card=has_card,
        )
        self.account = replace(self.account, open_minor={**self.account.open_minor, invoice_id: due})
        if is_card:
            self._dunning.schedule(invoice_id, at, proposal.occasion.moment, has_card=has_card)
        elif self._dunning.fails and proposal.due_date is not None:
            self._dunning.await_payment(invoice_id, proposal.due_date)

    def _charge(self, at: datetime) -> None:
        """Charge what is due in turn: cards pay, unless payments are taken to fail or there is no card."""
        for attempt in self._dunning.take_attempts(at):
            held = self._open.get(attempt.invoice_id)
            if held is None:
                self._dunning.close(attempt.invoice_id)
            elif self._dunning.fails or not attempt.has_card:
                self._dunning.decline(attempt, at)
            else:
                del self._open[attempt.invoice_id]
                self._dunning.close(attempt.invoice_id)
                self._cash.append(Cash(local_date(at, self.account.seller.zone), held.currency, held.open_minor))
                self._paid[attempt.invoice_id] = held.open_minor
        self._note_open()

    def _give_back(self, proposal: Proposal, *, gives_out: bool) -> int:
        """Lower the open invoices a credit corrects, and return what of the rest is paid out to cards."""
        own = {one: self._open[one].open_minor for one in proposal.corrected_ids if one in self._open}
        taken = taken_off(-proposal.total_minor, own)
        for invoice_id, minor in taken.items():
            self._lower(invoice_id, minor)
        left = -proposal.total_minor - sum(taken.values())
        if not gives_out or proposal.account.billing_type != CARD:
            return 0
        paid = {
            one: PaidInvoice((Refundable(one, self._paid.get(one, 0)),), self._gives_back.get(one, {}))
            for one in self._paid.keys() | self._gives_back.keys()
        }
        out = pay_back(left, proposal.given_back_minor, paid)
        for invoice_id, minor in out.items():
            self._paid[invoice_id] -= minor
        paid_out = sum(out.values())
        # It went to the balance with the rest; what is paid out does not.
        self._move_balance(proposal.currency, -paid_out)
        return paid_out

    def _lower(self, invoice_id: uuid.UUID, minor: int) -> None:
        """Take an amount off what an open invoice asks for."""
        held = self._open.pop(invoice_id)
        if held.open_minor > minor:
            self._open[invoice_id] = replace(held, open_minor=held.open_minor - minor)

    def _move_balance(self, currency: str, minor: int) -> None:
        """Put an amount onto what the customer may use."""
        if minor:
            balances = dict(self.account.balances_minor)
            balances[currency] = balances.get(currency, 0) + minor
            self.account = replace(self.account, balances_minor=balances)

    def _refund(self, at: datetime, ended: Sequence[Ended]) -> None:
        """Give back what the periods of ends with `full` were charged."""
        invoices = {one.invoice_id: self._as_paid(one) for one in self._standing.invoices.values()}
        found, self._standing = refund_periods(ended, replace(self._standing, invoices=invoices))
        day = local_date(at, self.account.seller.zone)
        for refund in found:
            used = refund.used
            if used.to_invoices_minor:
                self._lower(refund.invoice_id, used.to_invoices_minor)
            if used.refunded_minor:
                self._paid[refund.invoice_id] -= used.refunded_minor
                self._cash.append(Cash(day, refund.currency, -used.refunded_minor))
            self._move_balance(refund.currency, used.to_balance_minor)
            self._refunds.append(FutureRefund(at, day, refund))

    def _as_paid(self, invoice: ChargedInvoice) -> ChargedInvoice:
        """Return an invoice with what is open on it now and may be paid out of it."""
        held = self._open.get(invoice.invoice_id)
        paid_minor = self._paid.get(invoice.invoice_id, 0) if self.account.billing_type == CARD else 0
        payments = (Refundable(invoice.invoice_id, paid_minor),) if paid_minor else ()
        return replace(invoice, due_minor=0 if held is None else held.open_minor, payments=payments)

    def _stand(self, at: datetime, made: Sequence[Proposal], first: int) -> None:
        """Keep the lines of documents, for those that end with `full` later."""
        invoices, notes = dict(self._standing.invoices), list(self._standing.notes)
        for place, proposal in enumerate(made, start=first):
            if proposal.is_credit:
                notes.append(note_of(proposal))
                continue
            invoice_id = self._id(at, place)
            invoices[invoice_id] = invoice_of(proposal, invoice_id)
        self._standing = Standing(invoices, tuple(notes))

    def told(self, last: date) -> Forecast:
        """Return what was found; money expected after the last day is left out."""
        for one in self._open.values():
            if one.expected_on is not None and self._today <= one.expected_on <= last:
                self._cash.append(Cash(one.expected_on, one.currency, one.open_minor))
        past_due: dict[str, int] = defaultdict(int)
        for one in self._open.values():
            if one.expected_on is None or one.expected_on < self._today:
                past_due[one.currency] += one.open_minor
        cash = sorted(self._cash, key=lambda one: (one.day, one.currency))
        return Forecast(
            self.account,
            tuple(self._documents),
            tuple(cash),
            dict(past_due),
            tuple(self._refused),
            tuple(self._refunds),
            tuple(self._told),
        )


def _settled(plan: Plan) -> dict[uuid.UUID, Agreement]:
    """Return the agreements as the last of the steps leaves each."""
    return {agreement.subscription_id: agreement for step in plan.steps for agreement in step.settled}


def _without(account: Account, finished: Sequence[WaitingStep]) -> Account:
    """Return an account without the lines of drafts that have become documents."""
    drafts = {draft.invoice_id for one in finished for draft in one.drafts}
    if not drafts:
        return account
    kept = {
        item_id: tuple(line for line in lines if line.invoice_id not in drafts)
        for item_id, lines in account.billed.items()
    }
    return replace(account, billed=kept)
