"""The subscription's states and the moves between them (Billing rules, section 5)."""

from enum import StrEnum


class Status(StrEnum):
    """What a subscription is."""

    INCOMPLETE = "incomplete"
    TRIAL_ACTIVE = "trial_active"
    TRIAL_ENDED = "trial_ended"
    ACTIVE = "active"
    PENDING_CANCEL = "pending_cancel"
    OVERDUE_PAYMENT_OPEN = "overdue_payment_open"
    OVERDUE_PAYMENT_DISABLED = "overdue_payment_disabled"
    PAUSED = "paused"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can be done to a subscription."""

    CONFIRM = "confirm"
    CONVERT_TRIAL = "convert_trial"
    END_TRIAL = "end_trial"
    EXTEND = "extend"
    SCHEDULE_CANCEL = "schedule_cancel"
    UNDO_CANCEL = "undo_cancel"
    UNDO_CANCEL_IN_TRIAL = "undo_cancel_in_trial"
    FAIL_PAYMENT = "fail_payment"
    SETTLE_PAYMENT = "settle_payment"
    DISABLE = "disable"
    PAUSE = "pause"
    RESUME = "resume"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CANCEL = "cancel"


class InvalidTransition(ValueError):
    """An action that the current status does not allow."""

    def __init__(self, status: Status, action: Action) -> None:
        super().__init__(f"A subscription that is {status} does not allow: {action.replace('_', ' ')}.")
        self.status = status
        self.action = action


ACTIVE_STATUSES = frozenset({Status.ACTIVE, Status.TRIAL_ACTIVE, Status.PENDING_CANCEL, Status.OVERDUE_PAYMENT_OPEN})
"""What counts as active for lists and entitlements."""

LIVE_STATUSES = frozenset(Status) - {Status.CANCELLED}
BILLED_STATUSES = frozenset({Status.ACTIVE, Status.PENDING_CANCEL, Status.OVERDUE_PAYMENT_OPEN, Status.TRIAL_ACTIVE})
"""What the billing run looks at."""

_MOVES: dict[tuple[Status, Action], Status] = {
    (Status.INCOMPLETE, Action.CONFIRM): Status.ACTIVE,
    (Status.TRIAL_ACTIVE, Action.CONVERT_TRIAL): Status.ACTIVE,
    (Status.TRIAL_ACTIVE, Action.EXTEND): Status.ACTIVE,
    (Status.TRIAL_ACTIVE, Action.END_TRIAL): Status.TRIAL_ENDED,
    (Status.TRIAL_ACTIVE, Action.SCHEDULE_CANCEL): Status.PENDING_CANCEL,
    (Status.TRIAL_ENDED, Action.EXTEND): Status.ACTIVE,
    (Status.ACTIVE, Action.SCHEDULE_CANCEL): Status.PENDING_CANCEL,
    (Status.ACTIVE, Action.FAIL_PAYMENT): Status.OVERDUE_PAYMENT_OPEN,
    (Status.ACTIVE, Action.PAUSE): Status.PAUSED,
    (Status.PENDING_CANCEL, Action.UNDO_CANCEL): Status.ACTIVE,
    (Status.PENDING_CANCEL, Action.UNDO_CANCEL_IN_TRIAL): Status.TRIAL_ACTIVE,
    (Status.PAUSED, Action.RESUME): Status.ACTIVE,
    (Status.OVERDUE_PAYMENT_OPEN, Action.SETTLE_PAYMENT): Status.ACTIVE,
    (Status.OVERDUE_PAYMENT_OPEN, Action.DISABLE): Status.OVERDUE_PAYMENT_DISABLED,
    (Status.OVERDUE_PAYMENT_DISABLED, Action.SETTLE_PAYMENT): Status.ACTIVE,
    (Status.BLOCKED, Action.UNBLOCK): Status.ACTIVE,
    **{(status, Action.BLOCK): Status.BLOCKED for status in ACTIVE_STATUSES | {Status.PAUSED}},
    **{(status, Action.CANCEL): Status.CANCELLED for status in LIVE_STATUSES},
}


def next_status(status: Status, action: Action) -> Status:
    """Return the status an action leads to.

    Raises InvalidTransition when the table of Billing rules, section 5, has no such move.

    >>> next_status(Status.ACTIVE, Action.SCHEDULE_CANCEL)
    <Status.PENDING_CANCEL: 'pending_cancel'>
    """
    try:
        return _MOVES[status, action]
    except KeyError:
        raise InvalidTransition(status, action) from None
