"""The parts sum to the whole, each within a unit of its exact share, and ties go to the earlier. Section 1."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.domain.allocation import allocate, allocate_by_weight
from core.domain.rounding import divide_half_away

numerators = st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=30)
denominators = st.integers(1, 10**12)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any)
totals = st.integers(-(10**15), 10**15)


@given(numerators, denominators)
def test_parts_sum_to_the_whole_and_stay_within_a_unit(numerators: list[int], denominator: int) -> None:
    total = divide_half_away(sum(numerators), denominator)
    parts = allocate(total, numerators, denominator)
    assert sum(parts) == total
    for part, numerator in zip(parts, numerators, strict=True):
        assert abs(part - Fraction(numerator, denominator)) < 1


@given(numerators, denominators)
def test_a_larger_fraction_is_never_passed_over(numerators: list[int], denominator: int) -> None:
    parts = allocate(divide_half_away(sum(numerators), denominator), numerators, denominator)
    got_one = [part - numerator // denominator for part, numerator in zip(parts, numerators, strict=True)]
    ranked = sorted(range(len(parts)), key=lambda index: (-(numerators[index] % denominator), index))
    assert [got_one[index] for index in ranked] == sorted(got_one, reverse=True)


@given(st.integers(-(10**9), 10**9), st.integers(1, 20), denominators)
def test_equal_parts_differ_by_a_unit_at_most_the_earlier_first(numerator: int, parts: int, denominator: int) -> None:
    split = allocate(divide_half_away(numerator * parts, denominator), (numerator,) * parts, denominator)
    assert list(split) == sorted(split, reverse=True)
    assert max(split) - min(split) <= 1


@given(numerators, denominators)
def test_lines_and_their_reversal_sum_to_nothing(numerators: list[int], denominator: int) -> None:
    both = numerators + [-numerator for numerator in numerators]
    assert sum(allocate(0, both, denominator)) == 0


@given(totals, weights)
def test_weights_split_any_total(total: int, weights: list[int]) -> None:
    parts = allocate_by_weight(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        if weight == 0:
            assert part == 0


@given(totals, weights, st.integers(1, 1000))
def test_only_the_proportion_of_the_weights_counts(total: int, weights: list[int], factor: int) -> None:
    assert allocate_by_weight(total, weights) == allocate_by_weight(total, [weight * factor for weight in weights])
