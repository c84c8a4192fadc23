"""Vouchers on an invoice (Billing rules, section 6)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from invoicing.domain.discounts import DiscountableLine, Voucher, apply_discounts

HALF = Voucher("half", "half-1", "percentage", percent=Decimal(50), duration="forever")
FIVE = Voucher("five", "five-1", "fixed_discount", amounts=(("USD", 500), ("GBP", 400)), duration="forever")


MIDDLE, END = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def line(amount: int, plan: str | None = "plan", *, discountable: bool = True) -> DiscountableLine:
    """A line of a whole period of subscription `s`, which it opens."""
    return DiscountableLine(amount, plan, discountable, subscription_id="s", opened_until=END)


def inside(amount: int, subscription: str = "s") -> DiscountableLine:
    """A line inside a period."""
    return DiscountableLine(amount, "plan", True, subscription_id=subscription, opens_period=False)


def discounts(lines: list[DiscountableLine], *vouchers: Voucher) -> tuple[int, ...]:
    """The discount of each line, in dollars."""
    return apply_discounts(lines, vouchers, "USD", MIDDLE).discounts_minor


def used(lines: list[DiscountableLine], *vouchers: Voucher, at: datetime = MIDDLE) -> list[tuple[str, int, bool]]:
    """Redemption, discount and whether it consumes, of each voucher that served."""
    outcome = apply_discounts(lines, vouchers, "USD", at)
    return [(voucher.redemption_id, voucher.discount_minor, voucher.consumes) for voucher in outcome.used]


def limited(voucher: Voucher, duration: str, remaining: int, *, period_counted: bool = False) -> Voucher:
    """The voucher with a limited duration; the running period of subscription `s` was counted, or not."""
    return replace(voucher, duration=duration, remaining=remaining, counted=(("s", END),) if period_counted else ())


@pytest.mark.parametrize(
    ("percent", "amounts", "expected"),
    [
        ("50", [1000], (500,)),
        ("100", [1000, 1], (1000, 1)),
        ("12.5", [1000], (125,)),
        ("50", [1], (1,)),  # 0.5 -> 1
        ("33", [1], (0,)),
        ("10", [333, 333, 333], (34, 33, 33)),  # round(99.9) = 100, ties to the earlier
        ("10", [335, 334, 331], (34, 33, 33)),
        ("50", [], ()),
        ("50", [0], (0,)),
    ],
)
def test_percentage(percent: str, amounts: list[int], expected: tuple[int, ...]) -> None:
    voucher = replace(HALF, percent=Decimal(percent))
    assert discounts([line(amount) for amount in amounts], voucher) == expected


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([2000], (500,)),
        ([500], (500,)),
        ([300], (300,)),  # never below 0
        ([300, 100], (300, 100)),
        ([1000, 1000, 1000], (167, 167, 166)),
        ([2000, 0, 1000], (333, 0, 167)),
    ],
)
def test_fixed_discount(amounts: list[int], expected: tuple[int, ...]) -> None:
    assert discounts([line(amount) for amount in amounts], FIVE) == expected


def test_fixed_discount_is_prorated_with_the_price() -> None:
    """20.00 less 5.00 -> 30.00 less 5.00 at half: +12.50; -7.50 is the credit line's own."""
    credit = DiscountableLine(-750, "plan", discountable=False)
    charge = DiscountableLine(1500, "plan", True, 15, 30)
    assert discounts([credit, charge], FIVE) == (0, 250)


def test_prorated_and_whole_lines_share_a_fixed_discount_by_their_full_prices() -> None:
    """30.00 at half and 70.00 whole: 5.00 x 85 / 100 = 4.25, split 0.75 and 3.50."""
    assert discounts([DiscountableLine(1500, "plan", True, 1, 2), line(7000)], FIVE) == (75, 350)


def test_fixed_discount_needs_an_amount_in_the_currency() -> None:
    assert apply_discounts([line(2000)], [FIVE], "GBP").discounts_minor == (400,)
    outcome = apply_discounts([line(2000)], [FIVE], "EUR")
    assert (outcome.discounts_minor, outcome.used) == ((0,), ())


def test_only_positive_discountable_charges() -> None:
    lines = [line(1000), line(-400), line(1000, discountable=False), line(0)]
    assert discounts(lines, HALF) == (500, 0, 0, 0)
    assert used([line(-400), line(0), line(1000, discountable=False)], HALF) == []


def test_fixed_credit_is_no_discount() -> None:
    credit = Voucher("credit", "credit-1", "fixed_credit", amounts=(("USD", 1000),), duration="once", remaining=1)
    assert used([line(1000)], credit) == []
    assert used([line(1000)], credit, HALF) == [("half-1", 500, False)]


def test_nothing_without_vouchers() -> None:
    assert discounts([line(1000), line(-1)]) == (0, 0)


class TestScope:
    """One voucher per scope, plan-scoped first, each on the rest."""

    scoped = replace(HALF, redemption_id="scoped", plan_ids=frozenset({"plan"}))

    def test_only_the_plan_s_lines(self) -> None:
        assert discounts([line(1000), line(1000, "other"), line(1000, None)], self.scoped) == (500, 0, 0)

    @pytest.mark.parametrize("scoped_first", [True, False])
    def test_plan_scoped_first_then_on_the_rest(self, scoped_first: bool) -> None:
        vouchers = (self.scoped, FIVE) if scoped_first else (FIVE, self.scoped)
        assert used([line(1000), line(1500, "other")], *vouchers) == [("scoped", 500, False), ("five-1", 500, False)]
        assert discounts([line(1000), line(1500, "other")], *vouchers) == (500 + 125, 375)

    def test_one_for_every_plan(self) -> None:
        assert used([line(1000)], HALF, FIVE) == [("half-1", 500, False)]
        assert used([line(1000)], FIVE, HALF) == [("five-1", 500, False)]

    def test_one_per_plan(self) -> None:
        second = replace(FIVE, plan_ids=frozenset({"plan"}))
        assert used([line(1000)], self.scoped, second) == [("scoped", 500, False)]

    def test_each_plan_its_own(self) -> None:
        second = replace(FIVE, plan_ids=frozenset({"other"}))
        assert discounts([line(1000), line(1000, "other")], self.scoped, second) == (500, 500)

    def test_overlapping_scopes_do_not_meet_on_a_line(self) -> None:
        second = replace(FIVE, plan_ids=frozenset({"plan", "other"}))
        assert discounts([line(1000), line(1000, "other")], self.scoped, second) == (500, 500)

    def test_one_that_waits_leaves_its_place_to_the_next(self) -> None:
        waiting = replace(FIVE, minimums=(("USD", 1001),))
        assert used([line(1000)], waiting, HALF) == [("half-1", 500, False)]

    def test_nothing_is_left_for_the_second(self) -> None:
        whole = replace(self.scoped, percent=Decimal(100))
        second = limited(HALF, "once", 1)
        assert used([line(1000)], whole, second) == [("scoped", 1000, False)]


class TestMinimum:
    """Below it the voucher waits."""

    @pytest.mark.parametrize(("amount", "expected"), [(999, 0), (1000, 500), (1001, 501)])
    def test_is_reached_exactly(self, amount: int, expected: int) -> None:
        assert discounts([line(amount)], replace(HALF, minimums=(("USD", 1000),))) == (expected,)

    def test_counts_discountable_lines_only(self) -> None:
        voucher = replace(HALF, minimums=(("USD", 1000),))
        assert discounts([line(999), line(500, discountable=False), line(-500)], voucher) == (0, 0, 0)

    def test_counts_the_voucher_s_scope_only(self) -> None:
        voucher = replace(HALF, minimums=(("USD", 1000),), plan_ids=frozenset({"plan"}))
        assert discounts([line(999), line(1000, "other")], voucher) == (0, 0)

    def test_is_judged_before_other_discounts(self) -> None:
        scoped = replace(HALF, plan_ids=frozenset({"plan"}))
        voucher = replace(FIVE, minimums=(("USD", 1000),))
        assert discounts([line(1000)], scoped, voucher) == (1000,)

    def test_of_another_currency_does_not_matter(self) -> None:
        assert discounts([line(100)], replace(HALF, minimums=(("GBP", 1000),))) == (50,)

    def test_keeps_the_voucher_for_later(self) -> None:
        assert used([line(999)], limited(replace(HALF, minimums=(("USD", 1000),)), "once", 1)) == []


class TestDuration:
    """Which invoices a voucher serves and which of them it counts."""

    @pytest.mark.parametrize("duration", ["once", "repeating"])
    def test_an_invoice_that_opens_a_period_is_counted(self, duration: str) -> None:
        assert used([line(1000)], limited(HALF, duration, 1)) == [("half-1", 500, True)]

    @pytest.mark.parametrize("duration", ["once", "repeating"])
    def test_none_is_left(self, duration: str) -> None:
        assert used([line(1000)], limited(HALF, duration, 0)) == []

    @pytest.mark.parametrize("duration", ["once", "repeating"])
    def test_an_invoice_without_discountable_sum_is_not_counted(self, duration: str) -> None:
        assert used([line(0), line(-5)], limited(HALF, duration, 1)) == []

    def test_a_discount_that_rounds_to_nothing_is_counted(self) -> None:
        assert used([line(1)], limited(replace(HALF, percent=Decimal(1)), "once", 1)) == [("half-1", 0, True)]

    def test_forever_consumes_nothing(self) -> None:
        assert used([line(1000)], HALF) == [("half-1", 500, False)]
        assert used([inside(1000)], HALF) == [("half-1", 500, False)]

    @pytest.mark.parametrize("remaining", [2, 0])
    def test_repeating_is_shared_inside_a_counted_period(self, remaining: int) -> None:
        voucher = limited(HALF, "repeating", remaining, period_counted=True)
        assert used([inside(1000)], voucher) == [("half-1", 500, False)]

    def test_repeating_waits_for_the_next_period(self) -> None:
        assert used([inside(1000)], limited(HALF, "repeating", 2)) == []

    def test_a_counted_period_gives_no_right_to_another(self) -> None:
        voucher = limited(HALF, "repeating", 0, period_counted=True)
        assert used([line(1000)], voucher, at=END) == []
        assert used([inside(1000, "another")], voucher) == []

    def test_what_another_subscription_opens_beside_it_is_not_shared(self) -> None:
        """The third of three was given; another subscription renews on the same invoice."""
        renewal = replace(line(3000), subscription_id="another")
        assert discounts([inside(1000), renewal], limited(HALF, "repeating", 0, period_counted=True)) == (500, 0)

    def test_a_plan_that_opens_nothing_does_not_count(self) -> None:
        scoped = replace(limited(HALF, "repeating", 2), plan_ids=frozenset({"plan"}))
        assert used([inside(1000), replace(line(3000), plan_id="another")], scoped) == []

    def test_it_remembers_the_periods_that_it_counted(self) -> None:
        other = replace(line(3000), subscription_id="another", opened_until=MIDDLE)
        (used_voucher,) = apply_discounts([line(1000), line(5), other], [limited(HALF, "repeating", 2)], "USD").used
        assert used_voucher.counted == (("s", END), ("another", MIDDLE))
        (once,) = apply_discounts([line(1000)], [limited(HALF, "once", 1)], "USD").used
        assert once.counted == ()

    @pytest.mark.parametrize("counted", [True, False])
    def test_once_is_one_invoice(self, counted: bool) -> None:
        """1000 less 50 % once, billed 500, -> 3000 after 15 of 30 days: -250 + 1500."""
        voucher = limited(HALF, "once", 0 if counted else 1, period_counted=counted)
        lines = [
            replace(inside(-250), discountable=False),
            replace(inside(1500), fraction_numerator=15, fraction_denominator=30),
        ]
        assert discounts(lines, voucher) == (0, 0)


def test_used_vouchers_name_their_lines() -> None:
    scoped = replace(HALF, voucher_id="scoped", plan_ids=frozenset({"plan"}))
    outcome = apply_discounts([line(1000), line(500, None)], [scoped, FIVE], "USD")
    assert [(voucher.voucher_id, voucher.line_discounts_minor) for voucher in outcome.used] == [
        ("scoped", (500, 0)),
        ("five", (250, 250)),
    ]


@pytest.mark.parametrize("percent", [None, Decimal("0.99"), Decimal("100.01"), Decimal(-5)])
def test_percentages_that_cannot_be(percent: Decimal | None) -> None:
    replace(HALF, percent=Decimal(1)), replace(HALF, percent=Decimal(100))
    with pytest.raises(ValueError, match="percentage"):
        replace(HALF, percent=percent)


@pytest.mark.parametrize(("duration", "remaining"), [("once", None), ("repeating", None), ("forever", 1)])
def test_durations_that_cannot_be(duration: str, remaining: int | None) -> None:
    with pytest.raises(ValueError, match="duration"):
        replace(HALF, duration=duration, remaining=remaining)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 30), (15, 0), (-1, -2)])
def test_fractions_that_cannot_be(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="fraction"):
        DiscountableLine(100, None, True, numerator, denominator)
