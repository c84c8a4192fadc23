"""Attempts as values: every move, every reason, where money goes, how keys are made."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing.domain.payments import (
    AttemptAction,
    AttemptStatus,
    FailureReason,
    InvalidAttemptTransition,
    PaymentSplit,
    Retry,
    charge_key_stem,
    failure_reason,
    first_charge_key,
    next_attempt_status,
    next_charge_key,
    pause_before_asking,
    retry_after,
    split_payment,
)
from billing.domain.postings import ReceivedMoney, payment_entry
from billing.models import PaymentAttempt
from tests.state_walk import check_every_move

ALLOWED = {
    ("scheduled", "claim"): "calling",
    ("scheduled", "cancel"): "cancelled",
    ("calling", "claim"): "calling",
    ("calling", "succeed"): "succeeded",
    ("calling", "fail"): "failed",
    ("calling", "cancel"): "cancelled",
    ("failed", "revive"): "calling",
    ("cancelled", "revive"): "calling",
}
MOMENT = datetime(2026, 1, 31, 10, 17, tzinfo=UTC)


def test_every_move_of_an_attempt() -> None:
    check_every_move(
        next_attempt_status, ALLOWED, InvalidAttemptTransition, statuses=AttemptStatus, actions=AttemptAction
    )


def test_the_rows_use_the_same_words() -> None:
    assert set(PaymentAttempt.Status.values) == set(AttemptStatus)
    assert set(PaymentAttempt.FailureReason.values) == set(FailureReason)


@pytest.mark.parametrize("word", [*FailureReason, "do_not_honour", ""])
def test_every_word_of_a_provider_is_one_of_eight(word: str) -> None:
    assert failure_reason(word) == (word if word in set(FailureReason) else "general_decline")


@pytest.mark.parametrize("reason", FailureReason)
def test_what_may_follow_a_failure(reason: FailureReason) -> None:
    special = {
        FailureReason.FRAUD: Retry.NEW_CARD,
        FailureReason.INVALID_CARD: Retry.NEW_CARD,
        FailureReason.AUTHENTICATION_REQUIRED: Retry.CUSTOMER_CONFIRMS,
    }
    assert retry_after(reason) == special.get(reason, Retry.LATER)


def test_a_hard_decline_needs_another_card_whatever_its_reason() -> None:
    assert retry_after(FailureReason.GENERAL_DECLINE, hard=True) is Retry.NEW_CARD


@pytest.mark.parametrize(
    ("amount", "due", "split"),
    [(1190, 1190, (1190, 0)), (400, 1190, (400, 0)), (1500, 1190, (1190, 310)), (5, 0, (0, 5))],
)
def test_a_payment_is_split(amount: int, due: int, split: tuple[int, int]) -> None:
    assert split_payment(amount, due) == PaymentSplit(*split)


@pytest.mark.parametrize(("amount", "due"), [(0, 100), (-1, 100), (100, -1)])
def test_what_is_no_payment_is_refused(amount: int, due: int) -> None:
    with pytest.raises(ValueError, match="payment of"):
        split_payment(amount, due)


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_before_asking(calls).total_seconds() for calls in range(10)]
    assert pauses == [30, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert pause_before_asking(10**9) == timedelta(hours=1)


def test_a_key_is_the_same_in_every_zone_and_for_every_row() -> None:
    customer_id = uuid.uuid4()
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert first_charge_key(customer_id, MOMENT, "EUR", "x") == first_charge_key(customer_id, elsewhere, "EUR", "x")
    assert first_charge_key(customer_id, MOMENT, "EUR", "x").startswith(charge_key_stem(customer_id, MOMENT))


def test_keys_differ_by_every_fact() -> None:
    customer_id = uuid.uuid4()
    keys = {
        first_charge_key(customer_id, MOMENT, "EUR", "x"),
        first_charge_key(uuid.uuid4(), MOMENT, "EUR", "x"),
        first_charge_key(customer_id, MOMENT + timedelta(microseconds=1), "EUR", "x"),
        first_charge_key(customer_id, MOMENT, "USD", "x"),
        first_charge_key(customer_id, MOMENT, "EUR", "y"),
        next_charge_key(first_charge_key(customer_id, MOMENT, "EUR", "x"), 2),
        next_charge_key(first_charge_key(customer_id, MOMENT, "EUR", "x"), 3),
    }
    assert len(keys) == 7
    assert max(map(len, keys)) <= 255


def test_a_key_needs_a_zone_and_a_number_above_one() -> None:
    with pytest.raises(ValueError, match="aware"):
        charge_key_stem(uuid.uuid4(), MOMENT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="first attempt"):
        next_charge_key("charge:a:b:1", 1)


@pytest.mark.parametrize("fee_minor", [0, 18])
@pytest.mark.parametrize("split", [PaymentSplit(1190, 0), PaymentSplit(0, 50), PaymentSplit(1190, 310)])
def test_the_entry_of_a_payment_balances_without_empty_postings(split: PaymentSplit, fee_minor: int) -> None:
    received = ReceivedMoney(uuid.uuid4(), uuid.uuid4(), "EUR", split, fee_minor)
    entry = payment_entry(received, posted_at=MOMENT, accounting_date=MOMENT.date())
    assert sum(posting.amount_minor for posting in entry.postings) == 0
    assert all(posting.amount_minor for posting in entry.postings)
    assert (entry.kind, entry.object_id, entry.customer_id) == ("payment", received.payment_id, received.customer_id)
