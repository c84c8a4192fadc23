"""What a provider's charge means for restored rows: every state of the attempt times money or none."""

from datetime import UTC, datetime

import pytest

from billing.domain.payments import AttemptStatus, read_charge_key
from billing.domain.reconciliation import Finding, Recorded, Taken, Wanted, judge_recorded, judge_wanted

KEY = "charge:00000000-0000-0000-0000-000000000007:20260131T101700000000Z:EUR:item:2"


def taken(amount_minor: int) -> Taken:
    outcome = "succeeded" if amount_minor else "declined"
    return Taken("sandbox", KEY, "ch_1", amount_minor, "EUR", datetime(2026, 1, 31, tzinfo=UTC), outcome)


@pytest.mark.parametrize(
    ("status", "with_money", "without_money"),
    [
        (None, None, Finding.WITHOUT_MONEY),
        (AttemptStatus.SCHEDULED, None, Finding.WITHOUT_MONEY),
        (AttemptStatus.CALLING, None, Finding.WITHOUT_MONEY),
        (AttemptStatus.FAILED, Finding.DIFFERENT, Finding.MATCHED),
        (AttemptStatus.CANCELLED, Finding.DIFFERENT, Finding.MATCHED),
    ],
)
def test_a_charge_without_a_payment_here(
    status: AttemptStatus | None, with_money: Finding | None, without_money: Finding
) -> None:
    recorded = None if status is None else Recorded(status, 0, "EUR", "")
    assert judge_recorded(taken(1190), recorded) is with_money
    assert judge_recorded(taken(0), recorded) is without_money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "reference", "finding"),
    [
        (1190, "EUR", "ch_1", Finding.MATCHED),
        (1191, "EUR", "ch_1", Finding.DIFFERENT),
        (1190, "USD", "ch_1", Finding.DIFFERENT),
        (1190, "EUR", "ch_2", Finding.DIFFERENT),
    ],
)
def test_a_charge_that_was_paid_here(amount_minor: int, currency: str, reference: str, finding: Finding) -> None:
    paid = Recorded(AttemptStatus.SUCCEEDED, amount_minor, currency, reference)
    assert judge_recorded(taken(1190), paid) is finding
    assert judge_recorded(taken(0), paid) is Finding.DIFFERENT


@pytest.mark.parametrize(
    ("wanted", "finding"),
    [
        (None, Finding.UNKNOWN),
        (Wanted(1190, "EUR"), Finding.AHEAD),
        (Wanted(1189, "EUR"), Finding.DIFFERENT),
        (Wanted(1190, "USD"), Finding.DIFFERENT),
    ],
)
def test_what_will_be_asked_for_decides(wanted: Wanted | None, finding: Finding) -> None:
    assert judge_wanted(1190, "EUR", wanted) is finding


def test_attempts_at_one_invoice_share_their_stem() -> None:
    key = read_charge_key(KEY)
    assert key is not None
    assert key.stem == taken(0).stem == KEY.removesuffix(":2")


@pytest.mark.parametrize(
    "key",
    ["", "order-17", "charge:x:20260131T101700000000Z:EUR:item:1", f"{KEY[:-1]}x", KEY.replace("20260131T", "31.1.26")],
)
def test_a_key_of_somebody_else_is_not_read(key: str) -> None:
    assert read_charge_key(key) is None
