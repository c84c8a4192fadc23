"""What holds of tax whatever the lines are."""

from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from core.domain.rounding import round_half_away
from invoicing.domain.tax import LineTax, TaxableLine, TaxPart, TaxTreatment, summarise, tax_lines

RATES = st.decimals(min_value=0, max_value=40, places=3)
AMOUNTS = st.integers(min_value=-(10**9), max_value=10**9)


@st.composite
def treatments(draw: st.DrawFn) -> TaxTreatment:
    """Draw a treatment of no, one or several rates."""
    rates = draw(st.lists(RATES, max_size=3))
    parts = tuple(TaxPart(None, "", f"CA-{place}", rate) for place, rate in enumerate(rates))
    return TaxTreatment("S" if any(rates) else "E", parts, "CA", "why", "code")


LINES = st.lists(treatments(), min_size=1, max_size=3).flatmap(
    lambda drawn: st.lists(st.builds(TaxableLine, AMOUNTS, st.booleans(), st.sampled_from(drawn)), max_size=12)
)


def groups(lines: list[TaxableLine], taxed: tuple[LineTax, ...]) -> list[list[tuple[TaxableLine, LineTax]]]:
    """Put lines that must be taxed together side by side, found another way than the code finds them."""
    found: dict[tuple[object, ...], list[tuple[TaxableLine, LineTax]]] = {}
    for line, tax in zip(lines, taxed, strict=True):
        rates = tuple((part.jurisdiction, part.rate) for part in line.treatment.parts)
        found.setdefault((line.treatment.category, line.inclusive, rates), []).append((line, tax))
    return list(found.values())


@given(LINES)
def test_a_group_s_tax_is_the_formula_on_its_sum(lines: list[TaxableLine]) -> None:
    for group in groups(lines, tax_lines(lines)):
        total = sum(line.amount_minor for line, _ in group)
        rate = Fraction(sum((part.rate for part in group[0][0].treatment.parts), Decimal(0))) / 100
        if group[0][0].inclusive:
            expected = total - round_half_away(total / (1 + rate))
        else:
            expected = round_half_away(total * rate)
        assert sum(tax.tax_minor for _, tax in group) == expected


@given(LINES)
def test_each_line_is_within_a_unit_of_its_exact_tax(lines: list[TaxableLine]) -> None:
    for line, tax in zip(lines, tax_lines(lines), strict=True):
        rate = Fraction(sum((part.rate for part in line.treatment.parts), Decimal(0))) / 100
        exact = line.amount_minor * rate / (1 + rate) if line.inclusive else line.amount_minor * rate
        assert abs(tax.tax_minor - exact) < 1
        given_side = tax.gross_minor if line.inclusive else tax.net_minor
        assert given_side == line.amount_minor


@given(LINES)
def test_each_part_is_near_its_share_of_the_line_and_of_the_group(lines: list[TaxableLine]) -> None:
    for group in groups(lines, tax_lines(lines)):
        rates = [part.rate for part in group[0][0].treatment.parts]
        group_tax = sum(tax.tax_minor for _, tax in group)
        for position, rate in enumerate(rates):
            share = Fraction(rate) / Fraction(sum(rates)) if rate else Fraction(0)
            assert abs(sum(tax.parts[position] for _, tax in group) - group_tax * share) < len(rates)
            for _, tax in group:
                assert abs(tax.parts[position] - tax.tax_minor * share) < len(rates)


@given(LINES)
def test_the_summary_sums_to_the_lines(lines: list[TaxableLine]) -> None:
    taxed = tax_lines(lines)
    rows = summarise(lines, taxed)
    assert sum(row.net_minor for row in rows) == sum(tax.net_minor for tax in taxed)
    assert sum(row.tax_minor for row in rows) == sum(tax.tax_minor for tax in taxed)
    for row in rows:
        assert sum(tax for _, tax in row.parts) == row.tax_minor
        assert row.rate == sum((part.rate for part, _ in row.parts), Decimal(0))


@given(LINES)
def test_a_reversed_invoice_cancels(lines: list[TaxableLine]) -> None:
    reversed_lines = [TaxableLine(-line.amount_minor, line.inclusive, line.treatment) for line in lines]
    whole, back = tax_lines(lines), tax_lines(reversed_lines)
    assert sum(tax.tax_minor for tax in whole) == -sum(tax.tax_minor for tax in back)
    both = tax_lines(lines + reversed_lines)
    assert sum(tax.tax_minor for tax in both) == 0
    assert sum(tax.gross_minor for tax in both) == 0


@given(LINES, st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_change_the_totals(lines: list[TaxableLine], random: Random) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert sum(tax.tax_minor for tax in tax_lines(lines)) == sum(tax.tax_minor for tax in tax_lines(shuffled))


@given(LINES)
def test_a_line_of_another_group_changes_nothing(lines: list[TaxableLine]) -> None:
    stranger = TaxTreatment("S", (TaxPart(None, "VAT", "DE", Decimal(41)),), "DE", "", "code")
    assert tax_lines([TaxableLine(333, False, stranger), *lines])[1:] == tax_lines(lines)


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=12), RATES, st.booleans())
def test_charges_never_take_negative_tax(amounts: list[int], rate: Decimal, inclusive: bool) -> None:
    treatment = TaxTreatment("S" if rate else "Z", (TaxPart(None, "", "DE", rate),), "DE", "", "code")
    for tax in tax_lines([TaxableLine(amount, inclusive, treatment) for amount in amounts]):
        assert tax.tax_minor >= 0
        assert tax.net_minor >= 0
