"""What an end gives back: unused time as proposed, or with `full` what was charged for the running period.

Billing rules, section 5, Cancel. The real run, the preview and the forecast decide here. Amounts are minor units.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.cycle import CREDIT as CREDIT_UNUSED
from billing.domain.cycle import PRORATE, Step, Transition, cancel
from billing.domain.refunds import PaidInvoice, pay_back
from billing.domain.standing import (
    ChargedInvoice,
    ChargedLine,
    Note,
    NoteLine,
    Standing,
    corrected_id,
    line_rests,
    note_of,
)
from invoicing.domain.assembly import Proposal
from invoicing.domain.charge import CREDIT, RECURRING, SEATS
from invoicing.domain.credit import taken_off
from invoicing.domain.giving_back import GivenBack, give_back, give_back_whole, rest_of, spread_gross
from invoicing.domain.postings import CreditUsed
from subscriptions.domain.lifecycle import Action, Status
from subscriptions.domain.periods import ServicePeriod, paid_segments, period_at
from subscriptions.domain.terms import ENDED, Agreement

FULL = "full"
PERIOD_KINDS = frozenset({RECURRING, SEATS, CREDIT})
UNSERVED = frozenset({Status.OVERDUE_PAYMENT_DISABLED, Status.BLOCKED})
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ended:
    """An agreement that a step ended, and when."""

    agreement: Agreement
    at: datetime

    @property
    def gives_full(self) -> bool:
        """Tell whether what the period was charged is given back."""
        return self.agreement.cancel_refund == FULL

    def periods(self) -> tuple[ServicePeriod, ...]:
        """Return the period that ran when it ended, and behind it the one that was over where a boundary ends it."""
        interval = self.agreement.current.interval
        segments = paid_segments(tuple(one for one in self.agreement.calendar if one.phase != ENDED))
        if interval is None or (running := period_at(segments, interval, self.at)) is None:
            return ()
        if running.start != self.at:
            return (running,)
        before = period_at(segments, interval, self.at - _MOMENT)
        return (running,) if before is None or before.start == running.start else (running, before)


def ended_agreements(steps: Iterable[Step]) -> tuple[Ended, ...]:
    """Return the agreements that steps end and whose end gives money back."""
    found = []
    for step in steps:
        ends = {one.subscription_id: one.at for one in step.transitions if one.action is Action.CANCEL}
        found += [
            Ended(agreement, ends[agreement.subscription_id])
            for agreement in step.settled
            if agreement.subscription_id in ends and agreement.cancel_refund in {PRORATE, FULL}
        ]
    return tuple(found)


def end_unpaid(agreement: Agreement, at: datetime) -> tuple[Agreement, Transition, bool]:
    """Return an agreement that dunning ends, how its status moved, and whether its last charges and credits are made.

    Unused days are credited and paid out to nobody; what was not served is charged nothing.
    """
    ended, transition = cancel(replace(agreement, cancel_refund=CREDIT_UNUSED), at)
    return ended, transition, agreement.status not in UNSERVED


def pays_out(ended: Iterable[Ended], proposal: Proposal) -> bool:
    """Tell whether a credit note gives the unused time of an end back: it goes to the cards that paid."""
    return any(
        one.agreement.cancel_refund == PRORATE and one.agreement.subscription_id in proposal.subscription_ids
        for one in ended
    )


@dataclass(frozen=True, slots=True)
class PeriodRefund:
    """A credit note over lines of one invoice, and what is done with its total."""

    invoice_id: uuid.UUID
    currency: str
    lines: tuple[tuple[ChargedLine, GivenBack], ...]
    used: CreditUsed

    @property
    def given_back(self) -> tuple[GivenBack, ...]:
        """Return what is given back of each line."""
        return tuple(part for _, part in self.lines)

    @property
    def total_minor(self) -> int:
        """Return the gross that is given back."""
        return sum(part.gross_minor for part in self.given_back)

    @property
    def tax_minor(self) -> int:
        """Return the tax in it."""
        return sum(part.tax_minor for part in self.given_back)


def settle_credit(standing: Standing, proposal: Proposal, *, pays_out: bool) -> tuple[CreditUsed, Standing]:
    """Return what a proposed credit note does with its total, and what stands after it.

    It lowers the open invoices that its lines correct, the oldest first; what is over is paid out as far as they were
    paid, where it `pays_out`, and goes to the balance else.
    """
    invoices = dict(standing.invoices)
    corrected = [invoices[one] for one in proposal.corrected_ids if one in invoices]
    taken = taken_off(-proposal.total_minor, {one.invoice_id: one.due_minor + one.given_up_minor for one in corrected})
    for invoice_id, minor in taken.items():
        one = invoices[invoice_id]
        given_up = min(minor, one.given_up_minor)
        invoices[invoice_id] = replace(
            one, due_minor=one.due_minor - minor + given_up, given_up_minor=one.given_up_minor - given_up
        )
    to_invoices = sum(taken.values())
    left = -proposal.total_minor - to_invoices
    refunded = _paid_out(invoices, proposal.given_back_minor, left) if pays_out else 0
    used = CreditUsed(to_invoices, left - refunded, refunded)
    return used, Standing(invoices, (*standing.notes, note_of(proposal)))


def refund_periods(ended: Sequence[Ended], standing: Standing) -> tuple[tuple[PeriodRefund, ...], Standing]:
    """Return the credit notes of the agreements that end with `full`, one an invoice, and what stands after them.

    What was given back of the period before is off already; what is issued with the end is among what stands.
    """
    refunds: list[PeriodRefund] = []
    for one in ended:
        if one.gives_full:
            found, standing = _refund_period(one, standing)
            refunds += found
    return tuple(refunds), standing


def charges_its_period(ended: Sequence[Ended], proposal: Proposal) -> bool:
    """Tell whether an invoice issued with ends charges what they may give back with `full`."""
    full = {one.agreement.subscription_id for one in ended if one.gives_full}
    charges = (line.charge for line in proposal.lines)
    return not proposal.is_credit and any(one.subscription_id in full and one.kind in PERIOD_KINDS for one in charges)


def _refund_period(ended: Ended, standing: Standing) -> tuple[list[PeriodRefund], Standing]:
    """Return the credit notes of one agreement."""
    lines = _PeriodLines(ended, standing)
    wanted = _wanted(lines, standing)
    # What an invoice gives back of the period beyond what it charges for it lowers the others.
    short_minor = -sum(min(minor, 0) for minor in wanted.values())
    invoices, refunds = dict(standing.invoices), []
    for invoice_id, minor in sorted(wanted.items()):
        lowered = min(max(minor, 0), short_minor)
        short_minor -= lowered
        given = _given_back(invoices[invoice_id], standing.notes, lines, max(minor, 0) - lowered)
        if given:
            refunds.append(_refund(invoices, invoice_id, given))
    return refunds, replace(standing, invoices=invoices)


class _PeriodLines:
    """Knows the lines that were charged for a period: those that begin in it, credits where they correct such a line.

    The credit for an earlier period that a change cut begins where the new period does, and belongs to the earlier.
    """

    def __init__(self, ended: Ended, standing: Standing) -> None:
        self._subscription_id = ended.agreement.subscription_id
        self._period: ServicePeriod | None = None
        self._charged: set[tuple[uuid.UUID | None, uuid.UUID | None]] = set()
        known: list[ChargedLine | NoteLine] = [line for note in standing.notes for line in note]
        known += [line for invoice in standing.invoices.values() if invoice.stands for line in invoice.lines]
        for period in ended.periods():
            self._period = period
            charged = (line for line in known if line.gross_minor > 0 and line.kind != CREDIT)
            self._charged = {(line.item_id, line.price_id) for line in charged if self._begins_in(line)}
            if self._charged:
                break

    def holds(self, line: ChargedLine | NoteLine) -> bool:
        """Tell whether a line is the period's."""
        return self._begins_in(line) and (line.kind != CREDIT or (line.item_id, line.price_id) in self._charged)

    def _begins_in(self, line: ChargedLine | NoteLine) -> bool:
        period, start = self._period, line.period_start
        is_own = line.subscription_id == self._subscription_id and line.kind in PERIOD_KINDS
        return is_own and period is not None and start is not None and period.start <= start < period.planned_end


def _wanted(lines: _PeriodLines, standing: Standing) -> dict[uuid.UUID, int]:
    """Return what is to be given back by invoice: the rest of its lines, and what credit notes over it charge.

    Below 0 where an invoice gave back more of the period than it charged for it.
    """
    wanted: dict[uuid.UUID, int] = defaultdict(int)
    standing_ids = {one.invoice_id for one in standing.invoices.values() if one.stands}
    for invoice_id in standing_ids:
        invoice = standing.invoices[invoice_id]
        rests = zip(invoice.lines, line_rests(invoice, standing.notes, netted=False), strict=True)
        wanted[invoice_id] += sum(rest.gross_minor for line, rest in rests if lines.holds(line))
    for note in standing.notes:
        corrected = corrected_id(note)
        if corrected in standing_ids:
            wanted[corrected] += sum(line.gross_minor for line in note if line.gross_minor > 0 and lines.holds(line))
    return wanted


def _given_back(
    invoice: ChargedInvoice, notes: Sequence[Note], lines: _PeriodLines, wanted_minor: int
) -> tuple[tuple[ChargedLine, GivenBack], ...]:
    """Give so much back of an invoice: of the period's lines, or of all where those do not hold it."""
    every = line_rests(invoice, notes, netted=True)
    own = tuple(rest for line, rest in zip(invoice.lines, every, strict=True) if lines.holds(line))
    rests = own if rest_of(own) >= wanted_minor else every
    minor = min(wanted_minor, rest_of(rests))
    if minor <= 0:
        return ()
    parts = give_back_whole(rests) if minor == rest_of(rests) else give_back(rests, spread_gross(rests, minor))
    by_id = {line.rest.line_id: line for line in invoice.lines}
    return tuple((by_id[part.line_id], part) for part in parts)


def _refund(
    invoices: dict[uuid.UUID, ChargedInvoice], invoice_id: uuid.UUID, given: tuple[tuple[ChargedLine, GivenBack], ...]
) -> PeriodRefund:
    """Take what is given back off what the invoice asks for; the rest is paid out, and else goes to the balance."""
    invoice = invoices[invoice_id].given_back(part for _, part in given)
    total = sum(part.gross_minor for _, part in given)
    to_invoice = min(total, invoice.due_minor)
    invoices[invoice_id] = replace(invoice, due_minor=invoice.due_minor - to_invoice)
    left = total - to_invoice
    refunded = _paid_out(invoices, {invoice_id: left}, left)
    return PeriodRefund(invoice_id, invoice.currency, given, CreditUsed(to_invoice, left - refunded, refunded))


def _paid_out(
    invoices: dict[uuid.UUID, ChargedInvoice], parts_minor: Mapping[uuid.UUID, int], amount_minor: int
) -> int:
    """Take an amount off what paid the invoices that its parts correct, and return how much of it they had."""
    paid = {one.invoice_id: PaidInvoice(one.payments, one.gives_back_minor) for one in invoices.values()}
    parts = pay_back(amount_minor, parts_minor, paid)
    for invoice_id, invoice in list(invoices.items()):
        if any(payment.payment_id in parts for payment in invoice.payments):
            payments = (
                replace(payment, rest_minor=payment.rest_minor - parts.get(payment.payment_id, 0))
                for payment in invoice.payments
            )
            invoices[invoice_id] = replace(invoice, payments=tuple(payments))
    return sum(parts.values())
