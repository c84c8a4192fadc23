"""What makes a voucher, and who may redeem it (Billing rules, section 6)."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from subscriptions.domain.postings import CREDIT_KIND, RETURN_KIND, voucher_credit
from subscriptions.domain.voucher import (
    AmountWanted,
    RedemptionCase,
    VoucherWanted,
    invoices_left,
    redemption_fault,
    voucher_faults,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = uuid.UUID(int=7)
HALF = VoucherWanted("Half", "percentage", code="HALF", percent=Decimal(50))
CREDIT = VoucherWanted("Credit", "fixed_credit", code="C", amounts=(AmountWanted("EUR", 500),))


@pytest.mark.parametrize(
    "voucher",
    [
        HALF,
        CREDIT,
        replace(HALF, duration="repeating", duration_count=3),
        replace(HALF, amounts=(AmountWanted("EUR", None, 1000),)),
        replace(HALF, entry="automatic", code="", event="expired_card_added"),
        replace(CREDIT, type="fixed_discount", duration="forever"),
    ],
)
def test_what_makes_a_voucher(voucher: VoucherWanted) -> None:
    assert voucher_faults(voucher) == {}


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"code": " "}, {"code"}),
        ({"event": "expired_card_added"}, {"event"}),
        ({"entry": "automatic"}, {"code", "event"}),
        ({"percent": None}, {"percent"}),
        ({"percent": Decimal("0.99")}, {"percent"}),
        ({"percent": Decimal("100.01")}, {"percent"}),
        ({"amounts": (AmountWanted("EUR", 5),)}, {"amounts.0.amount"}),
        ({"type": "fixed_discount"}, {"percent", "amounts"}),
        ({"type": "fixed_discount", "percent": None, "amounts": (AmountWanted("EUR", 0),)}, {"amounts.0.amount"}),
        (
            {"type": "fixed_discount", "percent": None, "amounts": (AmountWanted("EUR", 1), AmountWanted("EUR", 2))},
            {"amounts.1.currency"},
        ),
        ({"duration": "repeating"}, {"duration_count"}),
        ({"duration_count": 3}, {"duration_count"}),
    ],
)
def test_what_makes_none(change: dict[str, Any], faults: set[str]) -> None:
    assert set(voucher_faults(replace(HALF, **change))) == faults


def test_a_credit_is_given_once() -> None:
    assert set(voucher_faults(replace(CREDIT, duration="forever"))) == {"duration"}


OPEN_CASE = RedemptionCase(False, None, None, 0, True, False, frozenset(), frozenset())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"disabled": True}, "disabled"),
        ({"expires_at": NOW}, "expired"),
        ({"maximum_redemptions": 2, "redeemed": 2}, "exhausted"),
        ({"redeemed_by_customer": True}, "already"),
        ({"plan_ids": frozenset({PLAN})}, "plans"),
    ],
)
def test_each_bound_is_told(change: dict[str, Any], word: str) -> None:
    assert word in str(redemption_fault(replace(OPEN_CASE, **change), NOW))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"expires_at": NOW + timedelta(seconds=1)},
        {"maximum_redemptions": 2, "redeemed": 1},
        {"redeemed_by_customer": True, "once_per_customer": False},
        {"plan_ids": frozenset({PLAN}), "held_plan_ids": frozenset({PLAN, uuid.UUID(int=8)})},
    ],
)
def test_within_its_bounds_it_is_redeemed(change: dict[str, Any]) -> None:
    assert redemption_fault(replace(OPEN_CASE, **change), NOW) is None


def test_how_many_invoices_a_redemption_serves() -> None:
    assert invoices_left("percentage", "once", None) == 1
    assert invoices_left("fixed_discount", "repeating", 5) == 5
    assert invoices_left("percentage", "forever", None) is None
    assert invoices_left("fixed_credit", "once", None) == 0


def test_a_credit_and_its_return_cancel_in_the_books() -> None:
    given, taken = (
        voucher_credit(
            redemption_id=uuid.UUID(int=1),
            customer_id=uuid.UUID(int=2),
            currency="EUR",
            amount_minor=amount,
            posted_at=NOW,
            accounting_date=NOW.date(),
        )
        for amount in (500, -500)
    )
    assert (given.kind, taken.kind) == (CREDIT_KIND, RETURN_KIND)
    assert [p.amount_minor for p in given.postings] == [500, -500]
    assert [a.amount_minor + b.amount_minor for a, b in zip(given.postings, taken.postings, strict=True)] == [0, 0]
