"""What stands of a customer's documents: what invoices still charge and ask for, and the credit notes of changes.

Amounts are minor units, signed as the documents have them (Billing rules, sections 5 and 8).
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from billing.domain.refunds import Refundable
from invoicing.domain.assembly import Proposal, ProposedLine
from invoicing.domain.giving_back import Correction, GivenBack, LineRest, less_corrections


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A line of an invoice, as a credit note would name it; `rest` is what of it no credit note has named yet."""

    subscription_id: uuid.UUID | None
    kind: str
    price_id: uuid.UUID | None
    description: str
    quantity: Decimal
    tax_rate: Decimal
    gross_minor: int
    rest: LineRest

    @property
    def item_id(self) -> uuid.UUID | None:
        """Return the item that was charged."""
        return self.rest.item_id

    @property
    def period_start(self) -> datetime | None:
        """Return from when on it was charged."""
        return self.rest.period_start


@dataclass(frozen=True, slots=True)
class ChargedInvoice:
    """An invoice with its lines, what is due on it or was given up, and what may be paid out, the newest payment first.

    Only one that `stands`, open or paid, is given back by an end; one that was given up is lowered by a change.
    `gives_back_minor` is what its lines gave back of other invoices, by those.
    """

    invoice_id: uuid.UUID
    customer_id: uuid.UUID
    currency: str
    lines: tuple[ChargedLine, ...] = ()
    due_minor: int = 0
    given_up_minor: int = 0
    payments: tuple[Refundable, ...] = ()
    stands: bool = True
    gives_back_minor: Mapping[uuid.UUID, int] = field(default_factory=dict)

    def given_back(self, parts: Iterable[GivenBack]) -> "ChargedInvoice":
        """Return the invoice after a credit note that names its lines."""
        back = {part.line_id: part for part in parts}
        lines = (
            replace(line, rest=_less(line.rest, back[line.rest.line_id])) if line.rest.line_id in back else line
            for line in self.lines
        )
        return replace(self, lines=tuple(lines))


def _less(rest: LineRest, part: GivenBack) -> LineRest:
    """Return a line's rest after a credit note that names it."""
    tax_parts = zip(rest.tax_parts_minor, part.tax_parts_minor, strict=True)
    return replace(
        rest,
        gross_minor=rest.gross_minor - part.gross_minor,
        tax_minor=rest.tax_minor - part.tax_minor,
        discount_minor=rest.discount_minor - part.discount_minor,
        tax_parts_minor=tuple(whole - back for whole, back in tax_parts),
    )


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line of a credit note that a change made, signed as proposed: below 0 it corrects `invoice_id`."""

    invoice_id: uuid.UUID | None
    subscription_id: uuid.UUID | None
    item_id: uuid.UUID | None
    kind: str
    price_id: uuid.UUID | None
    period_start: datetime | None
    gross_minor: int
    tax_minor: int


Note = tuple[NoteLine, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of customers' documents: their invoices, and the credit notes that changes made."""

    invoices: Mapping[uuid.UUID, ChargedInvoice]
    notes: tuple[Note, ...] = ()


def invoice_of(proposal: Proposal, invoice_id: uuid.UUID) -> ChargedInvoice:
    """Return a proposal as the open invoice it becomes."""
    lines = (_charged_line(line, uuid.uuid5(invoice_id, str(place))) for place, line in enumerate(proposal.lines))
    customer_id = proposal.account.customer_id
    due_minor = max(proposal.amount_due_minor, 0)
    return ChargedInvoice(
        invoice_id,
        customer_id,
        proposal.currency,
        tuple(lines),
        due_minor,
        gives_back_minor=proposal.given_back_minor,
    )


def _charged_line(line: ProposedLine, line_id: uuid.UUID) -> ChargedLine:
    charge, tax, treatment = line.charge, line.tax, line.treatment
    taxed = (str(treatment.category), treatment.country, f"{treatment.rate.normalize():f}", charge.price.including_tax)
    return ChargedLine(
        subscription_id=charge.subscription_id,
        kind=charge.kind,
        price_id=charge.price.price_id,
        description=charge.description,
        quantity=charge.quantity,
        tax_rate=treatment.rate,
        gross_minor=tax.gross_minor,
        rest=LineRest(
            line_id=line_id,
            item_id=charge.item_id,
            period_start=charge.period_start,
            period_end=charge.period_end,
            gross_minor=tax.gross_minor,
            tax_minor=tax.tax_minor,
            discount_minor=line.discount_minor,
            including_tax=charge.price.including_tax,
            tax_group="|".join(map(str, taxed)),
            tax_parts_minor=tax.parts,
        ),
    )


def note_of(proposal: Proposal) -> Note:
    """Return the lines of a proposal as those of a credit note."""
    return tuple(_note_line(line) for line in proposal.lines)


def _note_line(line: ProposedLine) -> NoteLine:
    charge = line.charge
    return NoteLine(
        charge.corrects,
        charge.subscription_id,
        charge.item_id,
        charge.kind,
        charge.price.price_id,
        charge.period_start,
        line.tax.gross_minor,
        line.tax.tax_minor,
    )


def corrected_id(note: Note) -> uuid.UUID | None:
    """Return the invoice that a credit note corrects, the first of several."""
    return next((line.invoice_id for line in note if line.invoice_id is not None), None)


def line_rests(invoice: ChargedInvoice, notes: Sequence[Note], *, netted: bool) -> tuple[LineRest, ...]:
    """Return what an invoice's lines charge after the credit notes that correct it.

    Each credit is taken off whole; `netted`, less what its credit note charges itself: -22.50 and +15.00 take 7.50 off.
    """
    taken = (_netted(note) if netted else _credits(note) for note in notes)
    own = (correction for credits in taken for invoice_id, correction in credits if invoice_id == invoice.invoice_id)
    return less_corrections([line.rest for line in invoice.lines], own)


_Credit = tuple[uuid.UUID | None, Correction]


def _credits(note: Note) -> list[_Credit]:
    """Return what a credit note takes off invoices, line by line."""
    return [
        (line.invoice_id, Correction(line.item_id, line.period_start, -line.gross_minor, -line.tax_minor))
        for line in note
        if line.gross_minor < 0
    ]


def _netted(note: Note) -> list[_Credit]:
    """Return what a credit note takes off invoices, less what it charges, set against the same item's credits first."""
    left = _credits(note)
    for charge in (line for line in note if line.gross_minor > 0):
        gross, tax = charge.gross_minor, charge.tax_minor
        for place in sorted(range(len(left)), key=lambda place: left[place][1].item_id != charge.item_id):
            invoice_id, credit = left[place]
            part = min(gross, credit.gross_minor)
            part_tax = min(tax, credit.tax_minor, part)
            left[place] = (
                invoice_id,
                replace(credit, gross_minor=credit.gross_minor - part, tax_minor=credit.tax_minor - part_tax),
            )
            gross, tax = gross - part, tax - part_tax
    return left
