"""The worked numbers of Billing rules, sections 1 and 7, and what must not be built."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.tax import LineTax, TaxableLine, TaxPart, TaxTreatment, summarise, tax_lines


def vat(rate: str, country: str = "DE", category: str = "S", rule_id: str = "rule", reason: str = "") -> TaxTreatment:
    """A treatment of one rate."""
    return TaxTreatment(category, (TaxPart(rule_id, "VAT", country, Decimal(rate)),), country, reason, "domestic")


QUEBEC = TaxTreatment(
    "S",
    (TaxPart("gst", "GST", "CA", Decimal(5)), TaxPart("qst", "QST", "CA-QC", Decimal("9.975"))),
    "CA",
    "Tax rules of CA and CA-QC",
    "destination",
)
EXEMPT = TaxTreatment("E", (), "", "The customer is exempt from tax", "exempt")


def amounts(taxed: tuple[LineTax, ...]) -> list[tuple[int, int, int]]:
    """Net, tax and gross of each line."""
    return [(line.net_minor, line.tax_minor, line.gross_minor) for line in taxed]


@pytest.mark.parametrize(
    ("amount", "rate", "inclusive", "net", "tax"),
    [
        (1199, "19", True, 1008, 191),
        (1199, "19", False, 1199, 228),
        (22345, "20", True, 18621, 3724),
        (1234500, "7.5", False, 1234500, 92588),
        (1234500, "7.5", True, 1148372, 86128),
        (-1199, "19", True, -1008, -191),
        (-1199, "19", False, -1199, -228),
        (50, "1", False, 50, 1),  # 0.5 -> 1
        (-50, "1", False, -50, -1),  # -0.5 -> -1
        (49, "1", False, 49, 0),
        (3, "20", True, 3, 0),  # the net is rounded, 2.5 -> 3; the tax is what is left
        (0, "19", False, 0, 0),
        (0, "19", True, 0, 0),
        (1000, "0", True, 1000, 0),
        (1000, "0", False, 1000, 0),
    ],
)
def test_one_line(amount: int, rate: str, inclusive: bool, net: int, tax: int) -> None:
    treatment = vat(rate, category="S" if Decimal(rate) else "Z")
    (taxed,) = tax_lines([TaxableLine(amount, inclusive, treatment)])
    assert amounts((taxed,)) == [(net, tax, net + tax)]
    assert taxed.parts == (tax,)


def test_group_is_rounded_once() -> None:
    """999 x 3 at 19 % is 569, where three lines rounded alone would be 570."""
    taxed = tax_lines([TaxableLine(999, False, vat("19"))] * 3)
    assert [line.tax_minor for line in taxed] == [190, 190, 189]
    assert sum(line.tax_minor for line in tax_lines([TaxableLine(999, False, vat("19"))])) * 3 == 570


def test_mixed_signs_cancel() -> None:
    taxed = tax_lines([TaxableLine(3000, False, vat("19")), TaxableLine(-3000, False, vat("19"))])
    assert [line.tax_minor for line in taxed] == [570, -570]


def test_mixed_signs_cancel_where_the_lines_do_not_come_out_even() -> None:
    """189.81 and -189.81: the floors are 189 and -190, the missing unit goes to the larger fraction."""
    taxed = tax_lines([TaxableLine(999, False, vat("19")), TaxableLine(-999, False, vat("19"))])
    assert [line.tax_minor for line in taxed] == [190, -190]


def test_inclusive_group_is_rounded_once() -> None:
    """3 x 100 at 19 %: net round(252.10) = 252, tax 48, split alike; alone each line's tax would be 16 too."""
    taxed = tax_lines([TaxableLine(100, True, vat("19"))] * 3)
    assert [line.tax_minor for line in taxed] == [16, 16, 16]
    taxed = tax_lines([TaxableLine(10, True, vat("19"))] * 3)
    assert sum(line.net_minor for line in taxed) == 25
    assert [line.tax_minor for line in taxed] == [2, 2, 1]


def test_quebec_splits_its_parts_alike() -> None:
    (taxed,) = tax_lines([TaxableLine(1000, True, QUEBEC)])
    assert amounts((taxed,)) == [(870, 130, 1000)]
    assert taxed.parts == (43, 87)


def test_quebec_lines_sum_to_the_parts_and_the_parts_to_the_lines() -> None:
    lines = [TaxableLine(333, True, QUEBEC), TaxableLine(333, True, QUEBEC), TaxableLine(334, True, QUEBEC)]
    taxed = tax_lines(lines)
    assert sum(line.tax_minor for line in taxed) == 130
    assert [sum(line.parts[part] for line in taxed) for part in (0, 1)] == [43, 87]


@pytest.mark.parametrize("rates", [("5", "0", "3"), ("0", "5"), ("5", "0"), ("5", "3", "2.5"), ("5", "0", "0")])
def test_any_number_of_parts(rates: tuple[str, ...]) -> None:
    parts = tuple(TaxPart(None, rate, f"US-{place}", Decimal(rate)) for place, rate in enumerate(rates))
    treatment = TaxTreatment("S", parts, "US", "", "domestic")
    taxed = tax_lines([TaxableLine(amount, False, treatment) for amount in (101, -37, 999)])
    for position, rate in enumerate(rates):
        part = sum(line.parts[position] for line in taxed)
        assert abs(part - 1063 * Decimal(rate) / 100) <= 1
        assert part == 0 or rate != "0"


def test_groups_are_apart() -> None:
    """Mode, rate, country and category each make a group; the rule's id and its noughts do not."""
    line = TaxableLine(999, False, vat("19"))
    alike = [line, TaxableLine(999, False, vat("19.00", rule_id="other")), line]
    assert sum(taxed.tax_minor for taxed in tax_lines(alike)) == 569
    for other in (
        TaxableLine(999, True, vat("19")),
        TaxableLine(999, False, vat("19.01")),
        TaxableLine(999, False, vat("19", country="CY")),
        TaxableLine(999, False, EXEMPT),
    ):
        taxed = tax_lines([line, other, line])
        assert taxed[0].tax_minor + taxed[2].tax_minor == 380
        assert taxed[1] == tax_lines([other])[0]


def test_a_line_of_nothing_takes_no_tax() -> None:
    taxed = tax_lines([TaxableLine(0, False, vat("19")), TaxableLine(999, False, vat("19"))])
    assert [line.tax_minor for line in taxed] == [0, 190]


def test_untaxed_lines_have_no_parts() -> None:
    assert tax_lines([TaxableLine(500, True, EXEMPT)]) == (LineTax(500, 0, 500, ()),)
    assert tax_lines([]) == ()


def test_summary_has_one_row_per_rate() -> None:
    lines = [
        TaxableLine(1199, True, vat("19")),
        TaxableLine(500, False, EXEMPT),
        TaxableLine(1000, False, vat("19.0")),
        TaxableLine(1000, True, QUEBEC),
    ]
    first, second, third = summarise(lines, tax_lines(lines))
    assert (first.category, first.rate, first.country) == ("S", Decimal(19), "DE")
    assert (first.net_minor, first.tax_minor) == (2008, 381)
    assert (second.category, second.net_minor, second.tax_minor, second.parts) == ("E", 500, 0, ())
    assert second.reason == "The customer is exempt from tax"
    assert third.rate == Decimal("14.975")
    assert [(part.name, tax) for part, tax in third.parts] == [("GST", 43), ("QST", 87)]


def test_summary_names_each_reason_once() -> None:
    other = TaxTreatment("E", (), "", "Small business", "not_collecting")
    lines = [TaxableLine(100, False, EXEMPT), TaxableLine(100, False, other), TaxableLine(100, False, EXEMPT)]
    (row,) = summarise(lines, tax_lines(lines))
    assert row.reason == "The customer is exempt from tax; Small business"


def test_summary_wants_a_tax_for_each_line() -> None:
    line = TaxableLine(100, False, EXEMPT)
    with pytest.raises(ValueError, match="shorter"):
        summarise([line, line], tax_lines([line]))


@pytest.mark.parametrize("rate", [Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_rates_that_cannot_be(rate: Decimal) -> None:
    with pytest.raises(ValueError, match="tax rate"):
        TaxPart(None, "VAT", "DE", rate)


@pytest.mark.parametrize("rate", [19.0, 19])
def test_rates_are_decimals(rate: Any) -> None:
    with pytest.raises(TypeError):
        TaxPart(None, "VAT", "DE", rate)


@pytest.mark.parametrize(
    ("category", "rate", "reason", "complaint"),
    [
        ("X", "0", "why", "unknown"),
        ("S", "0", "why", "cannot carry"),
        ("Z", "19", "why", "cannot carry"),
        ("AE", "19", "why", "cannot carry"),
        ("E", "0", "", "reason"),
        ("AE", "0", "", "reason"),
        ("K", "0", "", "reason"),
        ("G", "0", "", "reason"),
        ("O", "0", "", "reason"),
    ],
)
def test_treatments_that_cannot_be(category: str, rate: str, reason: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        vat(rate, category=category, reason=reason)


def test_treatments_that_need_no_reason() -> None:
    assert vat("19").rate == Decimal(19)
    assert vat("0", category="Z").rate == Decimal(0)


@pytest.mark.parametrize(("gross", "parts"), [(118, (19,)), (119, (18,)), (119, ())])
def test_taxed_lines_that_cannot_be(gross: int, parts: tuple[int, ...]) -> None:
    LineTax(100, 19, 119, (19,))
    with pytest.raises(ValueError, match="not"):
        LineTax(100, 19, gross, parts)
