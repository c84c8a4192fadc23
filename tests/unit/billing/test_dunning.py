"""Dunning as values: every move, retry and reminder moments, what a decline leaves."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.dunning import (
    Decline,
    FinishWith,
    InvalidProcessTransition,
    Plan,
    ProcessAction,
    ProcessKind,
    ProcessStatus,
    StepKind,
    after_decline,
    card_plan,
    held_until,
    is_final,
    latest_due,
    next_process_status,
    next_step,
    overdue_plan,
    overdue_start,
)
from billing.domain.payments import HARD_DECLINES, FailureReason
from customers.domain.dunning_policy import DunningPolicy, FinalAction, policy_breaches
from customers.models import Brand
from tests.state_walk import check_every_move

ALLOWED = {
    ("open", "pay"): "recovered",
    ("open", "close"): "closed",
    ("open", "finish"): "finished",
    ("open", "stop"): "stopped",
}
FAILED = datetime(2026, 3, 1, 10, 17, tzinfo=UTC)
WAITING = {*HARD_DECLINES, FailureReason.AUTHENTICATION_REQUIRED}


def days(*numbers: int) -> list[datetime]:
    return [FAILED + timedelta(days=number) for number in numbers]


def test_every_move_of_a_process() -> None:
    check_every_move(
        next_process_status, ALLOWED, InvalidProcessTransition, statuses=ProcessStatus, actions=ProcessAction
    )


def test_the_default_policy_is_the_rules() -> None:
    plan = card_plan(DunningPolicy(), FAILED, "UTC")
    assert list(plan.moments) == days(3, 6, 9, 12, 15)
    assert (plan.finish_with, plan.finish_at) == ("cancel", FAILED + timedelta(days=15))
    overdue = overdue_plan(DunningPolicy(), FAILED, "UTC")
    assert list(overdue.moments) == days(0, 7, 14)
    assert (overdue.finish_with, overdue.finish_at) == ("disable", FAILED + timedelta(days=30))
    assert Brand().dunning_policy == DunningPolicy()


@pytest.mark.parametrize("reason", FailureReason)
def test_what_each_reason_leaves(reason: FailureReason) -> None:
    step = after_decline(card_plan(DunningPolicy(), FAILED, "UTC"), Decline(reason, FAILED))
    if reason in WAITING:
        assert (step.kind, step.at) == (StepKind.FINISH, FAILED + timedelta(days=15))
        assert not is_final(step, FAILED)
    else:
        assert (step.kind, step.number, step.at) == (StepKind.RETRY, 1, FAILED + timedelta(days=3))


def test_the_decline_of_the_last_retry_brings_the_end_at_once() -> None:
    plan = card_plan(DunningPolicy(), FAILED, "UTC")
    soft = FailureReason.LACK_OF_FUNDS
    for number, day in enumerate((3, 6, 9, 12), start=2):
        step = after_decline(plan, Decline(soft, FAILED + timedelta(days=day, hours=1)))
        assert (step.kind, step.number) == (StepKind.RETRY, number)
    at = FAILED + timedelta(days=15)
    assert is_final(after_decline(plan, Decline(soft, at)), at)


def test_a_card_that_is_out_waits_for_the_end_and_a_softer_one_goes_on() -> None:
    plan = card_plan(DunningPolicy(), FAILED, "UTC")
    at = FAILED + timedelta(days=4)
    assert after_decline(plan, Decline(FailureReason.GENERAL_DECLINE, at, is_hard=True)).kind is StepKind.FINISH
    assert after_decline(plan, Decline(FailureReason.GENERAL_DECLINE, at)).number == 2


def test_no_days_of_retry_end_it_with_the_decline() -> None:
    plan = card_plan(DunningPolicy(retry_days=(), final_action=FinalAction.KEEP), FAILED, "UTC")
    step = after_decline(plan, Decline(FailureReason.LACK_OF_FUNDS, FAILED))
    assert is_final(step, FAILED)
    assert plan.finish_with is FinishWith.KEEP


def test_the_other_charges_wait_for_the_next_retry() -> None:
    plan = card_plan(DunningPolicy(), FAILED, "UTC")
    assert held_until(plan, FAILED) == FAILED + timedelta(days=3)
    assert held_until(plan, FAILED + timedelta(days=3)) == FAILED + timedelta(days=6)
    assert held_until(plan, FAILED + timedelta(days=15)) == FAILED + timedelta(days=15)


def test_moments_keep_the_customers_wall_time_over_summer_time() -> None:
    failed = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
    plan = card_plan(DunningPolicy(retry_days=(1, 3)), failed, "Europe/Berlin")
    assert [moment.hour for moment in plan.moments] == [8, 8]


def test_an_invoice_is_overdue_when_its_due_date_is_over_where_the_customer_is() -> None:
    midnight = datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert overdue_start(date(2026, 2, 28), "Pacific/Auckland", midnight - timedelta(minutes=1)).day == 28
    assert overdue_start(date(2026, 2, 28), "UTC", midnight) == datetime(2026, 3, 1, tzinfo=UTC)


def test_days_before_the_process_could_begin_are_not_counted() -> None:
    now = datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert overdue_start(date(2026, 2, 28), "UTC", now) == now


def test_of_missed_reminders_the_latest_is_sent() -> None:
    plan = overdue_plan(DunningPolicy(), FAILED, "UTC")
    first = next_step(plan, None)
    assert (first.kind, first.number, first.at) == (StepKind.REMIND, 1, FAILED)
    assert latest_due(plan, first, FAILED).number == 1
    assert latest_due(plan, first, FAILED + timedelta(days=40)).number == 3
    end = next_step(plan, FAILED + timedelta(days=14))
    assert (end.kind, end.at) == (StepKind.FINISH, FAILED + timedelta(days=30))
    assert latest_due(plan, end, FAILED + timedelta(days=40)) == end


def test_nobody_is_disabled_where_the_brand_does_not() -> None:
    plan = overdue_plan(DunningPolicy(disable_after_days=None), FAILED, "UTC")
    assert (plan.finish_with, plan.finish_at) == (FinishWith.KEEP, FAILED + timedelta(days=14))


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (DunningPolicy(retry_days=(0, 3)), "retry_days"),
        (DunningPolicy(retry_days=(3, 2)), "retry_days"),
        (DunningPolicy(retry_days=tuple(range(1, 12))), "retry_days"),
        (DunningPolicy(retry_days=(366,)), "retry_days"),
        (DunningPolicy(reminder_days=(7, 7)), "reminder_days"),
        (DunningPolicy(disable_after_days=14), "disable_after_days"),
        (DunningPolicy(disable_after_days=366), "disable_after_days"),
        (DunningPolicy(reminder_days=(), disable_after_days=0), "disable_after_days"),
    ],
)
def test_a_policy_that_cannot_be(policy: DunningPolicy, field: str) -> None:
    assert list(policy_breaches(policy)) == [field]


rising = st.lists(st.integers(1, 60), unique=True, max_size=6).map(lambda numbers: tuple(sorted(numbers)))


@given(rising, st.lists(st.booleans(), max_size=40), st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"]))
def test_every_process_ends_and_never_retries_more_than_its_days(
    retry_days: tuple[int, ...], hards: list[bool], zone: str
) -> None:
    plan: Plan = card_plan(DunningPolicy(retry_days=retry_days), FAILED, zone)
    at, tries = FAILED, 0
    for is_hard in [*hards, *[False] * 10]:
        step = after_decline(plan, Decline(FailureReason.GENERAL_DECLINE, at, is_hard=is_hard))
        assert step.at >= at
        if step.kind is StepKind.FINISH:
            assert step.at == max(plan.finish_at, at)
            break
        tries += 1
        at = step.at
    else:
        pytest.fail("it does not end")
    assert tries <= len(retry_days)
    assert plan.kind is ProcessKind.CARD
