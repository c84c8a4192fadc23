"""Make the amounts of a stored document again from its lines' proofs, by the code that made them first.

Billing rules, section 8: one command recomputes any invoice from stored facts and shows equality or the difference.
Nothing is asked of today's terms, usage or tax rules: prices never change, all else stands in the proofs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction as Exact
from typing import Any

from core.domain.allocation import allocate_by_weight
from core.domain.rounding import divide_half_away, round_half_away
from invoicing.domain.charge import CREDIT, MINIMUM, RECURRING, SEATS, USAGE
from invoicing.domain.discounts import fixed_off, percentage_of
from invoicing.domain.owed import seats_area, shared
from invoicing.domain.proration import WHOLE, Fraction
from invoicing.domain.tax import LineTax, TaxableLine, TaxPart, TaxTreatment, tax_lines
from subscriptions.domain.pricing import PricedPart, PriceType, price_quantity
from subscriptions.domain.terms import PriceTerms
from usage.domain.aggregation import UsageFigure
from usage.domain.rating import price_usage


class MissingInput(Exception):
    """A proof lacks what its amount is made of; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """A line as it is stored, in minor units; `price` None for an item with an amount of its own.

    `gives_back` is the invoice's line that a credit by hand, a refund or a void gives back.
    """

    position: int
    description: str
    kind: str
    item: str
    period_start: str
    tier: int
    quantity: Decimal
    unit_price: Decimal | None
    amount_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    including_tax: bool
    tax_category: str
    tax_country: str
    tax_rate: Decimal
    proof: Mapping[str, Any]
    price: PriceTerms | None = None
    gives_back: "StoredLine | None" = None


@dataclass(frozen=True, slots=True)
class Recount:
    """What one number of a line, or of the document, is stored as, and what its proof makes of it."""

    name: str
    stored: int | str
    computed: int | str

    @property
    def is_equal(self) -> bool:
        """Tell whether the proof makes what is stored."""
        return self.stored == self.computed


@dataclass(frozen=True, slots=True)
class RecountedLine:
    """A line's numbers, each made again; `missing` names an input its proof lacks, then nothing was computed."""

    line: StoredLine
    recounts: tuple[Recount, ...] = ()
    missing: str = ""

    @property
    def is_equal(self) -> bool:
        """Tell whether every number was made again and is as stored."""
        return not self.missing and all(one.is_equal for one in self.recounts)


def recompute(lines: Sequence[StoredLine]) -> tuple[RecountedLine, ...]:
    """Return every line of one document with its amount, discount, net, tax and gross made again, in their order."""
    gives_back = [line for line in lines if line.gives_back is not None]
    proposed = [line for line in lines if line.gives_back is None]
    made = {line.position: _given_back(line) for line in gives_back}
    made.update((one.line.position, one) for one in _proposed(proposed))
    return tuple(made[line.position] for line in lines)


def _proposed(lines: Sequence[StoredLine]) -> Iterator[RecountedLine]:
    """Yield the lines of a document as the proposal made them: each charge, then vouchers, then tax over all of them.

    What follows for all lines from one that cannot be computed is computed from its stored amount.
    """
    amounts, missing = [], []
    for line in lines:
        try:
            amounts.append(_amount_of(line))
            missing.append("")
        except MissingInput as lack:
            amounts.append(line.amount_minor)
            missing.append(str(lack))
    discounts = _discounts_of(lines, amounts)
    try:
        taxes = tax_lines(
            [
                TaxableLine(amount - discount, line.including_tax, _treatment(line))
                for line, amount, discount in zip(lines, amounts, discounts, strict=True)
            ]
        )
    except MissingInput as lack:
        yield from (RecountedLine(line, missing=own or str(lack)) for line, own in zip(lines, missing, strict=True))
        return
    for line, amount, discount, tax, lacking in zip(lines, amounts, discounts, taxes, missing, strict=True):
        yield RecountedLine(line, () if lacking else _recounts(line, amount, discount, tax), lacking)


def _recounts(line: StoredLine, amount_minor: int, discount_minor: int, tax: LineTax) -> tuple[Recount, ...]:
    """Return the numbers of a line beside those that were made again."""
    parts = line.proof["tax"]["parts"]
    return (
        Recount("amount", line.amount_minor, amount_minor),
        Recount("discount", line.discount_minor, discount_minor),
        Recount("net", line.net_minor, tax.net_minor),
        Recount("tax", line.tax_minor, tax.tax_minor),
        Recount("gross", line.gross_minor, tax.gross_minor),
        *(
            Recount(f"tax of {stored[2]} at {stored[3]} %", stored[4], made)
            for stored, made in zip(parts, tax.parts, strict=True)
        ),
    )


def _given_back(line: StoredLine) -> RecountedLine:
    """Return a line that gives back another, whole or in part: a whole one is that line turned round.

    Of a part the gross is the fact, and of what a void charges again; net and tax are bounded by the line, and the
    amount follows from them.
    """
    given, original = line.proof["gives_back"], line.gives_back
    if original is None:
        return RecountedLine(line, missing="the line that is given back")
    gross = -int(given["gross"])
    recounts = [
        Recount("gross", line.gross_minor, gross),
        Recount("gross of the line", given["of"], original.gross_minor),
    ]
    if given["gross"] == given["of"] and "charged_again" not in given:
        recounts += [
            Recount("amount", line.amount_minor, -original.amount_minor),
            Recount("discount", line.discount_minor, -original.discount_minor),
            Recount("net", line.net_minor, -original.net_minor),
            Recount("tax", line.tax_minor, -original.tax_minor),
        ]
    else:
        charged = line.gross_minor if line.including_tax else line.net_minor
        recounts += [
            Recount("net", line.net_minor, gross - line.tax_minor),
            Recount("amount", line.amount_minor, charged + line.discount_minor),
        ]
    parts = line.proof.get("tax", {}).get("parts", ())
    if parts:
        recounts.append(Recount("tax", line.tax_minor, sum(part[4] for part in parts)))
    return RecountedLine(line, tuple(recounts))


def _amount_of(line: StoredLine) -> int:
    """Return a line's amount before discount, in the price's own mode. Raises MissingInput."""
    proof = line.proof
    if "takes_back" in proof:
        return -int(proof["takes_back"])
    before = int(proof.get("billed_before", 0))
    if line.kind == MINIMUM:
        return max(int(_input(proof, "minimum")) - int(_input(proof, "charged")), 0) - before
    if line.price is None:
        if line.unit_price is None:
            raise MissingInput("price")
        return round_half_away(line.unit_price * line.quantity)
    if line.kind == SEATS:
        slices = [(seats, Fraction(part, whole)) for seats, part, whole in _input(proof, "slices")]
        return round_half_away(seats_area(line.price.rating, slices)) - int(_input(proof, "so_far")) - before
    if line.kind == USAGE:
        return _usage_amount(line, line.price) - before
    fraction = Fraction(*proof["fraction"]) if "fraction" in proof else WHOLE
    part = _part(line, price_quantity(line.price.rating, _whole_quantity(line, line.price)))
    amount = part.amount_minor if fraction.is_whole else shared(part.exact, fraction)
    return _credited(line, amount) - before if line.kind == CREDIT else amount - before


def _credited(line: StoredLine, amount_minor: int) -> int:
    """Return what a credit gives, below 0: the unused share, at most what was left of the charge after discounts."""
    left = line.proof.get("left")
    if left is None:
        return -amount_minor
    net_minor = amount_minor - _share_of(amount_minor, line.proof.get("shares_discount"))
    return -divide_half_away(amount_minor * left, net_minor)


def _whole_quantity(line: StoredLine, price: PriceTerms) -> Decimal:
    """Return the quantity that was priced: of a graduated price the units up to the end of the line's tier."""
    quantity = abs(line.quantity)
    if price.rating.type is PriceType.TIERED_GRADUATED and line.tier:
        return quantity + price.rating.tiers[line.tier - 1].first_unit - 1
    return quantity


def _usage_amount(line: StoredLine, price: PriceTerms) -> int:
    """Return what the measured usage of a line costs: of its tier, or of all of it when it came late."""
    proof = line.proof
    if price.rating.type is PriceType.PERCENTAGE:
        figure = _figure(Decimal(0), Decimal(_input(proof, "charged_sum")), int(_input(proof, "charged_count")))
    else:
        figure = _figure(Decimal(_input(proof, "quantity")))
    before = _figure(Decimal(proof["before"])) if "before" in proof else None
    parts = price_usage(price, figure, before)
    if proof.get("late"):
        return sum(part.amount_minor for part in parts)
    return _part(line, parts).amount_minor


def _figure(quantity: Decimal, charged_sum: Decimal = Decimal(0), charged_count: int = 0) -> UsageFigure:
    return UsageFigure(quantity, 0, charged_sum, charged_count, None, None)


def _part(line: StoredLine, parts: Sequence[PricedPart]) -> PricedPart:
    """Return the part of a price that a line stands for. Raises MissingInput when the quantity reaches no such tier."""
    for part in parts:
        if part.tier == line.tier:
            return part
    raise MissingInput(f"tier {line.tier} of the price for {line.quantity}")


def _input(proof: Mapping[str, Any], name: str) -> Any:
    """Return an input of a proof. Raises MissingInput."""
    if name not in proof:
        raise MissingInput(name)
    return proof[name]


def _discounts_of(lines: Sequence[StoredLine], amounts_minor: Sequence[int]) -> list[int]:
    """Return each line's discount: what the vouchers give, or the share of what it corrects."""
    by_vouchers = _by_vouchers(lines, amounts_minor)
    return [
        given + _corrected_discount(line, amount, lines, (amounts_minor, by_vouchers))
        for line, amount, given in zip(lines, amounts_minor, by_vouchers, strict=True)
    ]


def _by_vouchers(lines: Sequence[StoredLine], amounts_minor: Sequence[int]) -> list[int]:
    """Return what vouchers take off each line: those of some plans first, then those of all, each on the rest."""
    rest = list(amounts_minor)
    used: dict[tuple[bool, str], tuple[Decimal | None, int | None, list[int]]] = {}
    for position, line in enumerate(lines):
        for redemption, percent, fixed_minor, is_scoped, _ in line.proof.get("vouchers", ()):
            given = (None if percent is None else Decimal(percent), fixed_minor, list[int]())
            used.setdefault((not is_scoped, redemption), given)[2].append(position)
    for (_, _), (percent, fixed_minor, positions) in sorted(used.items(), key=lambda one: one[0][0]):
        weights = [amount if position in positions else 0 for position, amount in enumerate(rest)]
        if percent is not None:
            discount = percentage_of(percent, weights)
        else:
            shares = [Exact(*_numbers(line)) for line in lines]
            discount = fixed_off(fixed_minor or 0, weights, shares)
        parts = allocate_by_weight(discount, weights)
        rest = [amount - part for amount, part in zip(rest, parts, strict=True)]
    return [amount - left for amount, left in zip(amounts_minor, rest, strict=True)]


def _numbers(line: StoredLine) -> tuple[int, int]:
    """Return the two whole numbers of a line's share, as vouchers see it."""
    part, whole = line.proof.get("fraction", (1, 1))
    return part or 1, whole


def _corrected_discount(
    line: StoredLine, amount_minor: int, lines: Sequence[StoredLine], made: tuple[Sequence[int], Sequence[int]]
) -> int:
    """Return the discount that a correction takes along from what it corrects, 0 for any other line."""
    proof = line.proof
    if "late_discount" in proof:
        regular_minor, regular_discount_minor, given_minor = proof["late_discount"]
        whole = amount_minor + int(proof["billed_before"])
        return _share_of(whole, (regular_minor, regular_discount_minor)) - int(given_minor)
    if "takes_back_from" not in proof:
        return _share_of(amount_minor, proof.get("shares_discount"))
    charged = discounted = 0
    for other, other_minor, discount in zip(lines, *made, strict=True):
        if (other.item, other.kind, other.period_start) == (line.item, RECURRING, proof["takes_back_from"]):
            charged, discounted = charged + other_minor, discounted + discount
    return _share_of(amount_minor, (charged, discounted))


def _share_of(amount_minor: int, base: Sequence[int] | None) -> int:
    """Return the share that a part carries of the discount of a base of (amount, discount)."""
    if base is None or base[0] <= 0:
        return 0
    return divide_half_away(amount_minor * base[1], base[0])


def _treatment(line: StoredLine) -> TaxTreatment:
    """Return the tax treatment a line was stored with. Raises MissingInput."""
    tax = _input(line.proof, "tax")
    parts = tuple(TaxPart(rule, name, place, Decimal(rate)) for rule, name, place, rate, _ in tax["parts"])
    return TaxTreatment(line.tax_category, parts, line.tax_country, tax["reason"], tax["code"])
