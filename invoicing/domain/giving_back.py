"""What of an invoice's lines is given back by hand, by a refund or by a void (Billing rules, sections 1, 8 and 9).

Amounts are minor units of the invoice's currency, signed as the invoice has them. The tax given back is the lines' own
stored tax: whole lines give back exactly what they charged, in however many parts.
"""

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from core.domain.allocation import allocate
from core.domain.rounding import round_half_away


@dataclass(frozen=True, slots=True)
class LineRest:
    """What a line of an invoice still charges: gross, the tax in it and its parts, and the discount behind it.

    `tax_group` is alike for lines taxed alike. Raises ValueError when the tax parts do not sum to the tax.
    """

    line_id: uuid.UUID
    item_id: uuid.UUID | None
    period_start: datetime | None
    period_end: datetime | None
    gross_minor: int
    tax_minor: int
    discount_minor: int
    including_tax: bool
    tax_group: str
    tax_parts_minor: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.tax_parts_minor and sum(self.tax_parts_minor) != self.tax_minor:
            raise ValueError(f"the parts {self.tax_parts_minor} do not sum to {self.tax_minor}")

    @property
    def is_charging(self) -> bool:
        """Tell whether anything is left to give back."""
        return bool(self.gross_minor or self.discount_minor)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What is given back of one line, signed as the line."""

    line_id: uuid.UUID
    gross_minor: int
    tax_minor: int
    discount_minor: int
    including_tax: bool
    tax_parts_minor: tuple[int, ...] = ()

    @property
    def net_minor(self) -> int:
        """Return the part without tax."""
        return self.gross_minor - self.tax_minor

    @property
    def amount_minor(self) -> int:
        """Return what is given back before the discount, in the price's own mode: with or without tax."""
        return (self.gross_minor if self.including_tax else self.net_minor) + self.discount_minor


@dataclass(frozen=True, slots=True)
class Correction:
    """A credit that a proposal made against an invoice without naming its line; amounts above 0."""

    item_id: uuid.UUID | None
    at: datetime | None
    gross_minor: int
    tax_minor: int


def rest_of(rests: Sequence[LineRest]) -> int:
    """Return the gross that an invoice still charges."""
    return sum(rest.gross_minor for rest in rests)


def less_corrections(rests: Sequence[LineRest], corrections: Iterable[Correction]) -> tuple[LineRest, ...]:
    """Return what lines charge after credits that name no line.

    Each is taken from the item's line whose period it falls in, what is over from the item's others, then from the
    rest. Rounded apart from its line a credit can exceed it by a unit; nothing falls below 0.
    """
    left = list(rests)
    for correction in corrections:
        gross, tax = correction.gross_minor, correction.tax_minor
        fits = [_fit(rest, correction) for rest in left]
        for index in sorted(range(len(left)), key=fits.__getitem__, reverse=True):
            rest = left[index]
            if gross <= 0 or rest.gross_minor <= 0:
                continue
            taken = min(gross, rest.gross_minor)
            # What is left of the line has room for the tax that is left.
            least = max(0, rest.tax_minor - (rest.gross_minor - taken))
            taken_tax = max(least, min(tax, rest.tax_minor, taken))
            left[index] = _less(rest, taken, taken_tax)
            gross, tax = gross - taken, tax - taken_tax
    return tuple(left)


def _fit(rest: LineRest, correction: Correction) -> int:
    """Return how well a credit fits a line: 2 for the item's period, 1 for the item, 0 else."""
    if correction.item_id is None or rest.item_id != correction.item_id:
        return 0
    if rest.period_start is None or rest.period_end is None or correction.at is None:
        return 1
    return 2 if rest.period_start <= correction.at < rest.period_end else 1


def _less(rest: LineRest, gross_minor: int, tax_minor: int) -> LineRest:
    """Return a line's rest after a part was given back."""
    share = Fraction(rest.gross_minor - gross_minor, rest.gross_minor)
    left_tax = rest.tax_minor - tax_minor
    return replace(
        rest,
        gross_minor=rest.gross_minor - gross_minor,
        tax_minor=left_tax,
        discount_minor=round_half_away(rest.discount_minor * share),
        tax_parts_minor=_split(left_tax, rest.tax_parts_minor),
    )


def give_back_whole(rests: Sequence[LineRest]) -> tuple[GivenBack, ...]:
    """Give back everything that an invoice's lines still charge, also where a discount leaves nothing to pay."""
    return tuple(
        GivenBack(
            rest.line_id,
            rest.gross_minor,
            rest.tax_minor,
            rest.discount_minor,
            rest.including_tax,
            rest.tax_parts_minor,
        )
        for rest in [rest for rest in rests if rest.is_charging] or rests
    )


def spread_gross(rests: Sequence[LineRest], gross_minor: int) -> dict[uuid.UUID, int]:
    """Spread a gross over all lines in proportion to what they still charge, by largest remainder.

    Raises ValueError unless the gross is above 0 and at most what the lines charge together.

    >>> line = LineRest(uuid.UUID(int=1), None, None, None, 1189, 190, 0, False, "S")
    >>> lines = [line, replace(line, line_id=uuid.UUID(int=2)), replace(line, line_id=uuid.UUID(int=3))]
    >>> list(spread_gross(lines, 100).values())
    [34, 33, 33]
    """
    whole = rest_of(rests)
    if not 0 < gross_minor <= whole:
        raise ValueError(f"{gross_minor} is not above 0 and within {whole}")
    parts = allocate(gross_minor, [rest.gross_minor * gross_minor for rest in rests], whole)
    return {rest.line_id: part for rest, part in zip(rests, parts, strict=True) if part}


def give_back(rests: Sequence[LineRest], wanted_minor: dict[uuid.UUID, int]) -> tuple[GivenBack, ...]:
    """Give back a gross of each line named; the tax in it is the share of the line's stored tax.

    The tax of lines taxed alike is rounded once, half away from zero, and split by largest remainder: 100 over three
    lines of 1189 with 190 tax each gives back 16 of tax, not three times 5.

    Raises ValueError for an unknown line, or one given back beyond its rest or against its sign.

    >>> line = LineRest(uuid.UUID(int=1), None, None, None, 1189, 190, 0, False, "S")
    >>> lines = [line, replace(line, line_id=uuid.UUID(int=2)), replace(line, line_id=uuid.UUID(int=3))]
    >>> [part.tax_minor for part in give_back(lines, spread_gross(lines, 100))]
    [6, 5, 5]
    """
    by_id = {rest.line_id: rest for rest in rests}
    for line_id, gross in wanted_minor.items():
        rest = by_id.get(line_id)
        if rest is None or not min(0, rest.gross_minor) <= gross <= max(0, rest.gross_minor) or not gross:
            raise ValueError(f"{gross} cannot be given back of line {line_id}")
    groups: dict[str, list[LineRest]] = defaultdict(list)
    for rest in rests:
        if rest.line_id in wanted_minor:
            groups[rest.tax_group].append(rest)
    taxes: dict[uuid.UUID, int] = {}
    for group in groups.values():
        exact = [Fraction(rest.tax_minor * wanted_minor[rest.line_id], rest.gross_minor) for rest in group]
        shares = _allocate_exact(round_half_away(sum(exact, Fraction(0))), exact)
        taxes.update(zip((rest.line_id for rest in group), shares, strict=True))
    return tuple(
        _part(rest, wanted_minor[rest.line_id], taxes[rest.line_id]) for rest in rests if rest.line_id in wanted_minor
    )


def _part(rest: LineRest, gross_minor: int, tax_minor: int) -> GivenBack:
    """Return what is given back of a line, its discount in proportion."""
    share = Fraction(gross_minor, rest.gross_minor)
    return GivenBack(
        rest.line_id,
        gross_minor,
        tax_minor,
        round_half_away(rest.discount_minor * share),
        rest.including_tax,
        _split(tax_minor, rest.tax_parts_minor),
    )


def _split(tax_minor: int, parts_minor: tuple[int, ...]) -> tuple[int, ...]:
    """Split a line's tax over the parts of its rate, in proportion to what is left of each."""
    whole = sum(parts_minor)
    if not whole:
        return (0,) * len(parts_minor)
    return _allocate_exact(tax_minor, [Fraction(part * tax_minor, whole) for part in parts_minor])


def _allocate_exact(total: int, exact: Sequence[Fraction]) -> tuple[int, ...]:
    """Split a total over parts whose exact sizes are given, by largest remainder."""
    denominator = math.lcm(*(size.denominator for size in exact)) if exact else 1
    return allocate(total, [int(size * denominator) for size in exact], denominator)
