"""Whatever is given back in however many parts: it never exceeds the lines, and ends at exactly what they charged."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.giving_back import (
    Correction,
    GivenBack,
    LineRest,
    give_back,
    give_back_whole,
    less_corrections,
    rest_of,
    spread_gross,
)

JUNE = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@st.composite
def rests(draw: st.DrawFn, *, may_be_negative: bool = True) -> list[LineRest]:
    """Return an invoice's lines, taxed at a few rates, some with two parts of a tax, some with a discount."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        net, rate = draw(st.integers(0, 5_000)), draw(st.sampled_from([0, 7, 19, 20]))
        tax = net * rate // 100
        sign = draw(st.sampled_from([1, 1, -1])) if may_be_negative else 1
        split = draw(st.integers(0, tax))
        found.append(
            LineRest(
                line_id=uuid.UUID(int=number + 1),
                item_id=uuid.UUID(int=draw(st.integers(1, 3))),
                period_start=JUNE[0],
                period_end=JUNE[1],
                gross_minor=sign * (net + tax),
                tax_minor=sign * tax,
                discount_minor=sign * draw(st.integers(0, 500)),
                including_tax=draw(st.booleans()),
                tax_group=str(rate),
                tax_parts_minor=draw(st.sampled_from([(sign * tax,), (sign * split, sign * (tax - split))])),
            )
        )
    return found


def after(lines: list[LineRest], parts: tuple[GivenBack, ...]) -> list[LineRest]:
    """Return what lines charge once parts were given back."""
    by_id = {part.line_id: part for part in parts}
    left = []
    for line in lines:
        part = by_id.get(line.line_id)
        if part is None:
            left.append(line)
            continue
        left.append(
            replace(
                line,
                gross_minor=line.gross_minor - part.gross_minor,
                tax_minor=line.tax_minor - part.tax_minor,
                discount_minor=line.discount_minor - part.discount_minor,
                tax_parts_minor=tuple(
                    old - given for old, given in zip(line.tax_parts_minor, part.tax_parts_minor, strict=True)
                ),
            )
        )
    return left


def stay_within(lines: list[LineRest], left: list[LineRest]) -> None:
    for line, rest in zip(lines, left, strict=True):
        for whole, remains in (
            (line.gross_minor, rest.gross_minor),
            (line.tax_minor, rest.tax_minor),
            (line.gross_minor - line.tax_minor, rest.gross_minor - rest.tax_minor),
        ):
            assert min(0, whole) <= remains <= max(0, whole)


@given(lines=rests(), shares=st.lists(st.integers(1, 100), max_size=6))
def test_parts_of_any_size_end_at_what_the_lines_charged(lines: list[LineRest], shares: list[int]) -> None:
    left, given_minor = lines, 0
    for share in shares:
        amount = rest_of(left) * share // 100
        if amount <= 0:
            continue
        parts = give_back(left, spread_gross(left, amount))
        assert sum(part.gross_minor for part in parts) == amount
        assert all(sum(part.tax_parts_minor) == part.tax_minor for part in parts)
        left, given_minor = after(left, parts), given_minor + amount
        stay_within(lines, left)
    last = give_back_whole(left)
    assert given_minor + sum(part.gross_minor for part in last) == rest_of(lines)
    assert all((one.gross_minor, one.tax_minor, one.discount_minor) == (0, 0, 0) for one in after(left, last))


@given(lines=rests(may_be_negative=False), share=st.integers(1, 100))
def test_tax_is_rounded_once_for_lines_taxed_alike(lines: list[LineRest], share: int) -> None:
    amount = rest_of(lines) * share // 100
    if not amount:
        return
    parts = {part.line_id: part for part in give_back(lines, spread_gross(lines, amount))}
    for group in {line.tax_group for line in lines}:
        alike = [line for line in lines if line.tax_group == group and line.line_id in parts]
        exact = sum(line.tax_minor * parts[line.line_id].gross_minor / line.gross_minor for line in alike)
        assert abs(sum(parts[line.line_id].tax_minor for line in alike) - exact) <= 0.5 + 1e-6


@given(
    lines=rests(),
    credits=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4_000), st.integers(0, 600)), max_size=4),
)
def test_credits_that_name_no_line_never_leave_less_than_nothing(
    lines: list[LineRest], credits: list[tuple[int, int, int]]
) -> None:
    corrections = [Correction(uuid.UUID(int=item), JUNE[0], gross, min(tax, gross)) for item, gross, tax in credits]
    left = list(less_corrections(lines, corrections))
    stay_within(lines, left)
    positive = sum(max(line.gross_minor, 0) for line in lines)
    taken = min(positive, sum(one.gross_minor for one in corrections))
    assert rest_of(left) == rest_of(lines) - taken
    assert all(sum(rest.tax_parts_minor) == rest.tax_minor for rest in left)
