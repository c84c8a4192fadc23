"""Every status times every action (Billing rules, section 5, States)."""

import pytest

from subscriptions.domain.lifecycle import (
    ACTIVE_STATUSES,
    BILLED_STATUSES,
    LIVE_STATUSES,
    Action,
    InvalidTransition,
    Status,
    next_status,
)
from tests.state_walk import check_every_move

S, A = Status, Action
ALLOWED = {
    (S.INCOMPLETE, A.CONFIRM): S.ACTIVE,
    (S.INCOMPLETE, A.CANCEL): S.CANCELLED,
    (S.TRIAL_ACTIVE, A.CONVERT_TRIAL): S.ACTIVE,
    (S.TRIAL_ACTIVE, A.EXTEND): S.ACTIVE,
    (S.TRIAL_ACTIVE, A.END_TRIAL): S.TRIAL_ENDED,
    (S.TRIAL_ACTIVE, A.SCHEDULE_CANCEL): S.PENDING_CANCEL,
    (S.TRIAL_ACTIVE, A.BLOCK): S.BLOCKED,
    (S.TRIAL_ACTIVE, A.CANCEL): S.CANCELLED,
    (S.TRIAL_ENDED, A.EXTEND): S.ACTIVE,
    (S.TRIAL_ENDED, A.CANCEL): S.CANCELLED,
    (S.ACTIVE, A.SCHEDULE_CANCEL): S.PENDING_CANCEL,
    (S.ACTIVE, A.FAIL_PAYMENT): S.OVERDUE_PAYMENT_OPEN,
    (S.ACTIVE, A.PAUSE): S.PAUSED,
    (S.ACTIVE, A.BLOCK): S.BLOCKED,
    (S.ACTIVE, A.CANCEL): S.CANCELLED,
    (S.PENDING_CANCEL, A.UNDO_CANCEL): S.ACTIVE,
    (S.PENDING_CANCEL, A.UNDO_CANCEL_IN_TRIAL): S.TRIAL_ACTIVE,
    (S.PENDING_CANCEL, A.BLOCK): S.BLOCKED,
    (S.PENDING_CANCEL, A.CANCEL): S.CANCELLED,
    (S.OVERDUE_PAYMENT_OPEN, A.SETTLE_PAYMENT): S.ACTIVE,
    (S.OVERDUE_PAYMENT_OPEN, A.DISABLE): S.OVERDUE_PAYMENT_DISABLED,
    (S.OVERDUE_PAYMENT_OPEN, A.BLOCK): S.BLOCKED,
    (S.OVERDUE_PAYMENT_OPEN, A.CANCEL): S.CANCELLED,
    (S.OVERDUE_PAYMENT_DISABLED, A.SETTLE_PAYMENT): S.ACTIVE,
    (S.OVERDUE_PAYMENT_DISABLED, A.CANCEL): S.CANCELLED,
    (S.PAUSED, A.RESUME): S.ACTIVE,
    (S.PAUSED, A.BLOCK): S.BLOCKED,
    (S.PAUSED, A.CANCEL): S.CANCELLED,
    (S.BLOCKED, A.UNBLOCK): S.ACTIVE,
    (S.BLOCKED, A.CANCEL): S.CANCELLED,
}


def test_every_status_times_every_action() -> None:
    check_every_move(next_status, ALLOWED, InvalidTransition, statuses=Status, actions=Action)


def test_a_refusal_says_what_was_not_possible() -> None:
    with pytest.raises(InvalidTransition, match="A subscription that is cancelled does not allow: undo cancel"):
        next_status(Status.CANCELLED, Action.UNDO_CANCEL)


def test_cancelled_is_final() -> None:
    assert not [action for status, action in ALLOWED if status is Status.CANCELLED]
    assert Status.CANCELLED not in LIVE_STATUSES | ACTIVE_STATUSES | BILLED_STATUSES


def test_what_counts_as_active_and_what_the_run_looks_at() -> None:
    words = {"active", "trial_active", "pending_cancel", "overdue_payment_open"}
    assert set(ACTIVE_STATUSES) == set(BILLED_STATUSES) == words
