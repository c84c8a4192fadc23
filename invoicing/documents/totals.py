"""The sum below the table, step by step: net, discount, tax, total, what settled it, what is due."""

from collections.abc import Iterator
from dataclasses import dataclass

from invoicing.documents.formats import Formats
from invoicing.documents.text import clean
from invoicing.documents.words import Words
from invoicing.domain.document import Document, DocumentKind, DocumentStatus, TaxRow


@dataclass(frozen=True, slots=True)
class Total:
    """A step of the sum; `weight` is plain, strong, due or aside, for the style sheet."""

    label: str
    amount: str
    weight: str = "plain"


def totals(document: Document, formats: Formats, words: Words) -> tuple[Total, ...]:
    """Return the steps from net to what is due, each following from those above it."""
    return tuple(
        (*_net(document, formats, words), *_tax(document, formats, words), *_settled(document, formats, words))
    )


def _net(document: Document, formats: Formats, words: Words) -> Iterator[Total]:
    """Return net, from before the discount where prices are net; a discount off gross prices is only mentioned."""
    discount_minor = document.discount_total_minor
    gross = any(line.including_tax for line in document.lines)
    if discount_minor and not gross:
        yield Total(words.before_discount, formats.money(document.sub_total_minor + discount_minor))
        yield Total(words.discounts, formats.money(-discount_minor))
    if discount_minor and gross:
        yield Total(words.discounts_included, formats.money(discount_minor), "aside")
    yield Total(words.sub_total, formats.money(document.sub_total_minor))


def _tax(document: Document, formats: Formats, words: Words) -> Iterator[Total]:
    """Return a step for each rate, and the total."""
    for row in document.tax_rows:
        yield Total(_tax_label(row, formats, words), formats.money(row.tax_minor))
    yield Total(words.total, formats.money(document.total_minor), "strong")


def _tax_label(row: TaxRow, formats: Formats, words: Words) -> str:
    """Return a rate in words: its name, its percentage, and what it is taken of."""
    name = clean(row.name) or words.tax
    return words.tax_on.format(tax=name, rate=formats.percent(row.rate), net=formats.money(row.net_minor))


def _settled(document: Document, formats: Formats, words: Words) -> Iterator[Total]:
    """Return what lowered the total and what is left, or where a credit went."""
    use = document.credit_use
    if use is not None:
        uses = (
            (words.to_invoices, use.to_invoices_minor),
            (words.to_balance, use.to_balance_minor),
            (words.refunded, use.refunded_minor),
        )
        yield from (Total(label, formats.money(amount_minor)) for label, amount_minor in uses if amount_minor)
        return
    balance_minor = document.balance_applied_minor
    steps = (
        (words.balance_credit if balance_minor > 0 else words.balance_debit, balance_minor),
        (words.credited, document.credited_minor),
        (words.paid, document.paid_minor),
    )
    yield from (Total(label, formats.money(-amount_minor)) for label, amount_minor in steps if amount_minor)
    if document.kind is DocumentKind.INVOICE and document.status is not DocumentStatus.VOID:
        yield Total(words.amount_due, formats.money(document.amount_due_minor), "due")
