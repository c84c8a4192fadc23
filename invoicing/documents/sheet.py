"""A document as the template wants it: every word chosen, every number written, nothing left to decide.

The template gets text alone, so that a brand's own template can be given the same sheet without being trusted.
"""

from dataclasses import dataclass
from math import ceil

from invoicing.documents.address import address_lines, sender_line, tax_number_line
from invoicing.documents.formats import Formats
from invoicing.documents.look import Look, look_of
from invoicing.documents.table import Table, TableWriter
from invoicing.documents.text import Text, clean, text, texts
from invoicing.documents.totals import Total, totals
from invoicing.documents.words import Words, language_of, words_for
from invoicing.domain.document import Document, DocumentKind, DocumentPayment, DocumentStatus

_FOOTER_LETTERS_PER_LINE = 118
_FOOTER_MOST_LINES = 8
_IBAN_GROUP = 4
_BESIDE_LETTERS_PER_LINE = 42
_BESIDE_LETTERS_PER_METHOD = 18
_BESIDE_MOST_LINES = 10
_BESIDE_LINE_HEIGHT = 4.5
_BESIDE_HEADING_HEIGHT = 8.5
_SUM_ROW_HEIGHT = 6.6
_WATERMARK_LARGEST = 96
_WATERMARK_ROOM = 720


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The box that says what matters: an amount, and until when or since when. `struck` draws a line through it."""

    label: str
    amount: str
    remark: str
    struck: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """A word across the paper; the tone picks its colour in the style sheet."""

    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment in words."""

    day: str
    method: Text
    amount: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that stands on a document, in words."""

    language: str
    title: str
    number: str
    file_title: str
    author: str
    created: str
    look: Look
    words: Words
    sender: str
    seller_name: Text
    seller: tuple[Text, ...]
    buyer: tuple[Text, ...]
    buyer_tax_number: str
    facts: tuple[Fact, ...]
    panel: Panel
    stamp: Stamp | None
    table: Table
    totals: tuple[Total, ...]
    payments: tuple[PaymentRow, ...]
    pay_words: tuple[Text, ...]
    pay_facts: tuple[Fact, ...]
    notes: tuple[Text, ...]
    footer: tuple[Text, ...]
    footer_lines: int
    watermark: str

    @property
    def watermark_size(self) -> int:
        """Return the size in points at which the watermark just fits across the page."""
        return min(_WATERMARK_LARGEST, _WATERMARK_ROOM // max(len(self.watermark), 1))

    @property
    def settling_fits_beside(self) -> bool:
        """Tell whether payments and how to pay are short enough to stand beside the sum."""
        return self._settling_lines() <= _BESIDE_MOST_LINES

    @property
    def settling_is_taller(self) -> bool:
        """Tell whether payments and how to pay, standing beside the sum, take more height than it does."""
        headings = bool(self.payments) + bool(self.pay_words or self.pay_facts)
        height = self._settling_lines() * _BESIDE_LINE_HEIGHT + headings * _BESIDE_HEADING_HEIGHT
        return self.settling_fits_beside and height > len(self.totals) * _SUM_ROW_HEIGHT

    def _settling_lines(self) -> int:
        """Return about how many lines payments and how to pay take beside the sum."""
        words = sum(ceil(len(line.words) / _BESIDE_LETTERS_PER_LINE) for line in self.pay_words)
        methods = sum(ceil(len(row.method.words) / _BESIDE_LETTERS_PER_METHOD) for row in self.payments)
        return words + methods + len(self.pay_facts)


def sheet_of(document: Document) -> Sheet:
    """Return the sheet of a document, in its reader's language; English for a language without words here."""
    words, formats = words_for(document.locale), Formats(document.locale, document.currency)
    title = clean(document.title) or _title(document, words)
    seller_name, *seller = address_lines(document.seller, formats) or (text(document.brand.name),)
    footer = texts(document.brand.footer)
    stamp = _stamp(document, words)
    return Sheet(
        language=language_of(document.locale),
        title=title,
        number=clean(document.number),
        file_title=f"{title} {clean(document.number)}".strip(),
        author=clean(document.seller.company or document.seller.name or document.brand.name),
        created=f"{document.issue_date.isoformat()}T00:00:00Z",
        look=look_of(document.brand),
        words=words,
        sender=sender_line(document.seller, document.brand.name),
        seller_name=seller_name,
        seller=(*seller, *_seller_contact(document, words)),
        buyer=address_lines(document.buyer, formats),
        buyer_tax_number=tax_number_line(document.buyer, words),
        facts=_facts(document, formats, words),
        panel=_panel(document, formats, words),
        stamp=stamp,
        table=TableWriter(document, formats, words).table(),
        totals=totals(document, formats, words),
        payments=tuple(_payment(payment, formats) for payment in document.payments),
        pay_words=texts(document.brand.payment_instructions) if _asks_for_money(document) else (),
        pay_facts=_pay_facts(document, words) if _asks_for_money(document) else (),
        notes=_notes(document, formats, words),
        footer=footer,
        footer_lines=_footer_lines(footer),
        watermark=stamp.words if stamp and document.status in (DocumentStatus.VOID, DocumentStatus.DRAFT) else "",
    )


def _title(document: Document, words: Words) -> str:
    """Return what the paper is called."""
    if document.status is DocumentStatus.DRAFT:
        return words.draft_title
    names = {
        DocumentKind.INVOICE: words.invoice,
        DocumentKind.CREDIT_NOTE: words.credit_note,
        DocumentKind.RECEIPT: words.receipt,
    }
    return names[document.kind]


def _seller_contact(document: Document, words: Words) -> tuple[Text, ...]:
    """Return the seller's tax number and address for mail."""
    lines = (tax_number_line(document.seller, words), document.seller.email)
    return tuple(text(line) for line in lines if line)


def _facts(document: Document, formats: Formats, words: Words) -> tuple[Fact, ...]:
    """Return the table beside the address."""
    facts = [Fact(words.number, clean(document.number)), Fact(words.issue_date, formats.day(document.issue_date))]
    if document.due_date is not None and document.kind is DocumentKind.INVOICE:
        facts.append(Fact(words.due_date, formats.day(document.due_date)))
    if document.supply_start is not None and document.supply_end is not None:
        facts.append(Fact(words.supply_period, formats.span(document.supply_start, document.supply_end)))
    if document.related_numbers:
        label = words.related_invoice if len(document.related_numbers) == 1 else words.related_invoices
        facts.append(Fact(label, clean(", ".join(document.related_numbers))))
    return tuple(fact for fact in facts if fact.value)


def _panel(document: Document, formats: Formats, words: Words) -> Panel:
    """Return the amount a reader looks for first."""
    if document.kind is DocumentKind.CREDIT_NOTE:
        return Panel(words.amount_credited, formats.money(document.total_minor), "", struck=False)
    if document.status is DocumentStatus.VOID:
        return Panel(words.total_voided, formats.money(document.total_minor), "", struck=True)
    if document.paid_minor and (document.kind is DocumentKind.RECEIPT or document.status is DocumentStatus.PAID):
        last = max((payment.paid_date for payment in document.payments), default=None)
        remark = words.paid_on.format(date=formats.day(last)) if last else ""
        return Panel(words.amount_paid, formats.money(document.paid_minor), remark, struck=False)
    remark = words.nothing_due
    if document.amount_due_minor:
        remark = words.due_by.format(date=formats.day(document.due_date)) if document.due_date else ""
    return Panel(words.amount_due, formats.money(document.amount_due_minor), remark, struck=False)


def _stamp(document: Document, words: Words) -> Stamp | None:
    """Return the stamp; an open invoice has none."""
    if document.status is DocumentStatus.DRAFT:
        return Stamp("draft", words.stamp_draft)
    if document.status is DocumentStatus.VOID:
        return Stamp("void", words.stamp_void)
    if document.kind is DocumentKind.CREDIT_NOTE:
        return Stamp("credit", words.stamp_credit)
    return Stamp("paid", words.stamp_paid) if document.status is DocumentStatus.PAID else None


def _asks_for_money(document: Document) -> bool:
    """Tell whether the reader needs to know how to pay."""
    issued = document.kind is DocumentKind.INVOICE and document.status is not DocumentStatus.DRAFT
    return issued and document.amount_due_minor > 0


def _pay_facts(document: Document, words: Words) -> tuple[Fact, ...]:
    """Return account and reference; without an account number the instructions stand alone."""
    brand = document.brand
    if not brand.iban:
        return ()
    bare = clean(brand.iban).replace(" ", "")
    iban = " ".join(bare[start : start + _IBAN_GROUP] for start in range(0, len(bare), _IBAN_GROUP))
    facts = (Fact("IBAN", iban), Fact("BIC", clean(brand.bic)), Fact(words.payment_reference, clean(document.number)))
    return tuple(fact for fact in facts if fact.value)


def _payment(payment: DocumentPayment, formats: Formats) -> PaymentRow:
    """Return a payment in words."""
    return PaymentRow(formats.short_day(payment.paid_date), text(payment.method), formats.money(payment.amount_minor))


def _notes(document: Document, formats: Formats, words: Words) -> tuple[Text, ...]:
    """Return the reasons for untaxed amounts, the tax in its own country's currency, then the notes; each once."""
    found = [row.reason for row in document.tax_rows]
    local = document.local_tax
    if local is not None:
        found.append(
            words.local_tax.format(
                currency=local.currency,
                base=document.currency,
                rate=formats.number(local.exchange_rate),
                date=formats.short_day(local.rate_date),
                net=formats.money(local.net_minor, local.currency),
                tax=formats.money(local.tax_minor, local.currency),
            )
        )
    lines = (line for note in (*found, *document.notes) for line in texts(note))
    return tuple(dict.fromkeys(lines))


def _footer_lines(footer: tuple[Text, ...]) -> int:
    """Return how many lines of the page the footer takes, so that the text above can leave room for it."""
    return min(sum(ceil(len(line.words) / _FOOTER_LETTERS_PER_LINE) for line in footer), _FOOTER_MOST_LINES)
