"""Vouchers: what makes one, and whether somebody may redeem it (Billing rules, section 6)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

EXPIRED_CARD_ADDED = "expired_card_added"
EVENTS = frozenset({EXPIRED_CARD_ADDED})
PERCENTAGE = "percentage"
FIXED_CREDIT = "fixed_credit"
REPEATING = "repeating"


@dataclass(frozen=True, slots=True)
class AmountWanted:
    """A voucher's amount, and the least discountable sum, in one currency; minor units."""

    currency: str
    amount_minor: int | None = None
    minimum_minor: int | None = None


@dataclass(frozen=True, slots=True)
class VoucherWanted:
    """A voucher as asked for; percent from 1 to 100, `duration_count` in invoices."""

    name: str
    type: str
    entry: str = "manual"
    code: str = ""
    event: str = ""
    percent: Decimal | None = None
    duration: str = "once"
    duration_count: int | None = None
    amounts: Sequence[AmountWanted] = ()
    plan_ids: Sequence[uuid.UUID] = ()
    expires_at: datetime | None = None
    maximum_redemptions: int | None = None
    once_per_customer: bool = True


def voucher_faults(wanted: VoucherWanted) -> dict[str, str]:
    """Return every reason why a voucher cannot be made, by field.

    >>> sorted(voucher_faults(VoucherWanted("Half", "percentage")))
    ['code', 'percent']
    """
    faults = _entry_faults(wanted) | _amount_faults(wanted)
    if wanted.type == FIXED_CREDIT and wanted.duration != "once":
        faults["duration"] = "a credit is given once"
    if wanted.duration == REPEATING and not wanted.duration_count:
        faults["duration_count"] = "is required for a repeating voucher"
    if wanted.duration != REPEATING and wanted.duration_count is not None:
        faults["duration_count"] = "belongs to repeating vouchers"
    return faults


def _entry_faults(wanted: VoucherWanted) -> dict[str, str]:
    if wanted.entry == "manual":
        faults = {} if wanted.code.strip() else {"code": "is required for a manual voucher"}
        return faults | ({"event": "belongs to automatic vouchers"} if wanted.event else {})
    faults = {"code": "belongs to manual vouchers"} if wanted.code else {}
    if wanted.event not in EVENTS:
        faults["event"] = "must be one of: " + ", ".join(sorted(EVENTS))
    return faults


def _amount_faults(wanted: VoucherWanted) -> dict[str, str]:
    faults: dict[str, str] = {}
    if wanted.type == PERCENTAGE:
        if wanted.percent is None:
            faults["percent"] = "is required for a percentage"
        elif not 1 <= wanted.percent <= 100:  # noqa: PLR2004 - the rule's own words: 1 to 100
            faults["percent"] = "must be between 1 and 100"
    elif wanted.percent is not None:
        faults["percent"] = "belongs to vouchers of type percentage"
    seen: set[str] = set()
    for position, amount in enumerate(wanted.amounts):
        if amount.currency in seen:
            faults[f"amounts.{position}.currency"] = "is given twice"
        seen.add(amount.currency)
        if wanted.type == PERCENTAGE and amount.amount_minor is not None:
            faults[f"amounts.{position}.amount"] = "belongs to no percentage; it may have a minimum"
        if wanted.type != PERCENTAGE and not amount.amount_minor:
            faults[f"amounts.{position}.amount"] = "must be above 0"
    if wanted.type != PERCENTAGE and not wanted.amounts:
        faults["amounts"] = "is required: an amount per currency"
    return faults


@dataclass(frozen=True, slots=True)
class RedemptionCase:
    """What decides whether a voucher may be redeemed: the voucher's bounds, and who asks.

    `plan_ids` are the voucher's plans (none: every plan), `held_plan_ids` those the customer has or is about to have.
    """

    disabled: bool
    expires_at: datetime | None
    maximum_redemptions: int | None
    redeemed: int
    once_per_customer: bool
    redeemed_by_customer: bool
    plan_ids: frozenset[uuid.UUID]
    held_plan_ids: frozenset[uuid.UUID]


def redemption_fault(case: RedemptionCase, now: datetime) -> str | None:
    """Return why a voucher cannot be redeemed now, in words, or None."""
    if case.disabled:
        return "the voucher is disabled"
    if case.expires_at is not None and case.expires_at <= now:
        return "the voucher has expired"
    if case.maximum_redemptions is not None and case.redeemed >= case.maximum_redemptions:
        return "the voucher is exhausted: it was redeemed as often as it may be"
    if case.once_per_customer and case.redeemed_by_customer:
        return "the customer has redeemed this voucher already"
    if case.plan_ids and not case.plan_ids & case.held_plan_ids:
        return "the voucher is for plans that the customer does not have"
    return None


def invoices_left(type_: str, duration: str, duration_count: int | None) -> int | None:
    """Return how many invoices a fresh redemption discounts, None for all to come; a credit discounts none.

    >>> invoices_left("percentage", "repeating", 3), invoices_left("percentage", "forever", None)
    (3, None)
    """
    if type_ == FIXED_CREDIT:
        return 0
    if duration == "forever":
        return None
    return duration_count if duration == REPEATING else 1
