"""The amounts of tax on one invoice (Billing rules, section 7).

Tax is computed once per group and then split over the group's lines, so what the lines say always sums to what the
invoice says. A group is everything that is taxed alike: category, country, rate of every part, inclusive or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from core.domain.allocation import allocate
from core.domain.rounding import divide_half_away


class Category(StrEnum):
    """The VAT category of a line, as EN 16931 (code list UNCL 5305) writes it."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


_CATEGORIES = frozenset(str(category) for category in Category)


@dataclass(frozen=True, slots=True)
class TaxPart:
    """One of the rates that add up to a line's rate: the country's, or a state's on top of it.

    `rate` is in percent. Raises ValueError unless it is finite and 0 or more, TypeError unless it is a Decimal.
    """

    rule_id: str | None
    name: str
    jurisdiction: str
    rate: Decimal

    def __post_init__(self) -> None:
        # Called through the class, so that a float is refused too.
        if not Decimal.is_finite(self.rate) or self.rate < 0:
            raise ValueError(f"a tax rate is a finite Decimal of 0 or more, not {self.rate!r}")


@lru_cache(maxsize=4096)
def _integer_rates(rates: tuple[Decimal, ...]) -> tuple[tuple[int, ...], int]:
    """Write percentages as integer fractions over one denominator.

    >>> _integer_rates((Decimal("5"), Decimal("9.975")))
    ((5000, 9975), 100000)
    """
    ratios = [rate.as_integer_ratio() for rate in rates]
    places = max((-min(int(rate.as_tuple().exponent), 0) for rate in rates), default=0)
    scale: int = 10**places
    return tuple(numerator * scale // denominator for numerator, denominator in ratios), 100 * scale


@dataclass(frozen=True, slots=True)
class TaxTreatment:
    """How one line is taxed, and why.

    `country` is the country the tax is payable to, "" when there is none. `reason` says why there is no tax, or whose
    rule was used; `code` is the stable word of the decision. `rate` is the sum of the parts, in percent.

    Raises ValueError when it could not be right: an unknown category, a rate on an untaxed category, category S
    without a rate, or an untaxed line without its reason (all but Z, which is a rate of nought).
    """

    category: str
    parts: tuple[TaxPart, ...]
    country: str
    reason: str
    code: str
    warning: str = ""
    rate: Decimal = field(init=False, compare=False)
    numerators: tuple[int, ...] = field(init=False, compare=False, repr=False)
    denominator: int = field(init=False, compare=False, repr=False)
    group_key: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        rates = tuple(part.rate for part in self.parts)
        rate = sum(rates, Decimal(0))
        if self.category not in _CATEGORIES:
            raise ValueError(f"unknown tax category {self.category!r}")
        if (self.category == Category.STANDARD) != (rate > 0):
            raise ValueError(f"category {self.category} cannot carry a rate of {rate} %")
        if not self.reason and self.category not in (Category.STANDARD, Category.ZERO_RATED):
            raise ValueError(f"category {self.category} needs a reason")
        numerators, denominator = _integer_rates(rates)
        # A string, because its hash is computed once; normalised, so 19 and 19.00 are one rate.
        places = ";".join(f"{part.jurisdiction}={part.rate.normalize():f}" for part in self.parts)
        object.__setattr__(self, "rate", rate)
        object.__setattr__(self, "numerators", numerators)
        object.__setattr__(self, "denominator", denominator)
        object.__setattr__(self, "group_key", f"{self.category}|{self.country}|{places}")


class TaxableLine(Struct, frozen=True):
    """A line's amount after discount, with tax in it when `inclusive`, without when not."""

    amount_minor: int
    inclusive: bool
    treatment: TaxTreatment


class LineTax(Struct, frozen=True):
    """A taxed line; `parts` holds the tax of each part of its treatment, in order.

    Raises ValueError unless net + tax = gross and the parts sum to the tax.
    """

    net_minor: int
    tax_minor: int
    gross_minor: int
    parts: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.net_minor + self.tax_minor != self.gross_minor:
            raise ValueError(f"{self.net_minor} + {self.tax_minor} is not {self.gross_minor}")
        if sum(self.parts) != self.tax_minor:
            raise ValueError(f"the parts {self.parts} do not sum to {self.tax_minor}")


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """One row of an invoice's tax summary; `parts` pairs each part with its tax in minor units."""

    category: str
    rate: Decimal
    country: str
    net_minor: int
    tax_minor: int
    reason: str
    parts: tuple[tuple[TaxPart, int], ...]


def tax_lines(lines: Sequence[TaxableLine]) -> tuple[LineTax, ...]:
    """Tax the lines of one invoice, in their order.

    Exclusive: tax = round(net x rate). Inclusive: net = round(gross / (1 + rate)), tax = gross - net. Both on the
    group's sum; the lines share the group's tax by largest remainder (Billing rules, sections 1 and 7).

    >>> rule = TaxPart("7", "VAT", "DE", Decimal(19))
    >>> vat = TaxTreatment("S", (rule,), "DE", "Tax rules of DE", "domestic")
    >>> [taxed.tax_minor for taxed in tax_lines([TaxableLine(999, False, vat)] * 3)]
    [190, 190, 189]
    >>> [taxed.tax_minor for taxed in tax_lines([TaxableLine(3000, False, vat), TaxableLine(-3000, False, vat)])]
    [570, -570]
    >>> tax_lines([TaxableLine(1199, True, vat)])
    (LineTax(net_minor=1008, tax_minor=191, gross_minor=1199, parts=(191,)),)
    """
    groups: dict[tuple[str, bool], list[int]] = {}
    for position, line in enumerate(lines):
        groups.setdefault((line.treatment.group_key, line.inclusive), []).append(position)
    taxed: dict[int, LineTax] = {}
    for positions in groups.values():
        taxed.update(zip(positions, _tax_group([lines[position] for position in positions]), strict=True))
    return tuple(taxed[position] for position in range(len(lines)))


def summarise(lines: Sequence[TaxableLine], taxes: Sequence[LineTax]) -> tuple[TaxGroup, ...]:
    """Sum the taxed lines per category, country and rate, in order of first appearance.

    Inclusive and exclusive lines of one rate share a row, as a tax summary shows them. Where lines of a row have
    different reasons, the row names each once. Raises ValueError when there is not one tax per line.
    """
    rows: dict[str, list[tuple[TaxableLine, LineTax]]] = {}
    for line, tax in zip(lines, taxes, strict=True):
        rows.setdefault(line.treatment.group_key, []).append((line, tax))
    return tuple(_summarise_row(row) for row in rows.values())


def _summarise_row(row: list[tuple[TaxableLine, LineTax]]) -> TaxGroup:
    """Sum the lines of one row."""
    treatment = row[0][0].treatment
    part_sums = [sum(column) for column in zip(*(tax.parts for _, tax in row), strict=True)]
    reasons = dict.fromkeys(line.treatment.reason for line, _ in row if line.treatment.reason)
    return TaxGroup(
        category=treatment.category,
        rate=treatment.rate,
        country=treatment.country,
        net_minor=sum(tax.net_minor for _, tax in row),
        tax_minor=sum(tax.tax_minor for _, tax in row),
        reason="; ".join(reasons),
        parts=tuple(zip(treatment.parts, part_sums, strict=True)),
    )


def _tax_group(group: list[TaxableLine]) -> list[LineTax]:
    """Tax lines that share a treatment and a mode."""
    treatment = group[0].treatment
    inclusive = group[0].inclusive
    rate = sum(treatment.numerators)
    whole = treatment.denominator
    amounts = [line.amount_minor for line in group]
    if rate == 0:
        no_tax = (0,) * len(treatment.parts)
        return [LineTax(amount, 0, amount, no_tax) for amount in amounts]
    total = sum(amounts)
    if inclusive:
        base = whole + rate
        group_tax = total - divide_half_away(total * whole, base)
    else:
        base = whole
        group_tax = divide_half_away(total * rate, base)
    taxes = allocate(group_tax, [amount * rate for amount in amounts], base) if len(group) > 1 else (group_tax,)
    parts = _split_into_parts(group_tax, taxes, treatment.numerators)
    if inclusive:
        return [LineTax(a - tax, tax, a, part) for a, tax, part in zip(amounts, taxes, parts, strict=True)]
    return [LineTax(a, tax, a + tax, part) for a, tax, part in zip(amounts, taxes, parts, strict=True)]


def _split_into_parts(group_tax: int, taxes: Sequence[int], numerators: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Split every line's tax over the parts of a combined rate.

    The group's tax is split over the parts first, by largest remainder, one part against the rest; then each part over
    the lines. So a part's lines sum to the part, and a line's parts sum to its tax. 130 at 5 + 9.975 % is 43 + 87.
    """
    if len(numerators) == 1:
        return [(tax,) for tax in taxes]
    columns: list[Sequence[int]] = []
    rest, rest_total, weight = taxes, group_tax, sum(numerators)
    for numerator in numerators[:-1]:
        if numerator == 0:
            columns.append((0,) * len(taxes))
            continue
        part_total = allocate(rest_total, (rest_total * numerator, rest_total * (weight - numerator)), weight)[0]
        column = allocate(part_total, [tax * numerator for tax in rest], weight)
        columns.append(column)
        rest = [tax - taken for tax, taken in zip(rest, column, strict=True)]
        rest_total -= part_total
        weight -= numerator
    columns.append(rest)
    return list(zip(*columns, strict=True))
