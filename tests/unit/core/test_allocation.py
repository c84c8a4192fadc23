"""Splitting by largest remainder. Billing rules, sections 1 and 7."""

import pytest

from core.domain.allocation import allocate, allocate_by_weight


def test_tax_of_three_equal_lines_sums_to_the_tax_of_the_whole() -> None:
    assert allocate(569, (999 * 19,) * 3, 100) == (190, 190, 189)


def test_opposite_lines_cancel() -> None:
    assert allocate(0, (3000 * 19, -3000 * 19), 100) == (570, -570)


def test_mixed_signs_floor_towards_minus_infinity_and_sum() -> None:
    assert allocate(0, (999 * 19, -999 * 19), 100) == (190, -190)
    assert allocate(-1, (-5, 3, -8), 10) == (0, 0, -1)


def test_quebec_parts_split_alike() -> None:
    assert allocate_by_weight(130, (5000, 9975)) == (43, 87)


def test_missing_units_go_to_the_largest_fractions_not_to_the_first() -> None:
    assert allocate(2, (1, 7, 8), 10) == (0, 1, 1)


def test_ties_go_to_the_earlier_part() -> None:
    assert allocate(2, (5, 5, 5, 5), 10) == (1, 1, 0, 0)
    assert allocate(-2, (-5, -5, -5, -5), 10) == (0, 0, -1, -1)


def test_exact_parts_stay_as_they_are() -> None:
    assert allocate(6, (10, 20, 30), 10) == (1, 2, 3)


def test_nothing_splits_over_nobody() -> None:
    assert allocate(0, (), 10) == ()


@pytest.mark.parametrize("total", [-1, 4])
def test_a_total_beyond_one_unit_a_part_is_refused(total: int) -> None:
    with pytest.raises(ValueError, match="not within one unit"):
        allocate(total, (5, 5, 5), 10)


@pytest.mark.parametrize("denominator", [0, -10])
def test_a_denominator_must_be_positive(denominator: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        allocate(1, (5, 5), denominator)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (-100, (2, 0, 1), (-67, 0, -33)),
        (0, (1, 2), (0, 0)),
        (5, (0, 7), (0, 5)),
        (5, (0, 1), (0, 5)),
        (500, (2000, 3000), (200, 300)),
    ],
)
def test_weights(total: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    assert allocate_by_weight(total, weights) == parts


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        allocate_by_weight(10, (1, -1, 5))


@pytest.mark.parametrize("weights", [(), (0, 0)])
def test_without_a_weight_there_is_no_split(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one weight must be above 0"):
        allocate_by_weight(10, weights)
