"""The lines of a document as rows of text, in columns wide enough for what stands in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from invoicing.documents.formats import Formats
from invoicing.documents.text import Text, text
from invoicing.documents.words import Words
from invoicing.domain.document import Document, DocumentKind, DocumentLine, ProratedShare, ShareUnit, TierSpan

_TABLE_WIDTH = 170.0
_NUMBERS_WIDTH = 112.0
_WIDEST_NUMBER = 40.0
_PADDING = 5.6
_DIGIT_WIDTH = 1.93
_MARK_WIDTH = 0.95
_NARROW = frozenset(".,' \u00a0\u202f’")
_HEAD_LETTER_WIDTH = 1.5
_DENSE = 0.84
# More parts than these are printed as lines of their own, each with its name: a page must not begin without it.
_MOST_PARTS = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its class in the style sheet, its heading, and its width in millimetres."""

    name: str
    heading: str
    width: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in its column."""

    name: str
    words: str


class Place(StrEnum):
    """Where a row stands in its item: alone, or a lead with parts, the last of which ends the item."""

    ALONE = "alone"
    LEAD = "lead"
    PART = "part"
    LAST_PART = "part last"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an item."""

    title: Text
    details: tuple[Text, ...]
    cells: tuple[Cell, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and items of one or more rows that stay together on a page.

    `dense` asks for smaller figures, when very long numbers would leave no room for words.
    """

    columns: tuple[Column, ...]
    items: tuple[tuple[Row, ...], ...]
    dense: bool


class TableWriter:
    """Writes the lines of one document."""

    def __init__(self, document: Document, formats: Formats, words: Words) -> None:
        """Decide which columns the document needs."""
        self._document = document
        self._formats = formats
        self._words = words
        lines = document.lines
        self._gross = bool(lines) and all(line.including_tax for line in lines)
        self._discounted = any(line.discount_minor for line in lines)
        self._quantities = any(line.quantity is not None for line in lines)
        self._prices = any(line.unit_price is not None for line in lines)

    def table(self) -> Table:
        """Return the table, its columns sized by their longest entry."""
        items = tuple(self._items())
        headings = self._headings()
        entries = [
            [row.cells[position].words for item in items for row in item if row.cells]
            for position in range(len(headings))
        ]
        named = list(zip((heading for _, heading in headings), entries, strict=True))
        widths = [_width(len(heading), column) for heading, column in named]
        if sum(widths) > _NUMBERS_WIDTH:
            widths = [_width(max(map(len, heading.split())), column) for heading, column in named]
        dense = sum(widths) > _NUMBERS_WIDTH
        if dense:
            widths = [width * _DENSE for width in widths]
        first = Column("description", self._words.description, f"{_TABLE_WIDTH - sum(widths):.1f}mm")
        numbers = (
            Column(name, heading, f"{width:.1f}mm") for (name, heading), width in zip(headings, widths, strict=True)
        )
        return Table((first, *numbers), items, dense)

    def _items(self) -> Iterator[tuple[Row, ...]]:
        """Return the items: consecutive lines of one description together, as long as they are few."""
        for _, group in groupby(self._document.lines, _description):
            lines = tuple(group)
            if 1 < len(lines) <= _MOST_PARTS:
                yield tuple(self._parts(lines))
            else:
                yield from ((self._alone(line),) for line in lines)

    def _headings(self) -> list[tuple[str, str]]:
        """Return name and heading of the columns of numbers."""
        words, currency = self._words, self._document.currency
        amount = words.amount_with_tax if self._gross else words.amount
        found = (
            ("quantity", words.quantity, self._quantities),
            ("price", words.unit_price, self._prices),
            ("discount", words.discount, self._discounted),
            ("rate", words.tax, True),
            ("amount", f"{amount} {currency}", True),
        )
        return [(name, heading) for name, heading, wanted in found if wanted]

    def _alone(self, line: DocumentLine) -> Row:
        """Return the row of a line by itself."""
        details = (*self._period(line), *self._facts(line), *line.details)
        return Row(text(line.description), _texts(details), self._cells(line), Place.ALONE)

    def _parts(self, lines: tuple[DocumentLine, ...]) -> Iterator[Row]:
        """Return a lead and a row for each part; a period they all share is named once, in the lead."""
        shared = len({self._period(line) for line in lines}) == 1
        yield Row(text(lines[0].description), _texts(self._period(lines[0]) if shared else ()), (), Place.LEAD)
        for position, line in enumerate(lines, start=1):
            details = (*self._facts(line), *(() if shared else self._period(line)), *line.details)
            title, *rest = _texts(details) or (text(line.description),)
            place = Place.LAST_PART if position == len(lines) else Place.PART
            yield Row(title, tuple(rest), self._cells(line), place)

    def _cells(self, line: DocumentLine) -> tuple[Cell, ...]:
        """Return the numbers of a line in the order of the headings."""
        formats = self._formats
        quantity = "" if line.quantity is None else formats.number(line.quantity)
        price = "" if line.unit_price is None else formats.unit_price(line.unit_price)
        discount = formats.amount(-line.discount_minor) if line.discount_minor else ""
        amount_minor = line.gross_minor if self._gross else line.net_minor
        found = (
            ("quantity", quantity, self._quantities),
            ("price", price, self._prices),
            ("discount", discount, self._discounted),
            ("rate", formats.percent(line.tax_rate), True),
            ("amount", formats.amount(amount_minor), True),
        )
        return tuple(Cell(name, value) for name, value, wanted in found if wanted)

    def _period(self, line: DocumentLine) -> tuple[str, ...]:
        """Return the days served in words, if any."""
        if line.period_start is None or line.period_end is None:
            return ()
        return (self._formats.span(line.period_start, line.period_end),)

    def _facts(self, line: DocumentLine) -> Iterator[str]:
        """Return why the amount is what it is: its tier, its share of the period, how to read its price."""
        if line.tier is not None:
            yield self._tier(line.tier)
        if line.seats_changed:
            words = self._words.seats_added if line.seats_changed > 0 else self._words.seats_removed
            yield words.format(seats=self._formats.number(abs(line.seats_changed)))
            if line.share is not None:
                yield self._share(line.share)
        elif line.share is not None:
            share = self._share(line.share)
            # A credit note's amounts are turned: what is charged in exchange stands below zero there.
            is_credit_note = self._document.kind is DocumentKind.CREDIT_NOTE
            given_back = line.net_minor > 0 if is_credit_note else line.net_minor < 0
            yield f"{self._words.unused}: {share}" if given_back else share
        if line.including_tax and not self._gross:
            yield self._words.price_includes_tax

    def _tier(self, tier: TierSpan) -> str:
        """Return a tier in words, with its flat fee if it has one."""
        formats, words = self._formats, self._words
        pattern = words.tier_open if tier.last_unit is None else words.tier
        last = "" if tier.last_unit is None else formats.number(tier.last_unit)
        name = pattern.format(number=tier.number, first=formats.number(tier.first_unit), last=last)
        return f"{name}, {words.flat_fee.format(amount=formats.price(tier.flat_fee))}" if tier.flat_fee else name

    def _share(self, share: ProratedShare) -> str:
        """Return a share of a period in words; seconds as a percentage, which is what a person can check."""
        formats, words = self._formats, self._words
        if share.unit is ShareUnit.SECOND:
            percent = round(Decimal(share.part * 100) / share.whole, 2)
            return words.share_seconds.format(percent=formats.percent(percent))
        pattern = words.share_days if share.unit is ShareUnit.DAY else words.share_360
        return pattern.format(part=formats.number(share.part), whole=formats.number(share.whole))


def _description(line: DocumentLine) -> str:
    """Return what consecutive lines are gathered by."""
    return line.description


def _texts(values: Sequence[str]) -> tuple[Text, ...]:
    """Return the values as text, without empty ones."""
    return tuple(line for line in map(text, values) if line.words)


def _width(letters: int, entries: Sequence[str]) -> float:
    """Return the width in millimetres that a heading of so many letters and the longest entry below it need."""
    longest = max(
        (sum(_MARK_WIDTH if sign in _NARROW else _DIGIT_WIDTH for sign in entry) for entry in entries), default=0
    )
    return min(max(longest, letters * _HEAD_LETTER_WIDTH) + _PADDING, _WIDEST_NUMBER)
