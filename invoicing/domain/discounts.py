"""What vouchers take off an invoice before tax (Billing rules, section 6).

Plan-scoped vouchers come first, then one for every plan; each works on what the earlier ones left. Within a scope the
caller's order (the oldest redemption first) decides, and the others wait. Credit (`fixed_credit`) goes onto the
balance after tax and is no discount: such vouchers are passed over here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from core.domain.allocation import allocate_by_weight
from core.domain.rounding import round_half_away

_MOST_PERCENT = 100


class VoucherKind(StrEnum):
    """What a voucher gives."""

    PERCENTAGE = "percentage"
    FIXED_DISCOUNT = "fixed_discount"
    FIXED_CREDIT = "fixed_credit"


class VoucherDuration(StrEnum):
    """How many of the invoices that open a period a voucher serves."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Voucher:
    """One redeemed voucher as one invoice sees it.

    `amounts` and `minimums` pair a currency with minor units. `remaining` counts the invoices it may still serve, None
    for ever. `plan_ids` empty means every plan. `counted` names the subscriptions with a period that was opened by an
    invoice this voucher served, and its end. Raises ValueError when it could not be right: a percentage outside 1 to
    100, a limited duration without a count.
    """

    voucher_id: str
    redemption_id: str
    kind: str
    percent: Decimal | None = None
    amounts: tuple[tuple[str, int], ...] = ()
    minimums: tuple[tuple[str, int], ...] = ()
    duration: str = VoucherDuration.ONCE
    remaining: int | None = None
    plan_ids: frozenset[str] = frozenset()
    counted: tuple[tuple[str, datetime], ...] = ()

    def __post_init__(self) -> None:
        if self.kind == VoucherKind.PERCENTAGE and (self.percent is None or not 1 <= self.percent <= _MOST_PERCENT):
            raise ValueError(f"a percentage lies between 1 and 100, not {self.percent}")
        if (self.duration == VoucherDuration.FOREVER) != (self.remaining is None):
            raise ValueError(f"a voucher of duration {self.duration} cannot have {self.remaining} invoices left")


@dataclass(frozen=True, slots=True)
class DiscountableLine:
    """A line before its discount; only positive, discountable ones take one.

    The fraction is the line's proration, 17 of 31: a fixed discount shrinks with the price. `opens_period` is true of
    what a subscription owes where a period of it begins, until `opened_until`, and of manual invoices.
    Raises ValueError unless both integers of the fraction are above 0.
    """

    amount_minor: int
    plan_id: str | None
    discountable: bool
    fraction_numerator: int = 1
    fraction_denominator: int = 1
    subscription_id: str | None = None
    opens_period: bool = True
    opened_until: datetime | None = None

    def __post_init__(self) -> None:
        if self.fraction_numerator <= 0 or self.fraction_denominator <= 0:
            raise ValueError("a proration fraction has two integers above 0")


@dataclass(frozen=True, slots=True)
class UsedVoucher:
    """A voucher that served this invoice; `consumes` says that it has one invoice less left afterwards.

    `counted` are the periods that a `repeating` one counts by it: subscription and end. `shared_over` are the places of
    the lines among which its discount was split, with what it gives: a percentage or an amount in minor units.
    """

    voucher_id: str
    redemption_id: str
    discount_minor: int
    line_discounts_minor: tuple[int, ...]
    consumes: bool
    counted: tuple[tuple[str, datetime], ...] = ()
    shared_over: tuple[int, ...] = field(default=(), compare=False)
    percent: Decimal | None = field(default=None, compare=False)
    fixed_minor: int | None = field(default=None, compare=False)
    is_scoped: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class DiscountOutcome:
    """The discount of each line, 0 or more, and the vouchers that gave it, in the order they were applied."""

    discounts_minor: tuple[int, ...]
    used: tuple[UsedVoucher, ...]


def apply_discounts(
    lines: Sequence[DiscountableLine], vouchers: Sequence[Voucher], currency: str, at: datetime | None = None
) -> DiscountOutcome:
    """Apply the vouchers of a customer to one invoice's lines; `at` is the moment the invoice answers.

    `once` and `repeating` serve, and count, invoices that open a period of what is in their scope, and manual ones. An
    invoice inside a period shares the discount of a `repeating` voucher that counted the period, and consumes nothing.

    A line takes at most one plan-scoped voucher and one for every plan. `minimum` is judged on the sum of the
    discountable lines in the voucher's scope, before any discount.

    >>> half = Voucher("v", "r", "percentage", percent=Decimal(50), remaining=1)
    >>> apply_discounts([DiscountableLine(1000, "plan", True)], [half], "USD").discounts_minor
    (500,)
    >>> five = Voucher("v", "r", "fixed_discount", amounts=(("USD", 500),), duration="forever")
    >>> apply_discounts([DiscountableLine(1500, "plan", True, 15, 30)], [five], "USD").discounts_minor
    (250,)
    """
    eligible = [max(line.amount_minor, 0) if line.discountable else 0 for line in lines]
    rest = list(eligible)
    free_for_scoped, free_for_all = set(range(len(lines))), set(range(len(lines)))
    used: list[UsedVoucher] = []
    for voucher in sorted(vouchers, key=lambda voucher: not voucher.plan_ids):
        free = free_for_scoped if voucher.plan_ids else free_for_all
        planned = {position for position in free if not voucher.plan_ids or lines[position].plan_id in voucher.plan_ids}
        scope, consumes = _served(voucher, lines, planned, at)
        if not _is_enough(voucher, currency, sum(eligible[position] for position in scope)):
            continue
        weights = [amount if position in scope else 0 for position, amount in enumerate(rest)]
        discount = _discount_minor(voucher, currency, lines, weights)
        if discount is None:
            continue
        discounts = allocate_by_weight(discount, weights)
        rest = [amount - part for amount, part in zip(rest, discounts, strict=True)]
        free -= planned
        counted = _counted(lines, scope) if consumes and voucher.duration == VoucherDuration.REPEATING else ()
        used.append(
            UsedVoucher(
                voucher.voucher_id,
                voucher.redemption_id,
                discount,
                discounts,
                consumes,
                counted,
                shared_over=tuple(position for position, weight in enumerate(weights) if weight),
                percent=voucher.percent if voucher.kind == VoucherKind.PERCENTAGE else None,
                fixed_minor=None if voucher.kind == VoucherKind.PERCENTAGE else dict(voucher.amounts)[currency],
                is_scoped=bool(voucher.plan_ids),
            )
        )
    totals = tuple(amount - left for amount, left in zip(eligible, rest, strict=True))
    return DiscountOutcome(discounts_minor=totals, used=tuple(used))


def _served(
    voucher: Voucher, lines: Sequence[DiscountableLine], planned: set[int], at: datetime | None
) -> tuple[set[int], bool]:
    """Return which of the lines of its plans a voucher serves, and whether that consumes one of its invoices."""
    if voucher.kind == VoucherKind.FIXED_CREDIT:
        return set(), False
    if voucher.remaining is None:
        return planned, False
    opening = (line for position in planned if (line := lines[position]).discountable and line.amount_minor > 0)
    if voucher.remaining and any(line.opens_period for line in opening):
        return planned, True
    if voucher.duration != VoucherDuration.REPEATING or at is None:
        return set(), False
    running = {subscription for subscription, until in voucher.counted if at < until}
    return {position for position in planned if lines[position].subscription_id in running}, False


def _counted(lines: Sequence[DiscountableLine], scope: set[int]) -> tuple[tuple[str, datetime], ...]:
    """Return the periods that the served lines open."""
    served = (lines[position] for position in sorted(scope))
    opened = ((line.subscription_id, line.opened_until) for line in served if line.opens_period)
    return tuple(dict.fromkeys((one, until) for one, until in opened if one is not None and until is not None))


def _is_enough(voucher: Voucher, currency: str, discountable_minor: int) -> bool:
    """Say whether what a voucher serves reaches its minimum."""
    return discountable_minor > 0 and discountable_minor >= dict(voucher.minimums).get(currency, 0)


def _discount_minor(
    voucher: Voucher, currency: str, lines: Sequence[DiscountableLine], weights: Sequence[int]
) -> int | None:
    """Compute a voucher's whole discount on the amounts left, or None when it must wait.

    It waits when nothing is left to discount or when it has no amount in the invoice's currency.
    """
    if sum(weights) == 0:
        return None
    if voucher.kind == VoucherKind.PERCENTAGE:
        return percentage_of(voucher.percent or Decimal(0), weights)
    amount = dict(voucher.amounts).get(currency, 0)
    if amount <= 0:
        return None
    shares = [Fraction(line.fraction_numerator, line.fraction_denominator) for line in lines]
    return fixed_off(amount, weights, shares)


def percentage_of(percent: Decimal, amounts_minor: Sequence[int]) -> int:
    """Return what a percentage takes off amounts together, rounded once.

    >>> percentage_of(Decimal("12.5"), [100, 1])
    13
    """
    return round_half_away(Fraction(percent) * sum(amounts_minor) / _MOST_PERCENT)


def fixed_off(amount_minor: int, amounts_minor: Sequence[int], shares: Sequence[Fraction]) -> int:
    """Return what a fixed discount takes off amounts together, at most what they are.

    It belongs to full prices: amounts prorated by their `shares` take round(D x sum of amounts / sum of full amounts).

    >>> fixed_off(500, [1500], [Fraction(15, 30)])
    250
    """
    total = sum(amounts_minor)
    full = sum((amount / share for amount, share in zip(amounts_minor, shares, strict=True) if amount), Fraction(0))
    return min(total, round_half_away(amount_minor * total / full))
