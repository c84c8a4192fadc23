"""What of an invoice's lines is given back: worked by hand."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from invoicing.domain.giving_back import (
    Correction,
    LineRest,
    give_back,
    give_back_whole,
    less_corrections,
    spread_gross,
)

FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)
JUNE, JULY, AUGUST = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))
LINE = LineRest(
    line_id=FIRST,
    item_id=uuid.UUID(int=7),
    period_start=JUNE,
    period_end=JULY,
    gross_minor=1190,
    tax_minor=190,
    discount_minor=0,
    including_tax=False,
    tax_group="S|DE|19|without",
    tax_parts_minor=(190,),
)


def test_a_change_s_invoice_is_given_back_with_its_credit_line() -> None:
    """Half of -15.00 + 45.00: half of either."""
    lines = [replace(LINE, gross_minor=-1500, tax_minor=0, tax_parts_minor=())]
    lines.append(replace(lines[0], line_id=SECOND, gross_minor=4500))
    assert spread_gross(lines, 1500) == {FIRST: -750, SECOND: 2250}


def test_lines_of_two_rates_keep_their_own_tax() -> None:
    food = replace(LINE, line_id=SECOND, gross_minor=1070, tax_minor=70, tax_group="S|DE|7", tax_parts_minor=(70,))
    parts = give_back([LINE, food], {FIRST: 119, SECOND: 107})
    assert [(part.net_minor, part.tax_minor) for part in parts] == [(100, 19), (100, 7)]


def test_a_combined_rate_is_given_back_by_its_parts() -> None:
    """Quebec, 5 + 9.975: 130 of tax are 43 + 87; 500 of 1000 give back 65, 21.5 and 43.5."""
    line = replace(LINE, gross_minor=1000, tax_minor=130, tax_parts_minor=(43, 87))
    (part,) = give_back([line], {FIRST: 500})
    assert (part.tax_minor, part.tax_parts_minor) == (65, (22, 43))


def test_a_discount_goes_with_its_share() -> None:
    (part,) = give_back([replace(LINE, discount_minor=500)], {FIRST: 595})
    assert (part.net_minor, part.discount_minor, part.amount_minor) == (500, 250, 750)


def test_a_line_of_nothing_but_a_discount_is_given_back_whole() -> None:
    line = replace(LINE, gross_minor=0, tax_minor=0, discount_minor=1000, tax_parts_minor=(0,))
    (part,) = give_back_whole([line])
    assert (part.gross_minor, part.amount_minor, part.discount_minor) == (0, 1000, 1000)


@pytest.mark.parametrize("wanted", [{FIRST: 1191}, {FIRST: -1}, {FIRST: 0}, {SECOND: 1}])
def test_nothing_is_given_back_beyond_a_line(wanted: dict[uuid.UUID, int]) -> None:
    with pytest.raises(ValueError, match="cannot be given back"):
        give_back([LINE], wanted)


@pytest.mark.parametrize("gross", [0, -1, 1191])
def test_nothing_is_spread_beyond_the_lines(gross: int) -> None:
    with pytest.raises(ValueError, match="within 1190"):
        spread_gross([LINE], gross)


def test_a_proposal_s_credit_is_taken_from_the_period_it_falls_in() -> None:
    july = replace(LINE, line_id=SECOND, period_start=JULY, period_end=AUGUST)
    at = datetime(2026, 7, 16, tzinfo=UTC)
    june, after = less_corrections([LINE, july], [Correction(LINE.item_id, at, 595, 95)])
    assert june == LINE
    assert (after.gross_minor, after.tax_minor, after.tax_parts_minor) == (595, 95, (95,))


def test_what_is_over_is_taken_from_the_item_s_others_then_from_the_rest() -> None:
    other = replace(LINE, line_id=SECOND, item_id=uuid.UUID(int=8))
    left = less_corrections([other, LINE], [Correction(LINE.item_id, JUNE, 1200, 200)])
    assert [(rest.gross_minor, rest.tax_minor) for rest in left] == [(1180, 180), (0, 0)]


def test_a_credit_rounded_apart_may_exceed_its_line_by_a_unit() -> None:
    """Three times 999 carry 569 of tax; each credited alone 190."""
    (left,) = less_corrections(
        [replace(LINE, gross_minor=1188, tax_minor=189, tax_parts_minor=(189,))],
        [Correction(LINE.item_id, JUNE, 1189, 190)],
    )
    assert (left.gross_minor, left.tax_minor) == (0, 0)


def test_parts_that_do_not_sum_are_refused() -> None:
    with pytest.raises(ValueError, match="do not sum"):
        replace(LINE, tax_parts_minor=(1,))
