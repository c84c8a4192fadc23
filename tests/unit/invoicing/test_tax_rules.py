"""Dated rates, their look-up, and thresholds (Billing rules, section 7)."""

from datetime import date
from decimal import Decimal

import pytest

from invoicing.domain.tax_rules import (
    CountryRules,
    DatedRate,
    RuleOverlap,
    StateRules,
    TaxRules,
    add_rule,
)

JANUARY, JULY, NEXT_JANUARY = date(2020, 1, 1), date(2020, 7, 1), date(2021, 1, 1)


def rate(percent: str, start: date | None = None, end: date | None = None, tax_type: str = "standard") -> DatedRate:
    """A dated rate."""
    return DatedRate(f"rule-{percent}", tax_type, Decimal(percent), start, end)


def days(rates: tuple[DatedRate, ...]) -> list[tuple[str, date | None, date | None]]:
    """Rate, first day and last day of each."""
    return [(str(item.rate), item.valid_from, item.valid_until) for item in rates]


def test_a_new_rule_closes_the_open_one() -> None:
    assert days(add_rule((rate("19", JANUARY),), rate("16", JULY))) == [("19", JANUARY, JULY), ("16", JULY, None)]


def test_a_new_rule_closes_one_open_on_both_sides() -> None:
    assert days(add_rule((rate("19"),), rate("16", JULY, NEXT_JANUARY))) == [
        ("19", None, JULY),
        ("16", JULY, NEXT_JANUARY),
    ]


def test_rules_of_another_type_stay_open() -> None:
    reduced = rate("7", JANUARY, tax_type="reduced")
    assert add_rule((reduced,), rate("16", JULY)) == (reduced, rate("16", JULY))


def test_rules_that_meet_end_to_start_do_not_overlap() -> None:
    before, after = rate("19", JANUARY, JULY), rate("19", NEXT_JANUARY)
    assert add_rule((before, after), rate("16", JULY, NEXT_JANUARY)) == (before, after, rate("16", JULY, NEXT_JANUARY))
    assert add_rule((rate("16", JULY),), rate("19", None, JULY)) == (rate("16", JULY), rate("19", None, JULY))
    assert add_rule((), rate("19")) == (rate("19"),)


@pytest.mark.parametrize(
    ("existing", "new"),
    [
        (rate("19", JULY), rate("16", JULY)),  # the same day: nothing would be left of the old one
        (rate("19"), rate("16")),
        (rate("19", JULY), rate("16", JANUARY)),  # an open one before a later one
        (rate("19", JULY), rate("16")),
        (rate("19", JANUARY, NEXT_JANUARY), rate("16", JULY)),  # a closed one is not cut
        (rate("19", JULY, NEXT_JANUARY), rate("16", JANUARY, NEXT_JANUARY)),
        (rate("19", JULY, NEXT_JANUARY), rate("16", None, NEXT_JANUARY)),
    ],
)
def test_rules_that_overlap_are_refused(existing: DatedRate, new: DatedRate) -> None:
    with pytest.raises(RuleOverlap):
        add_rule((existing,), new)


def test_a_refused_rule_names_both() -> None:
    with pytest.raises(RuleOverlap, match="16 % from ever meets 19 % from 2020-07-01"):
        add_rule((rate("19", JULY),), rate("16"))


@pytest.mark.parametrize("end", [JANUARY, date(2019, 12, 31)])
def test_a_rate_that_holds_on_no_day_cannot_be(end: date) -> None:
    rate("19", JANUARY, date(2020, 1, 2))
    with pytest.raises(ValueError, match="cannot end"):
        rate("19", JANUARY, end)


@pytest.mark.parametrize("percent", ["-1", "NaN"])
def test_a_rate_that_cannot_be(percent: str) -> None:
    with pytest.raises(ValueError, match="tax rate"):
        rate(percent)


GERMANY = CountryRules(
    "DE",
    rates=(
        rate("19", None, JULY),
        rate("16", JULY, NEXT_JANUARY),
        rate("19.0", NEXT_JANUARY),
        rate("7", JULY, None, "reduced"),
    ),
    states=(StateRules("BY", rates=(rate("1", JULY),)),),
)
RULES = TaxRules("standard", (GERMANY,))


@pytest.mark.parametrize(
    ("tax_type", "at", "expected"),
    [
        ("standard", date(2020, 6, 30), "19"),
        ("standard", date(2020, 7, 1), "16"),
        ("standard", date(2020, 7, 15), "16"),
        ("standard", date(2020, 12, 31), "16"),
        ("standard", date(2021, 1, 1), "19.0"),
        ("reduced", date(2020, 7, 1), "7"),
        ("reduced", date(2020, 6, 30), "19"),  # no rule of its own that day: the default type's
        ("books", date(2020, 7, 1), "16"),
    ],
)
def test_the_rate_of_a_day(tax_type: str, at: date, expected: str) -> None:
    part = RULES.find_part("DE", tax_type, at)
    assert part is not None
    assert (str(part.rate), part.rule_id, part.jurisdiction) == (expected, f"rule-{expected}", "DE")


def test_a_state_has_rates_of_its_own() -> None:
    part = RULES.find_part("DE-BY", "standard", JULY)
    assert part is not None
    assert (part.rate, part.jurisdiction) == (Decimal(1), "DE-BY")


@pytest.mark.parametrize(("place", "at"), [("FR", JULY), ("DE-BY", JANUARY), ("DE-HH", JULY)])
def test_no_rate_where_none_holds(place: str, at: date) -> None:
    assert RULES.find_part(place, "standard", at) is None


def test_a_place_appears_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        TaxRules("standard", (CountryRules("DE"), CountryRules("DE")))
    with pytest.raises(ValueError, match="twice"):
        TaxRules("standard", (CountryRules("US", states=(StateRules("NY"), StateRules("NY"))),))


def test_places_are_looked_up() -> None:
    assert RULES.find_country("DE") is GERMANY
    assert RULES.find_country("FR") is None
    assert RULES.find_state("DE", "BY") is GERMANY.states[0]
    assert RULES.find_state("DE", "") is None
