"""What a customer will be billed, and when its money is expected: the run's own steps, made in thought.

Nothing here prices, taxes or discounts: each due moment is planned, sorted and billed by the code of the run, and the
account then stands as it would once that is stored. Cards are taken to be charged with success on the day of issue,
open invoices to be paid on their due date; what is past due today is expected in no month.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from billing.domain.cycle import Plan, Step, due_moment, plan_steps
from billing.domain.ending import FULL, Ended, PeriodRefund, ended_agreements, pays_out, refund_periods
from billing.domain.grace import Bill, SortedSteps, bill_sorted, sort_steps
from billing.domain.refunds import PaidInvoice, Refundable, pay_back
from billing.domain.standing import ChargedInvoice, Standing, invoice_of, note_of
from core.domain.schedule import local_date
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Proposal, after, with_lines
from invoicing.domain.credit import taken_off
from invoicing.domain.tax_world import TaxWorld
from invoicing.domain.waiting import Draft, WaitingStep, rewind
from subscriptions.domain.terms import Agreement
from usage.domain.aggregation import UsageFigure

_NAMES = uuid.UUID("5d1b7a52-7f0e-5c56-9d3e-2f6c8a4b1e90")


@dataclass(frozen=True, slots=True)
class Receivable:
    """What is due on an invoice in minor units, and the day on which it is expected; None: nobody knows."""

    invoice_id: uuid.UUID
    currency: str
    open_minor: int
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class FutureDocument:
    """An invoice or credit note that will be made at a moment; `paid_out_minor` of a credit goes back to the card."""

    moment: datetime
    proposal: Proposal
    paid_out_minor: int = 0


@dataclass(frozen=True, slots=True)
class FutureRefund:
    """A credit note that will give back what the period of an end was charged (`full`), and its day of issue."""

    moment: datetime
    issue_date: date
    refund: PeriodRefund


@dataclass(frozen=True, slots=True)
class Cash:
    """Money expected on a day, in minor units; negative when it is paid back."""

    day: date
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one customer will be billed, oldest first, the cash of it, and what is past due today, by currency.

    `refused` says which waiting changes the terms could not take when their moment came; `refunds` come behind the
    documents of their moment.
    """

    account: Account
    documents: tuple[FutureDocument, ...]
    cash: tuple[Cash, ...]
    past_due_minor: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    refunds: tuple[FutureRefund, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One customer as it stands: its account, what is open on its invoices, what cards have paid of them.

    `standing` holds the documents of the running periods of those that may end with `full`.
    """

    account: Account
    receivables: tuple[Receivable, ...] = ()
    paid_minor: Mapping[uuid.UUID, int] = field(default_factory=dict)
    gives_back_minor: Mapping[uuid.UUID, Mapping[uuid.UUID, int]] = field(default_factory=dict)
    standing: Standing = field(default_factory=lambda: Standing({}))


def next_moment(account: Account) -> datetime | None:
    """Return when a customer is due next: by its subscriptions, or because a step's grace is over."""
    own = due_moment((agreement.next_due_at for agreement in account.agreements), account.zone)
    return min((one for one in (own, *(step.finalize_at for step in account.waiting)) if one is not None), default=None)


def steps_ahead(account: Account, until: datetime) -> tuple[Step, ...]:
    """Return every step up to a moment, with those that wait: what there is to know about usage."""
    waited = (Step(one.moment, one.agreements, (), ()) for one in account.waiting)
    return (*waited, *plan_steps(account, until).steps)


def forecast(
    case: Case, now: datetime, until: datetime, figures: Mapping[Any, UsageFigure], world: TaxWorld
) -> Forecast:
    """Return what a customer will be billed from `now` to `until`, both included.

    What is overdue for the run is billed at `now`, as the next run would do it.
    """
    walk = _Walk(case, now)
    while True:
        due = next_moment(walk.account)
        if due is None or due > until:
            return walk.told(local_date(until, case.account.seller.zone))
        walk.run(max(due, now), figures, world)


class _Walk:
    """Goes from due moment to due moment of one customer."""

    def __init__(self, case: Case, now: datetime) -> None:
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

    def run(self, at: datetime, figures: Mapping[Any, UsageFigure], world: TaxWorld) -> None:
        """Do what the run does at a moment, and let the account stand as it would afterwards."""
        self._receive(local_date(at, self.account.seller.zone))
        plan = plan_steps(self.account, at)
        steps = sort_steps(self.account, plan, at)
        bill = bill_sorted(self.account, steps, at, figures, world)
        self._refused += [done.failure for step in plan.steps for done in step.applied if done.failure]
        ended = ended_agreements(plan.steps)
        gives_full = any(one.cancel_refund == FULL for one in self.account.agreements)
        self._store(at, plan, steps, bill)
        charged = [self._note(at, proposal, ended) for proposal in bill.proposals]
        if gives_full:
            self._stand(at, bill.proposals)
            self._refund(at, ended)
        self._charge([invoice_id for invoice_id in charged if invoice_id is not None])

    def _receive(self, before: date) -> None:
        """Let what is expected on earlier days be paid."""
        for one in list(self._open.values()):
            if one.expected_on is not None and self._today <= one.expected_on < before:
                self._cash.append(Cash(one.expected_on, one.currency, one.open_minor))
                del self._open[one.invoice_id]
        self.account = replace(self.account, open_minor={one.invoice_id: one.open_minor for one in self._open.values()})

    def _store(self, at: datetime, plan: Plan, steps: SortedSteps, bill: Bill) -> None:
        """Let documents and drafts stand, and the agreements go on."""
        account = _without(self.account, steps.finished)
        ids = [self._id(at, place) for place, _ in enumerate(bill.proposals)]
        settled = _settled(plan)
        account = after(account, bill.proposals, tuple(settled.values()), ids)
        waiting = tuple(one for one in account.waiting if one not in steps.finished)
        for number, held in enumerate(bill.held):
            drafts = [one for one in held.proposals if not one.is_credit]
            names = [self._id(at, f"draft {number} {place}") for place, _ in enumerate(drafts)]
            account = with_lines(account, drafts, names)
            shown = tuple(
                Draft(name, one.currency, one.payment_method_id) for name, one in zip(names, drafts, strict=True)
            )
            step_id = self._id(at, f"step {number}")
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

    def _note(self, at: datetime, proposal: Proposal, ended: Sequence[Ended]) -> uuid.UUID | None:
        """Keep a document, and what it asks for or gives back; return an invoice that a card is to be charged for."""
        place = sum(one.moment == at for one in self._documents)
        invoice_id, day = self._id(at, place), proposal.occasion.issue_date
        if proposal.is_credit:
            paid_out = self._give_back(proposal, gives_out=pays_out(ended, proposal))
            if paid_out:
                self._cash.append(Cash(day, proposal.currency, -paid_out))
            self._documents.append(FutureDocument(at, proposal, paid_out))
            return None
        self._documents.append(FutureDocument(at, proposal))
        self._gives_back[invoice_id] = proposal.given_back_minor
        due = proposal.amount_due_minor
        if due <= 0:
            return None
        is_charged = proposal.account.billing_type == CARD and proposal.payment_method_id is not None
        # A card customer without a card is asked for nothing: its invoice stays open.
        expected_on = None if proposal.account.billing_type == CARD and not is_charged else proposal.due_date
        self._open[invoice_id] = Receivable(invoice_id, proposal.currency, due, expected_on)
        self.account = replace(self.account, open_minor={**self.account.open_minor, invoice_id: due})
        return invoice_id if is_charged else None

    def _charge(self, invoice_ids: Sequence[uuid.UUID]) -> None:
        """Let cards pay what invoices ask for on their day of issue."""
        for invoice_id in invoice_ids:
            held = self._open.pop(invoice_id, None)
            if held is not None and held.expected_on is not None:
                self._cash.append(Cash(held.expected_on, held.currency, held.open_minor))
                self._paid[invoice_id] = held.open_minor
        open_minor = {one.invoice_id: one.open_minor for one in self._open.values()}
        self.account = replace(self.account, open_minor=open_minor)

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

    def _stand(self, at: datetime, made: Sequence[Proposal]) -> None:
        """Keep the lines of documents, for those that end with `full` later."""
        invoices, notes = dict(self._standing.invoices), list(self._standing.notes)
        for place, proposal in enumerate(made):
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


def in_order(told: Forecast) -> Iterator[FutureDocument | FutureRefund]:
    """Yield everything that will be made, oldest first; at one moment refunds come behind the other documents."""
    every: list[FutureDocument | FutureRefund] = [*told.documents, *told.refunds]
    yield from sorted(every, key=lambda one: (one.moment, isinstance(one, FutureRefund)))


def cash_by_month(cash: Iterable[Cash]) -> Iterator[tuple[str, str, int]]:
    """Yield month ("2026-07"), currency and what is expected in it, in order.

    >>> list(cash_by_month([Cash(date(2026, 7, 1), "EUR", 300), Cash(date(2026, 7, 31), "EUR", -100)]))
    [('2026-07', 'EUR', 200)]
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in cash:
        sums[f"{one.day:%Y-%m}", one.currency] += one.amount_minor
    for (month, currency), amount_minor in sorted(sums.items()):
        yield month, currency, amount_minor
