"""Dated tax rules follow each other (Billing rules, section 7)."""

import uuid
from datetime import date

import pytest

from invoicing.domain.rule_dates import RuleSpan, place_rule

OPEN = RuleSpan(uuid.UUID(int=1), date(2020, 1, 1))
CLOSED = RuleSpan(uuid.UUID(int=2), date(2018, 1, 1), date(2019, 1, 1))


def new(start: date, end: date | None = None) -> RuleSpan:
    """Return a rule that is placed."""
    return RuleSpan(uuid.UUID(int=9), start, end)


def test_a_later_rule_closes_the_open_one() -> None:
    assert place_rule(new(date(2020, 7, 1)), [CLOSED, OPEN]) == (OPEN.rule_id, None)
    assert place_rule(new(date(2020, 7, 1), date(2021, 1, 1)), [OPEN]) == (OPEN.rule_id, None)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2017, 1, 1), date(2018, 1, 1)),
        (date(2019, 1, 1), date(2020, 1, 1)),
        (date(2019, 6, 1), date(2019, 7, 1)),
    ],
)
def test_a_rule_between_or_before_touches_none(start: date, end: date) -> None:
    assert place_rule(new(start, end), [CLOSED, OPEN]) == (None, None)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2018, 12, 31), date(2019, 6, 1)),
        (date(2017, 1, 1), date(2018, 1, 2)),
        (date(2017, 1, 1), date(2030, 1, 1)),
        (date(2019, 6, 1), None),
        (date(2020, 1, 1), None),
        (date(2018, 3, 1), date(2018, 4, 1)),
    ],
)
def test_a_day_belongs_to_one_rule(start: date, end: date | None) -> None:
    closed, fault = place_rule(new(start, end), [CLOSED, OPEN])
    assert closed is None
    assert fault is not None
    assert fault.startswith("overlaps")
