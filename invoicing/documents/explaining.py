"""An invoice in words: what was charged, for which days, at which price and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.domain.rounding import round_half_away
from core.domain.schedule import local_date
from invoicing.documents.explaining_words import Sentences, sentences_for
from invoicing.documents.formats import Formats
from invoicing.domain.charge import CREDIT, MINIMUM, ONE_OFF, SEATS, USAGE
from invoicing.domain.document import Document, DocumentLine

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What explains a line beside what is printed: its kind, amount before discount in minor units, and proof."""

    kind: str
    amount_minor: int
    proof: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What settled an invoice by now, and what is due until when, in minor units; a negative balance was a debit."""

    balance_minor: int
    paid_minor: int
    credited_minor: int
    written_off_minor: int
    due_minor: int
    due_date: date | None


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """A line's description and gross in minor units, with the sentences that say how it came about."""

    description: str
    total_minor: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An invoice in the words of its reader's language."""

    lines: tuple[ExplainedLine, ...]
    summary: tuple[str, ...]


def explain(document: Document, facts: Sequence[LineFacts], settled: Settled, *, zone: str) -> Explanation:
    """Return a document explained in the language of its locale; `zone` is the customer's, for moments of usage."""
    writer = _Writer(document, zone)
    lines = tuple(
        ExplainedLine(line.description, line.gross_minor, tuple(writer.line(line, fact)))
        for line, fact in zip(document.lines, facts, strict=True)
    )
    return Explanation(lines, tuple(writer.summary(settled)))


class _Writer:
    """Writes sentences in one language."""

    def __init__(self, document: Document, zone: str) -> None:
        self._document = document
        self._zone = zone
        self._formats = Formats(document.locale, document.currency)
        self._say: Sentences = sentences_for(document.locale)

    def line(self, line: DocumentLine, facts: LineFacts) -> Iterator[str]:
        """Yield what was charged for which days, at which price, less what, plus which tax."""
        yield self._what(line, facts)
        yield from self._price(line, facts)
        yield from self._discount(line, facts)
        yield self._tax(line, facts)
        if line.tax_minor and not line.including_tax:
            yield self._say.line_total.format(gross=self._formats.money(line.gross_minor))

    def summary(self, settled: Settled) -> Iterator[str]:
        """Yield what the lines come to, what has settled it, and what is due."""
        document, say, money = self._document, self._say, self._formats.money
        yield say.total.format(
            net=money(document.sub_total_minor), tax=money(document.tax_total_minor), total=money(document.total_minor)
        )
        parts = (
            (say.balance_used, max(settled.balance_minor, 0)),
            (say.balance_debit, max(-settled.balance_minor, 0)),
            (say.paid, settled.paid_minor),
            (say.credited, settled.credited_minor),
            (say.written_off, settled.written_off_minor),
        )
        yield from (sentence.format(amount=money(minor)) for sentence, minor in parts if minor)
        if not settled.due_minor:
            yield say.nothing_due
        elif settled.due_date is not None:
            yield say.due.format(amount=money(settled.due_minor), day=self._formats.day(settled.due_date))

    def _what(self, line: DocumentLine, facts: LineFacts) -> str:
        """Say what was charged, for which days or which usage."""
        say, proof, money = self._say, facts.proof, self._formats.money
        span = self._span(line)
        if "takes_back" in proof:
            return say.corrected.format(span=span)
        if facts.kind == USAGE and "window" in proof:
            return self._usage(line, proof)
        if facts.kind == SEATS and line.seats_changed:
            sentence = say.seats_added if line.seats_changed > 0 else say.seats_removed
            return sentence.format(seats=self._formats.number(abs(line.seats_changed)), span=span)
        if facts.kind == CREDIT:
            return say.unused.format(span=span)
        if facts.kind == MINIMUM and "minimum" in proof:
            return say.minimum.format(span=span, minimum=money(proof["minimum"]), charged=money(proof["charged"]))
        return say.once if facts.kind == ONE_OFF or not span else say.recurring.format(span=span)

    def _usage(self, line: DocumentLine, proof: Mapping[str, Any]) -> str:
        """Say which usage was counted, and between which moments of the customer's calendar."""
        start, end = (self._formats.day(self._local(text)) for text in proof["window"])
        if proof.get("late"):
            before = self._formats.money(int(proof.get("billed_before", 0)))
            return self._say.usage_late.format(start=start, end=end, before=before)
        if "charged_sum" in proof:
            quantity = self._formats.price(Decimal(proof["charged_sum"]))
        else:
            quantity = self._formats.number(Decimal(proof.get("quantity", line.quantity or 0)))
        return self._say.usage.format(
            start=start, end=end, quantity=quantity, events=self._formats.number(proof.get("events", 0))
        )

    def _price(self, line: DocumentLine, facts: LineFacts) -> Iterator[str]:
        """Say at which price: its tier, quantity and unit price, and the share of the period that is charged."""
        say, formats = self._say, self._formats
        if line.tier is not None:
            sentence = say.tier_open if line.tier.last_unit is None else say.tier
            yield sentence.format(
                number=line.tier.number,
                first=formats.number(line.tier.first_unit),
                last="" if line.tier.last_unit is None else formats.number(line.tier.last_unit),
            )
        if line.unit_price is not None and line.quantity is not None and "charged_sum" not in facts.proof:
            yield from self._product(line, facts, line.unit_price, line.quantity)
        if line.share is not None:
            yield self._share(line, facts)
        before = facts.proof.get("billed_before")
        if before and not facts.proof.get("late") and facts.kind != MINIMUM:
            yield say.billed_before.format(before=formats.money(int(before)))

    def _product(self, line: DocumentLine, facts: LineFacts, unit_price: Decimal, quantity: Decimal) -> Iterator[str]:
        """Say quantity x unit price, unless the price is no such product (packages): its amount tells it then."""
        say, formats = self._say, self._formats
        flat = line.tier.flat_fee if line.tier is not None else Decimal(0)
        full = unit_price * quantity + flat
        if line.share is None and round_half_away(full) != facts.amount_minor:
            return
        values = {"quantity": formats.number(quantity), "price": formats.price(unit_price)}
        sentence = say.price_flat if flat else say.price
        yield sentence.format(**values, amount=formats.price(full), flat=formats.price(flat))
        if line.share is None and full != facts.amount_minor:
            yield say.rounded.format(amount=formats.money(facts.amount_minor))

    def _share(self, line: DocumentLine, facts: LineFacts) -> str:
        """Say which share of the period is charged or credited: in days, or for a share of seconds in percent."""
        share, say, formats = line.share, self._say, self._formats
        is_credited = facts.kind == CREDIT or facts.amount_minor < 0
        amount = formats.money(facts.amount_minor)
        if share is None:
            return ""
        if share.whole >= _SECONDS_A_DAY:
            percent = formats.percent(round(Decimal(share.part * 100) / share.whole, 2))
            sentence = say.share_percent_credited if is_credited else say.share_percent
            return sentence.format(percent=percent, amount=amount)
        sentence = say.share_credited if is_credited else say.share
        return sentence.format(part=formats.number(share.part), whole=formats.number(share.whole), amount=amount)

    def _discount(self, line: DocumentLine, facts: LineFacts) -> Iterator[str]:
        """Say what vouchers took off, or which discount a correction takes along."""
        say, money = self._say, self._formats.money
        vouchers = facts.proof.get("vouchers", ())
        for _, percent, fixed_minor, _, taken_minor in vouchers:
            if percent is not None:
                yield say.voucher.format(percent=self._formats.percent(Decimal(percent)), amount=money(taken_minor))
            else:
                yield say.voucher_fixed.format(value=money(fixed_minor), amount=money(taken_minor))
        if line.discount_minor and not vouchers:
            yield say.discount_shared.format(amount=money(line.discount_minor))

    def _tax(self, line: DocumentLine, facts: LineFacts) -> str:
        """Say which tax, or why there is none."""
        say, money = self._say, self._formats.money
        rate = self._formats.percent(line.tax_rate)
        if not line.tax_rate:
            return say.tax_none.format(reason=facts.proof.get("tax", {}).get("reason") or rate)
        if line.including_tax:
            return say.tax_included.format(rate=rate, tax=money(line.tax_minor), gross=money(line.gross_minor))
        return say.tax.format(rate=rate, net=money(line.net_minor), tax=money(line.tax_minor))

    def _span(self, line: DocumentLine) -> str:
        """Return the days of a line, empty for a line of one moment."""
        if line.period_start is None or line.period_end is None:
            return ""
        return self._formats.span(line.period_start, line.period_end)

    def _local(self, text: str) -> date:
        return local_date(datetime.fromisoformat(text), self._zone)
