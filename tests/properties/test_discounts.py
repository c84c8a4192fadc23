"""What holds of discounts whatever the lines and vouchers are."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.rounding import round_half_away
from invoicing.domain.discounts import DiscountableLine, Voucher, apply_discounts

NOW, LATER = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
SUBSCRIPTIONS = st.sampled_from(["one", "two"])
PLANS = st.sampled_from(["basic", "pro", None])


@st.composite
def lines(draw: st.DrawFn) -> DiscountableLine:
    """Draw a line, prorated or not."""
    denominator = draw(st.integers(1, 366))
    return DiscountableLine(
        amount_minor=draw(st.integers(-(10**6), 10**8)),
        plan_id=draw(PLANS),
        discountable=draw(st.booleans()),
        fraction_numerator=draw(st.integers(1, denominator)),
        fraction_denominator=denominator,
        subscription_id=draw(SUBSCRIPTIONS),
        opens_period=draw(st.booleans()),
        opened_until=LATER,
    )


@st.composite
def vouchers(draw: st.DrawFn) -> Voucher:
    """Draw a voucher of any kind."""
    kind = draw(st.sampled_from(["percentage", "fixed_discount", "fixed_credit"]))
    duration = draw(st.sampled_from(["once", "repeating", "forever"]))
    return Voucher(
        voucher_id="voucher",
        redemption_id=str(draw(st.uuids())),
        kind=kind,
        percent=draw(st.decimals(1, 100, places=2)) if kind == "percentage" else None,
        amounts=(("USD", draw(st.integers(1, 10**8))),),
        minimums=(("USD", draw(st.integers(0, 10**6))),) if draw(st.booleans()) else (),
        duration=duration,
        remaining=None if duration == "forever" else draw(st.integers(0, 3)),
        plan_ids=frozenset(draw(st.sets(st.sampled_from(["basic", "pro"])))),
        counted=tuple(draw(st.dictionaries(SUBSCRIPTIONS, st.sampled_from([NOW, LATER]))).items()),
    )


LINES = st.lists(lines(), max_size=8)
VOUCHERS = st.lists(vouchers(), max_size=4)


@given(LINES, VOUCHERS)
def test_a_discount_never_exceeds_its_line(drawn: list[DiscountableLine], redeemed: list[Voucher]) -> None:
    outcome = apply_discounts(drawn, redeemed, "USD", NOW)
    for line, discount in zip(drawn, outcome.discounts_minor, strict=True):
        assert 0 <= discount <= max(line.amount_minor, 0)
        assert discount == 0 or line.discountable


@given(LINES, VOUCHERS)
def test_lines_and_vouchers_tell_the_same_sum(drawn: list[DiscountableLine], redeemed: list[Voucher]) -> None:
    outcome = apply_discounts(drawn, redeemed, "USD", NOW)
    for voucher in outcome.used:
        assert sum(voucher.line_discounts_minor) == voucher.discount_minor
    by_line = [sum(column) for column in zip(*(v.line_discounts_minor for v in outcome.used), strict=True)]
    assert list(outcome.discounts_minor) == (by_line or [0] * len(drawn))


@given(LINES, VOUCHERS)
def test_a_line_takes_one_voucher_of_each_scope(drawn: list[DiscountableLine], redeemed: list[Voucher]) -> None:
    scopes = {voucher.redemption_id: bool(voucher.plan_ids) for voucher in redeemed}
    outcome = apply_discounts(drawn, redeemed, "USD")
    order = [scopes[voucher.redemption_id] for voucher in outcome.used]
    assert order == sorted(order, reverse=True)
    assert order.count(False) <= 1
    for position in range(len(drawn)):
        takers = [scopes[v.redemption_id] for v in outcome.used if v.line_discounts_minor[position]]
        assert takers.count(True) <= 1


@given(LINES, st.decimals(1, 100, places=2))
def test_a_percentage_is_rounded_once_on_the_sum(drawn: list[DiscountableLine], percent: Decimal) -> None:
    voucher = Voucher("v", "r", "percentage", percent=percent, duration="forever")
    total = sum(line.amount_minor for line in drawn if line.discountable and line.amount_minor > 0)
    discount = sum(apply_discounts(drawn, [voucher], "USD").discounts_minor)
    assert discount == round_half_away(percent * total / 100)


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=8), st.integers(1, 10**9))
def test_a_fixed_discount_is_its_amount_or_the_sum(amounts: list[int], amount: int) -> None:
    voucher = Voucher("v", "r", "fixed_discount", amounts=(("USD", amount),), duration="forever")
    charged = [DiscountableLine(line_amount, None, True) for line_amount in amounts]
    assert sum(apply_discounts(charged, [voucher], "USD").discounts_minor) == min(amount, sum(amounts))


@given(LINES, VOUCHERS)
def test_lines_that_take_none_change_nothing(drawn: list[DiscountableLine], redeemed: list[Voucher]) -> None:
    stranger = DiscountableLine(10**6, "basic", False)
    outcome = apply_discounts([stranger, *drawn], redeemed, "USD")
    assert outcome.discounts_minor == (0, *apply_discounts(drawn, redeemed, "USD").discounts_minor)


@given(LINES, VOUCHERS)
def test_scoped_vouchers_keep_their_order_whatever_the_others_are(
    drawn: list[DiscountableLine], redeemed: list[Voucher]
) -> None:
    sorted_first = sorted(redeemed, key=lambda voucher: not voucher.plan_ids)
    assert apply_discounts(drawn, redeemed, "USD") == apply_discounts(drawn, sorted_first, "USD")
