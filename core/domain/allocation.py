"""Splitting a whole over parts by largest remainder, so that the parts always sum to the whole.

Billing rules, section 1: floor each part, the missing units go to the largest fractions, ties to the earlier part.
"""

from collections.abc import Sequence


def allocate(total: int, numerators: Sequence[int], denominator: int) -> tuple[int, ...]:
    """Split a total over parts whose exact sizes are numerators[i] / denominator, in the same unit as the total.

    Billing rules, section 1. The parts may be of mixed sign; they sum to the total exactly. Raises ValueError unless
    the denominator is above 0 and the total is reached by adding at most one unit to each floored part.

    >>> allocate(569, (999 * 19,) * 3, 100)  # 19 % of three lines of 999
    (190, 190, 189)
    >>> allocate(0, (3000 * 19, -3000 * 19), 100)
    (570, -570)
    """
    if denominator <= 0:
        raise ValueError(f"the denominator must be above 0, not {denominator}")
    parts = [numerator // denominator for numerator in numerators]
    missing = total - sum(parts)
    if missing == 0:
        return tuple(parts)
    if not 0 < missing <= len(parts):
        raise ValueError(f"{total} is not within one unit a part of the sum of {len(parts)} parts")
    # A stable sort leaves equal fractions in their order, so that ties go to the earlier part.
    by_fraction = sorted(range(len(parts)), key=lambda index: -(numerators[index] % denominator))
    for index in by_fraction[:missing]:
        parts[index] += 1
    return tuple(parts)


def allocate_by_weight(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split a total, which may be negative, over parts in proportion to their weights.

    Billing rules, section 1. A part of weight 0 gets 0. Raises ValueError when a weight is negative or all are 0.

    >>> allocate_by_weight(100, (1, 1, 1))
    (34, 33, 33)
    >>> allocate_by_weight(-100, (2, 0, 1))
    (-67, 0, -33)
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight must not be negative")
    whole = sum(weights)
    if whole == 0:
        raise ValueError("at least one weight must be above 0")
    return allocate(total, tuple(total * weight for weight in weights), whole)
