"""What becomes, in thought, of invoices that nobody pays: attempts, processes and their ends, by the code of dunning.

Billing rules, sections 8 (catch-up) and 11. Nothing is billed here: the forecast asks what is due, and does it.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from billing.domain import dunning
from billing.domain.dunning import Decline, Plan, ProcessKind, Step, StepKind
from billing.domain.payments import FailureReason
from customers.domain.dunning_policy import DunningPolicy


class Payments(StrEnum):
    """What is assumed of payments: they are made when they are expected, or every one of them fails."""

    MADE = "made"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Process:
    """What is done about one unpaid invoice: its plan, and its next step (None: a charge is waited for)."""

    invoice_id: uuid.UUID
    plan: Plan
    step: Step | None


@dataclass(frozen=True, slots=True)
class DunningCase:
    """How a customer is dunned: by which policy (None: not at all), what is under way, which invoices are over with."""

    policy: DunningPolicy | None = None
    payments: Payments = Payments.MADE
    processes: tuple[Process, ...] = ()
    over: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A charge that is due at a moment; of those that are due the invoice of the oldest due moment comes first."""

    invoice_id: uuid.UUID
    due_at: datetime
    due_moment_at: datetime
    number: int
    has_card: bool = True


class DunningAhead:
    """The attempts and processes of one customer while it is walked through the months ahead."""

    def __init__(self, case: DunningCase, zone: str) -> None:
        """Begin with what is under way. Where payments are made, invoices that are overdue are not dunned."""
        self.case, self._zone = case, zone
        self._over = set(case.over)
        self._attempts: dict[uuid.UUID, Attempt] = {}
        self._number = 0
        is_dunned = case.policy is not None
        self._processes = {
            one.invoice_id: one
            for one in case.processes
            if is_dunned and (self.fails or one.plan.kind is ProcessKind.CARD)
        }

    @property
    def fails(self) -> bool:
        """Tell whether every payment is taken to fail."""
        return self.case.policy is not None and self.case.payments is Payments.FAIL

    @property
    def next_at(self) -> datetime | None:
        """Return when something is due next, None when nothing is."""
        moments = [one.due_at for one in self._attempts.values()]
        moments += [one.step.at for one in self._processes.values() if one.step is not None]
        return min(moments, default=None)

    def schedule(
        self, invoice_id: uuid.UUID, due_at: datetime, due_moment_at: datetime, *, has_card: bool = True
    ) -> None:
        """Let an invoice be charged at a moment."""
        self._number += 1
        self._attempts[invoice_id] = Attempt(invoice_id, due_at, due_moment_at, self._number, has_card)

    def await_payment(self, invoice_id: uuid.UUID, due_date: date, now: datetime | None = None) -> None:
        """Begin what is done about an invoice that is to be paid by transfer and will not be.

        `now` of one that may be overdue already.
        """
        policy = self.case.policy
        if policy is None or invoice_id in self._over or invoice_id in self._processes:
            return
        if not policy.reminder_days and policy.disable_after_days is None:
            return
        from_at = dunning.overdue_from(due_date, self._zone)
        if now is not None and from_at <= now:
            from_at = dunning.overdue_start(due_date, self._zone, now)
        plan = dunning.overdue_plan(policy, from_at, self._zone)
        self._processes[invoice_id] = Process(invoice_id, plan, dunning.next_step(plan, None))

    def due_processes(self, at: datetime) -> Sequence[Process]:
        """Return the processes whose step is due, earliest first."""
        due = [one for one in self._processes.values() if one.step is not None and one.step.at <= at]
        return sorted(due, key=lambda one: (one.step.at if one.step is not None else at, one.invoice_id))

    def go_on(self, process: Process, at: datetime, due_moment_at: datetime, *, has_card: bool) -> None:
        """Do a retry or a reminder that is due: the charge is scheduled, or the next step set."""
        if process.step is None or process.step.kind is StepKind.FINISH:
            raise ValueError("an end is done by whoever walks")
        if process.step.kind is StepKind.RETRY:
            self.schedule(process.invoice_id, at, due_moment_at, has_card=has_card)
            step = None
        else:
            step = dunning.next_step(process.plan, process.step.at)
        self._processes[process.invoice_id] = replace(process, step=step)

    def close(self, invoice_id: uuid.UUID, *, for_good: bool = False) -> None:
        """Forget what was to be done about an invoice: it asks for nothing any more, or (`for_good`) its end came."""
        self._attempts.pop(invoice_id, None)
        self._processes.pop(invoice_id, None)
        if for_good:
            self._over.add(invoice_id)

    def take_attempts(self, at: datetime) -> Iterator[Attempt]:
        """Yield the charges that are due, in turn; whoever takes one tells what came of it before the next."""
        while due := [one for one in self._attempts.values() if one.due_at <= at]:
            first = min(due, key=lambda one: (one.due_moment_at, one.number))
            del self._attempts[first.invoice_id]
            yield first

    def decline(self, attempt: Attempt, at: datetime) -> None:
        """Begin or move the process of a declined charge; the customer's other due charges wait for its next retry."""
        if self.case.policy is None:
            return
        process = self._processes.get(attempt.invoice_id)
        plan = process.plan if process is not None else dunning.card_plan(self.case.policy, at, self._zone)
        if attempt.invoice_id not in self._over:
            reason = FailureReason.LACK_OF_FUNDS if attempt.has_card else FailureReason.INVALID_DETAILS
            step = dunning.after_decline(plan, Decline(reason, at))
            self._processes[attempt.invoice_id] = Process(attempt.invoice_id, plan, step)
        until = dunning.held_until(plan, at)
        for one in list(self._attempts.values()):
            if one.due_at <= at:
                self._attempts[one.invoice_id] = replace(one, due_at=until)
