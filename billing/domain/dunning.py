"""What becomes of an invoice that is not paid: when it is tried or reminded of again, and what comes at the end.

Billing rules, section 11. Moments are the customer's: the same wall time so many local days later. The process itself,
a preview of it and the simulation decide here.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from billing.domain.payments import FailureReason, Retry, retry_after
from core.domain.schedule import Interval, boundary, local_wall, start_of_day
from customers.domain.dunning_policy import DunningPolicy, FinalAction

DAY = Interval("day")


class ProcessKind(StrEnum):
    """Whom a process is about: a card that was declined, or an invoice past its due date."""

    CARD = "card"
    OVERDUE = "overdue"


class ProcessStatus(StrEnum):
    """What a process is."""

    OPEN = "open"
    RECOVERED = "recovered"
    CLOSED = "closed"
    FINISHED = "finished"
    STOPPED = "stopped"


class ProcessAction(StrEnum):
    """What can happen to a process.

    PAY: the invoice asks for nothing any more. CLOSE: it was voided, or given up by somebody. FINISH: the final action
    was done. STOP: a person took it out.
    """

    PAY = "pay"
    CLOSE = "close"
    FINISH = "finish"
    STOP = "stop"


class FinishWith(StrEnum):
    """What a process does at its end."""

    CANCEL = "cancel"
    UNCOLLECTIBLE = "uncollectible"
    KEEP = "keep"
    DISABLE = "disable"


class StepKind(StrEnum):
    """What a process does at a moment."""

    RETRY = "retry"
    REMIND = "remind"
    FINISH = "finish"


class InvalidProcessTransition(ValueError):
    """An action that the process's status does not allow."""

    def __init__(self, status: ProcessStatus, action: ProcessAction) -> None:
        super().__init__(f"A dunning process that is {status} does not allow: {action}.")
        self.status = status
        self.action = action


_MOVES: dict[tuple[ProcessStatus, ProcessAction], ProcessStatus] = {
    (ProcessStatus.OPEN, ProcessAction.PAY): ProcessStatus.RECOVERED,
    (ProcessStatus.OPEN, ProcessAction.CLOSE): ProcessStatus.CLOSED,
    (ProcessStatus.OPEN, ProcessAction.FINISH): ProcessStatus.FINISHED,
    (ProcessStatus.OPEN, ProcessAction.STOP): ProcessStatus.STOPPED,
}


def next_process_status(status: str, action: ProcessAction) -> ProcessStatus:
    """Return the status an action leads to; whatever closes a process closes it once.

    Raises InvalidProcessTransition for every move that is not in the table.

    >>> next_process_status("open", ProcessAction.PAY)
    <ProcessStatus.RECOVERED: 'recovered'>
    """
    current = ProcessStatus(status)
    try:
        return _MOVES[current, action]
    except KeyError:
        raise InvalidProcessTransition(current, action) from None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is going to do, kept from its beginning: days after `started_at` in `zone`, and the end of it.

    The steps of a card are retries and its end comes with the last of them; those of an overdue invoice are reminders,
    and its end comes `finish_days` after the start (None: with the last reminder).
    """

    kind: ProcessKind
    started_at: datetime
    zone: str
    days: tuple[int, ...]
    finish_with: FinishWith
    finish_days: int | None = None

    @property
    def moments(self) -> tuple[datetime, ...]:
        """Return the moments of the retries or reminders.

        >>> start = datetime.fromisoformat("2026-03-27T10:00:00+00:00")
        >>> plan = Plan(ProcessKind.CARD, start, "Europe/Berlin", (3, 6), FinishWith.KEEP)
        >>> [moment.isoformat() for moment in plan.moments]
        ['2026-03-30T09:00:00+00:00', '2026-04-02T09:00:00+00:00']
        """
        return tuple(days_after(self.started_at, day, self.zone) for day in self.days)

    @property
    def finish_at(self) -> datetime:
        """Return the moment of the final action."""
        if self.finish_days is not None:
            return days_after(self.started_at, self.finish_days, self.zone)
        return self.moments[-1] if self.days else self.started_at


@dataclass(frozen=True, slots=True)
class Step:
    """What a process does next, and when; `number` counts retries or reminders from 1, 0 is the end."""

    kind: StepKind
    at: datetime
    number: int = 0


def days_after(moment: datetime, days: int, zone: str) -> datetime:
    """Return the same wall time of a zone so many days later (Billing rules, section 2)."""
    return boundary(local_wall(moment, zone), DAY, days, zone) if days else moment


def card_plan(policy: DunningPolicy, failed_at: datetime, zone: str) -> Plan:
    """Return the plan of an invoice whose charge was declined."""
    finish_with = FinishWith(FinalAction(policy.final_action))
    return Plan(ProcessKind.CARD, failed_at, zone, tuple(policy.retry_days), finish_with)


def overdue_plan(policy: DunningPolicy, started_at: datetime, zone: str) -> Plan:
    """Return the plan of an invoice that is overdue."""
    disables = policy.disable_after_days is not None
    return Plan(
        ProcessKind.OVERDUE,
        started_at,
        zone,
        tuple(policy.reminder_days),
        FinishWith.DISABLE if disables else FinishWith.KEEP,
        policy.disable_after_days,
    )


def overdue_from(due_date: date, zone: str) -> datetime:
    """Return the moment from which an invoice is overdue: when its due date is over where the customer is.

    >>> overdue_from(date(2026, 1, 31), "Europe/Berlin").isoformat()
    '2026-01-31T23:00:00+00:00'
    """
    return start_of_day(due_date + timedelta(days=1), zone)


def overdue_start(due_date: date, zone: str, now: datetime) -> datetime:
    """Return when the process of an overdue invoice begins: when it is overdue, or now where that is days ago.

    Nobody is reminded three times at once, or disabled, over what was never asked for: days that passed before the
    process could begin are not counted.
    """
    from_at = overdue_from(due_date, zone)
    return from_at if now < days_after(from_at, 1, zone) else now


def next_step(plan: Plan, after: datetime | None) -> Step:
    """Return what a process does after a moment; None: before it did anything.

    Of reminders that were missed only the latest is sent; one retry stands for all that were missed.

    >>> start = datetime.fromisoformat("2026-01-01T10:00:00+00:00")
    >>> plan = Plan(ProcessKind.CARD, start, "UTC", (3, 6), FinishWith.CANCEL)
    >>> next_step(plan, start).at.day, next_step(plan, start).number
    (4, 1)
    >>> next_step(plan, start + timedelta(days=6))
    Step(kind=<StepKind.FINISH: 'finish'>, at=datetime.datetime(2026, 1, 7, 10, 0, tzinfo=datetime.timezone.utc), number=0)
    """  # noqa: E501 - a value as Python writes it
    kind = StepKind.RETRY if plan.kind is ProcessKind.CARD else StepKind.REMIND
    for number, moment in enumerate(plan.moments, start=1):
        if after is None or moment > after:
            return Step(kind, moment, number)
    return Step(StepKind.FINISH, plan.finish_at)


def latest_due(plan: Plan, step: Step, now: datetime) -> Step:
    """Return the last of the retries or reminders that are due when this one is done."""
    due = [number for number, moment in enumerate(plan.moments, start=1) if moment <= now]
    if step.kind is StepKind.FINISH or not due or due[-1] <= step.number:
        return step
    return Step(step.kind, plan.moments[due[-1] - 1], due[-1])


@dataclass(frozen=True, slots=True)
class Decline:
    """A declined charge: why, when, and whether the card that it was is out for good."""

    reason: FailureReason
    at: datetime
    is_hard: bool = False

    @property
    def retry(self) -> Retry:
        """Return what may follow."""
        return retry_after(self.reason, hard=self.is_hard)


def after_decline(plan: Plan, decline: Decline) -> Step:
    """Return what follows a declined charge: the next retry, or the end.

    A card that is out for good, and one whose bank asks the customer, is not tried again by itself: what is left is the
    end, at its moment. The decline of the last retry brings the end at once.

    >>> start = datetime.fromisoformat("2026-01-01T10:00:00+00:00")
    >>> plan = Plan(ProcessKind.CARD, start, "UTC", (3, 6), FinishWith.CANCEL)
    >>> after_decline(plan, Decline(FailureReason.LACK_OF_FUNDS, start)).number
    1
    >>> after_decline(plan, Decline(FailureReason.FRAUD, start)).at.day
    7
    """
    if decline.retry is Retry.LATER:
        step = next_step(plan, decline.at)
        if step.kind is not StepKind.FINISH:
            return step
    return Step(StepKind.FINISH, max(plan.finish_at, decline.at))


def is_final(step: Step, at: datetime) -> bool:
    """Tell whether the end comes at once."""
    return step.kind is StepKind.FINISH and step.at <= at


def held_until(plan: Plan, failed_at: datetime) -> datetime:
    """Return when the customer's other due charges are tried after a decline.

    Billing rules, section 8, catch-up: invoices are charged in turn, a decline holds the rest for its retry days.
    """
    return next((moment for moment in plan.moments if moment > failed_at), failed_at)
