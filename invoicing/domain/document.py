"""A document as the customer will read it: values only, complete, and unable to disagree with itself.

Billing rules, section 8 (Content). Amounts are integers of the document's minor unit, days are calendar days in the
customer's time zone, rates are percent. Whoever builds a document states facts (a tier, a prorated share, a period);
the renderer finds the words in the reader's language.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.domain.money import TaxedAmount, minor_digits

LOGO_TYPES = frozenset({"image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp"})
LOGO_LIMIT_BYTES = 1_000_000
_WHOLE_PERCENT = 100
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)

# Zero for a reason that has to be printed; Z is a rate like any other. Billing rules, section 7.
_CATEGORIES_WITH_REASON = frozenset({"E", "AE", "K", "G", "O"})
# The buyer owes the tax, so that the document must name its tax number. It names the seller's too where there is one: a
# seller outside the EU may have none, and an invoice that was issued has to be readable.
_CATEGORIES_NAMING_BUYER = frozenset({"AE", "K"})


class DocumentKind(StrEnum):
    """What the paper is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"


class DocumentStatus(StrEnum):
    """What the reader must know at a glance."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class ShareUnit(StrEnum):
    """In what a prorated share is counted; the proration policies of billing rules, section 5."""

    DAY = "day"
    SECOND = "second"
    THIRTY_360 = "thirty_360"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller or a buyer as of issue. `country` is an ISO 3166 code or empty, `region` only where the post needs it.

    Raises ValueError for a country that is no two-letter code.
    """

    name: str = ""
    company: str = ""
    street: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    tax_number: str = ""
    email: str = ""

    def __post_init__(self) -> None:
        """Refuse a country that nobody could print the name of."""
        if self.country and not _COUNTRY.fullmatch(self.country):
            raise ValueError(f"country {self.country!r} is not a two-letter code")


@dataclass(frozen=True, slots=True)
class TierSpan:
    """The tier a line is priced by: its number from 1, its units, and its flat fee in minor units.

    `last_unit` is None for the open tier. Raises ValueError for a span without units.
    """

    number: int
    first_unit: int
    last_unit: int | None
    flat_fee: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Refuse a span that holds nothing."""
        if self.number < 1 or self.first_unit < 0 or (self.last_unit is not None and self.last_unit < self.first_unit):
            raise ValueError(f"tier {self.number} from {self.first_unit} to {self.last_unit} holds no units")


@dataclass(frozen=True, slots=True)
class ProratedShare:
    """The part of a period a line is for, as the two integers of its proof: 15 of 30 days.

    Raises ValueError unless 0 <= part and 0 < whole.
    """

    part: int
    whole: int
    unit: ShareUnit = ShareUnit.DAY

    def __post_init__(self) -> None:
        """Refuse a share of nothing."""
        if self.part < 0 or self.whole <= 0:
            raise ValueError(f"{self.part} of {self.whole} is no share of a period")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One charge. `unit_price` is in minor units and may be finer than one; `tax_rate` is percent.

    `discount_minor` has been taken off already, from the gross when the price includes tax, else from the net.
    `period_start` and `period_end` are the first and the last day served. Consecutive lines of one description are
    printed as one item with its parts. `seats_changed` is set on the line of a change of seats: how many came or went.
    Raises ValueError when amounts or days disagree.
    """

    description: str
    details: tuple[str, ...] = ()
    period_start: date | None = None
    period_end: date | None = None
    tier: TierSpan | None = None
    share: ProratedShare | None = None
    seats_changed: int | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    including_tax: bool = False
    discount_minor: int = 0
    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_rate: Decimal
    tax_category: str = "S"

    def __post_init__(self) -> None:
        """Refuse amounts that do not add up and a period that ends before it starts."""
        TaxedAmount(self.net_minor, self.tax_minor, self.gross_minor)
        _refuse_rate(self.tax_rate)
        _refuse_reversed(self.period_start, self.period_end, "period")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """The tax of one rate and category. `name` is the tax's own name (VAT, GST), empty for the language's usual word.

    Raises ValueError for a zero rate whose category needs a reason and has none (billing rules, section 7).
    """

    rate: Decimal
    category: str = "S"
    name: str = ""
    net_minor: int
    tax_minor: int
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse an unexplained zero."""
        _refuse_rate(self.rate)
        if self.category in _CATEGORIES_WITH_REASON and not self.reason.strip():
            raise ValueError(f"tax category {self.category} needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandLook:
    """How a brand's paper looks. Colours are #rrggbb; the logo is the file itself with its media type.

    Raises ValueError for another notation of a colour, an unknown kind of logo or one above a megabyte.
    """

    name: str
    colour: str = "#1f3a5f"
    accent_colour: str = "#2f7f79"
    logo: bytes | None = None
    logo_type: str = ""
    footer: str = ""
    payment_instructions: str = ""
    iban: str = ""
    bic: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be drawn, or could smuggle a rule into the style sheet."""
        for colour in (self.colour, self.accent_colour):
            if not _COLOUR.fullmatch(colour):
                raise ValueError(f"colour {colour!r} is not of the form #rrggbb")
        if self.logo is not None and self.logo_type not in LOGO_TYPES:
            raise ValueError(f"logo type {self.logo_type!r} is not one of {', '.join(sorted(LOGO_TYPES))}")
        if self.logo is not None and len(self.logo) > LOGO_LIMIT_BYTES:
            raise ValueError(f"a logo of {len(self.logo)} bytes is above {LOGO_LIMIT_BYTES}")


@dataclass(frozen=True, slots=True)
class DocumentPayment:
    """Money received: the day, the amount in minor units, and the means in words ("Visa ending 4242")."""

    paid_date: date
    amount_minor: int
    method: str


@dataclass(frozen=True, slots=True)
class CreditUse:
    """Where a credit note's amount went; the parts, in minor units, sum to its total."""

    to_invoices_minor: int = 0
    to_balance_minor: int = 0
    refunded_minor: int = 0

    @property
    def total_minor(self) -> int:
        """Return the sum of the parts."""
        return self.to_invoices_minor + self.to_balance_minor + self.refunded_minor


@dataclass(frozen=True, slots=True)
class LocalTax:
    """Net and tax once more in the tax country's currency: `exchange_rate` of it for one of the document's, on a day.

    Billing rules, section 8. Raises UnknownCurrency (a ValueError), or ValueError for a rate that is not above 0.
    """

    currency: str
    net_minor: int
    tax_minor: int
    exchange_rate: Decimal
    rate_date: date

    def __post_init__(self) -> None:
        """Refuse an impossible rate."""
        minor_digits(self.currency)
        if not self.exchange_rate.is_finite() or self.exchange_rate <= 0:
            raise ValueError(f"exchange rate {self.exchange_rate} is not above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An invoice, credit note or receipt.

    A credit note's amounts are positive: what is given back. `title` replaces the kind's word when the brand wants
    another. `supply_start` and `supply_end` are the first and the last day served. `related_numbers` are the invoices
    a credit note corrects or a receipt acknowledges. `balance_applied_minor` is positive for credit used and negative
    for an earlier debit taken in; it never changes `total_minor` (billing rules, section 6).

    Raises ValueError, naming the difference, when lines, tax rows, payments and totals disagree; when the amount due
    is not total - balance - credited - paid; when a number, a credited invoice or a tax number the law asks for is
    missing.
    """

    kind: DocumentKind
    number: str
    title: str = ""
    status: DocumentStatus
    issue_date: date
    due_date: date | None = None
    supply_start: date | None = None
    supply_end: date | None = None
    currency: str
    locale: str
    brand: BrandLook
    seller: Party
    buyer: Party
    lines: tuple[DocumentLine, ...]
    tax_rows: tuple[TaxRow, ...]
    sub_total_minor: int
    discount_total_minor: int = 0
    tax_total_minor: int
    total_minor: int
    balance_applied_minor: int = 0
    credited_minor: int = 0
    paid_minor: int = 0
    amount_due_minor: int = 0
    credit_use: CreditUse | None = None
    local_tax: LocalTax | None = None
    payments: tuple[DocumentPayment, ...] = ()
    related_numbers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a document that contradicts itself."""
        minor_digits(self.currency)
        self._refuse_wrong_sums()
        _refuse_reversed(self.supply_start, self.supply_end, "supply")
        if not self.number and self.status is not DocumentStatus.DRAFT:
            raise ValueError("only a draft has no number")
        if self.kind is DocumentKind.CREDIT_NOTE:
            self._refuse_wrong_credit()
        elif self.credit_use is not None:
            raise ValueError("only a credit note says where its amount went")
        else:
            self._refuse_wrong_due()
        categories = {row.category for row in self.tax_rows} | {line.tax_category for line in self.lines}
        if categories & _CATEGORIES_NAMING_BUYER and not self.buyer.tax_number:
            raise ValueError("a document without tax by reverse charge names the buyer's tax number")

    def _refuse_wrong_sums(self) -> None:
        """Compare lines, tax rows and payments with the totals."""
        _refuse_difference("sub_total", self.sub_total_minor, (line.net_minor for line in self.lines))
        _refuse_difference("tax_total", self.tax_total_minor, (line.tax_minor for line in self.lines))
        _refuse_difference("discount_total", self.discount_total_minor, (line.discount_minor for line in self.lines))
        _refuse_difference("tax_total", self.tax_total_minor, (row.tax_minor for row in self.tax_rows), "tax rows")
        _refuse_difference("total", self.total_minor, (self.sub_total_minor, self.tax_total_minor), "net and tax")
        if self.payments:
            _refuse_difference("paid", self.paid_minor, (payment.amount_minor for payment in self.payments), "payments")

    def _refuse_wrong_credit(self) -> None:
        """A credit note is given back whole, names its invoice, and asks for nothing."""
        if self.credit_use is None or not self.related_numbers:
            raise ValueError("a credit note names its invoice and where its amount went")
        _refuse_difference("total", self.total_minor, (self.credit_use.total_minor,), "credit use")
        if any((self.balance_applied_minor, self.credited_minor, self.paid_minor, self.amount_due_minor)):
            raise ValueError("a credit note has no balance, payment or amount due")

    def _refuse_wrong_due(self) -> None:
        """What is due is the total less everything that settled it; what is paid or void owes nothing."""
        settled = (self.total_minor, -self.balance_applied_minor, -self.credited_minor, -self.paid_minor)
        _refuse_difference("amount_due", self.amount_due_minor, settled, "total less balance, credits and payments")
        if self.amount_due_minor and self.status in (DocumentStatus.PAID, DocumentStatus.VOID):
            raise ValueError(f"a {self.status} document has {self.amount_due_minor} due")


def _refuse_difference(name: str, stated_minor: int, parts_minor: Iterable[int], whence: str = "lines") -> None:
    """Raise ValueError with the difference unless the parts sum to the stated total."""
    found_minor = sum(parts_minor)
    if found_minor != stated_minor:
        raise ValueError(
            f"{name} {stated_minor} differs from its {whence} {found_minor} by {stated_minor - found_minor}"
        )


def _refuse_rate(rate: Decimal) -> None:
    """Raise ValueError unless the rate is a percentage."""
    if not rate.is_finite() or not 0 <= rate <= _WHOLE_PERCENT:
        raise ValueError(f"tax rate {rate} is not a percentage")


def _refuse_reversed(start: date | None, end: date | None, name: str) -> None:
    """Raise ValueError when the last day lies before the first, or one is missing."""
    if (start is None) != (end is None):
        raise ValueError(f"a {name} has a first and a last day")
    if start is not None and end is not None and end < start:
        raise ValueError(f"the {name} ends on {end}, before it starts on {start}")
