"""What a document says, before it is drawn."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from invoicing.documents.sheet import Sheet, sheet_of
from invoicing.documents.table import Place
from invoicing.domain.document import DocumentKind, DocumentPayment, DocumentStatus, Party, ProratedShare, ShareUnit
from tests.documents import samples
from tests.documents.cast import ALICE, GERMAN_SELLER, charge, document_of, inclusive_charge


def sums(sheet: Sheet) -> list[tuple[str, str]]:
    """Return the steps of the sum as labels and amounts, plain spaces throughout."""
    return [(total.label.replace("\u00a0", " "), total.amount.replace("\u00a0", " ")) for total in sheet.totals]


def details(sheet: Sheet) -> list[list[str]]:
    """Return the small print of each row."""
    return [[detail.words for detail in row.details] for item in sheet.table.items for row in item]


def test_a_discount_off_net_prices_is_a_step_of_the_sum() -> None:
    """1000 less 200, 19 %: each step follows from those above."""
    line = charge("Plan", 800, "19", discount_minor=200, quantity=Decimal(1), unit_price=Decimal(1000))
    assert sums(sheet_of(document_of([line], locale="en"))) == [
        ("Before discount", "€10.00"),
        ("Discount", "-€2.00"),
        ("Subtotal", "€8.00"),
        ("Tax 19% on €8.00", "€1.52"),
        ("Total", "€9.52"),
        ("Amount due", "€9.52"),
    ]


def test_a_discount_off_gross_prices_is_only_mentioned() -> None:
    """Net and gross do not add up in one column: 1190 less 190 is 1000 gross, 840 net."""
    line = inclusive_charge("Plan", 1000, "19", discount_minor=190)
    assert sums(sheet_of(document_of([line], locale="en")))[:3] == [
        ("Discount included above", "€1.90"),
        ("Subtotal", "€8.40"),
        ("Tax 19% on €8.40", "€1.60"),
    ]


def test_the_sum_ends_with_what_is_due_after_everything_that_settled_it() -> None:
    """Balance, credit notes and payments, in this order; a debit adds."""
    line = charge("Plan", 10000, "0", tax_category="Z")
    document = document_of(
        [line], locale="en", balance_applied_minor=1000, credited_minor=2000, paid_minor=3000, amount_due_minor=4000
    )
    assert sums(sheet_of(document))[3:] == [
        ("Credit balance applied", "-€10.00"),
        ("Credited", "-€20.00"),
        ("Paid", "-€30.00"),
        ("Amount due", "€40.00"),
    ]
    owing = document_of([line], locale="en", balance_applied_minor=-1000)
    assert sums(sheet_of(owing))[3:] == [("Earlier balance due", "€10.00"), ("Amount due", "€110.00")]


def test_a_credit_note_says_where_its_amount_went() -> None:
    """Only the uses that are not nothing, and no amount due."""
    assert [label for label, _ in sums(sheet_of(samples.credit_note()))][-3:] == [
        "Gesamtbetrag",
        "Mit offenen Rechnungen verrechnet",
        "Ihrem Guthaben zugeführt",
    ]


def test_lines_of_one_description_are_one_item_with_parts() -> None:
    """Tiers under a lead that names the period once."""
    plan, events = sheet_of(samples.invoice_tiers()).table.items
    assert [row.place for row in plan] == [Place.ALONE]
    assert [row.place for row in events] == [Place.LEAD, Place.PART, Place.PART, Place.LAST_PART]
    assert [detail.words for detail in events[0].details] == ["Feb 1\u2009–\u200928, 2026"]
    assert events[2].title.words == "Tier 2: 10,001 to 50,000, flat fee $5.00"
    assert events[2].details == ()


def test_parts_of_differing_periods_each_name_theirs() -> None:
    """And a part with nothing to say of itself repeats the description."""
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    lines = [
        charge("Plan", 100, "19", period_start=march, period_end=march),
        charge("Plan", 100, "19", period_start=april, period_end=april),
        charge("Plan", 100, "19"),
    ]
    ((lead, *parts),) = sheet_of(document_of(lines, locale="en")).table.items
    assert lead.details == ()
    assert [part.title.words for part in parts] == ["Mar 1, 2026", "Apr 1, 2026", "Plan"]


def test_more_parts_than_fit_together_are_lines_of_their_own() -> None:
    """Eight parts are one item, nine are nine items that each say their name."""
    day = charge("Day", 1, "0", tax_category="Z")
    assert [len(item) for item in sheet_of(document_of([day] * 8)).table.items] == [9]
    assert [len(item) for item in sheet_of(document_of([day] * 9)).table.items] == [1] * 9


@pytest.mark.parametrize(
    ("share", "net_minor", "words"),
    [
        (ProratedShare(15, 30), 500, "15 of 30 days"),
        (ProratedShare(15, 30), -500, "Unused time: 15 of 30 days"),
        (ProratedShare(15, 30, ShareUnit.THIRTY_360), 500, "15 of 30 days (30/360)"),
        (ProratedShare(1, 3, ShareUnit.SECOND), 500, "33.33% of the period"),
    ],
)
def test_a_prorated_line_explains_itself(share: ProratedShare, net_minor: int, words: str) -> None:
    """A negative line gives time back."""
    document = document_of([charge("Plan", net_minor, "19", share=share)], locale="en")
    assert details(sheet_of(document)) == [[words]]


def test_columns_nobody_fills_are_left_out() -> None:
    """A line may have neither quantity nor price nor discount."""
    bare = sheet_of(document_of([charge("Plan", 100, "19")])).table
    assert [column.name for column in bare.columns] == ["description", "rate", "amount"]
    full = sheet_of(samples.invoice_tiers()).table
    assert [column.name for column in full.columns] == [
        "description",
        "quantity",
        "price",
        "discount",
        "rate",
        "amount",
    ]


def test_gross_prices_give_a_gross_column_and_mixed_ones_say_so_by_the_line() -> None:
    """The amount column follows quantity times price wherever all lines agree."""
    gross = inclusive_charge("Gross", 1190, "19", unit_price=Decimal(1190), quantity=Decimal(1))
    net = charge("Net", 1000, "19", unit_price=Decimal(1000), quantity=Decimal(1))
    all_gross = sheet_of(document_of([gross], locale="en")).table
    assert all_gross.columns[-1].heading == "Amount incl. tax EUR"
    assert all_gross.items[0][0].cells[-1].words == "11.90"
    mixed = sheet_of(document_of([gross, net], locale="en"))
    assert mixed.table.columns[-1].heading == "Amount EUR"
    assert [item[0].cells[-1].words for item in mixed.table.items] == ["10.00", "10.00"]
    assert details(mixed) == [["Unit price includes tax"], []]


def test_columns_fill_the_width_and_leave_room_for_words() -> None:
    """170 mm together; very long numbers are set smaller."""
    for name in ("invoice_de", "invoice_tiers", "invoice_wordy", "invoice_huge"):
        table = sheet_of(samples.SAMPLES[name]()).table
        widths = [float(column.width.removesuffix("mm")) for column in table.columns]
        assert sum(widths) == pytest.approx(170, abs=0.4)
        assert widths[0] >= 28
        assert table.dense == (name == "invoice_huge")


@pytest.mark.parametrize(
    ("status", "kind", "paid_minor", "label", "amount", "remark"),
    [
        (DocumentStatus.OPEN, DocumentKind.INVOICE, 0, "Amount due", "€11.90", "Please pay by May 1, 2026"),
        (DocumentStatus.OPEN, DocumentKind.INVOICE, 190, "Amount due", "€10.00", "Please pay by May 1, 2026"),
        (DocumentStatus.PAID, DocumentKind.INVOICE, 1190, "Amount paid", "€11.90", "Paid on April 9, 2026"),
        (DocumentStatus.PAID, DocumentKind.RECEIPT, 1190, "Amount paid", "€11.90", "Paid on April 9, 2026"),
    ],
)
def test_the_panel_says_what_matters(  # noqa: PLR0917 - a table of cases
    status: DocumentStatus, kind: DocumentKind, paid_minor: int, label: str, amount: str, remark: str
) -> None:
    """Due until when, or paid when."""
    payments = (DocumentPayment(date(2026, 4, 9), paid_minor, "Card"),) if paid_minor else ()
    document = document_of(
        [charge("Plan", 1000, "19")], locale="en", status=status, kind=kind, paid_minor=paid_minor, payments=payments
    )
    panel = sheet_of(document).panel
    assert (panel.label, panel.amount, panel.remark, panel.struck) == (label, amount, remark, False)


def test_a_void_invoice_is_struck_and_watermarked_and_a_paid_one_is_not() -> None:
    """The mark fits the page whatever its length."""
    void, paid = sheet_of(samples.invoice_void()), sheet_of(samples.invoice_zero())
    assert (void.panel.struck, void.watermark) == (True, "Void")
    assert (paid.panel.struck, paid.watermark) == (False, "")
    draft = sheet_of(samples.invoice_draft())
    assert draft.watermark_size < void.watermark_size


def test_notes_hold_reasons_first_and_nothing_twice() -> None:
    """Two untaxed rates of one reason explain themselves once."""
    lines = [charge("A", 1, "0", tax_category="O"), charge("B", 1, "0", tax_category="G")]
    reason = "Outside the scope"
    document = document_of(lines, reasons={"O": reason, "G": reason}, notes=("Thanks\n\nand see you", reason))
    assert [note.words for note in sheet_of(document).notes] == [reason, "Thanks", "and see you"]


def test_long_instructions_stand_below_the_sum_and_short_ones_beside_it() -> None:
    """A column of 65 mm holds so much."""
    document = samples.invoice_de()
    assert sheet_of(document).settling_fits_beside
    long = replace(document, brand=replace(document.brand, payment_instructions="Bitte zahlen Sie bald. " * 40))
    assert not sheet_of(long).settling_fits_beside
    assert not sheet_of(long).settling_is_taller


def test_a_long_footer_gets_its_room() -> None:
    """Lines are counted as they will wrap, up to eight."""
    document = samples.invoice_de()
    assert sheet_of(document).footer_lines == 2
    endless = replace(document, brand=replace(document.brand, footer="Satz. " * 400))
    assert sheet_of(endless).footer_lines == 8


def test_a_seller_without_address_is_named_by_the_brand() -> None:
    """There is always somebody the document is from."""
    sheet = sheet_of(document_of([charge("Plan", 100, "19")], seller=Party()))
    assert (sheet.seller_name.words, sheet.author, sheet.sender) == ("Nordlicht Software",) * 3


def test_both_tax_numbers_are_called_by_their_names() -> None:
    """A number that begins with its country is a VAT number; Greece's begins with EL."""
    lines = [charge("Plan", 100, "19")]
    for buyer, expected in (
        (ALICE, "USt-IdNr. DE129273398"),
        (replace(ALICE, tax_number="27/123/45678"), "Steuernummer 27/123/45678"),
        (replace(ALICE, country="GR", tax_number="EL094259216"), "USt-IdNr. EL094259216"),
        (replace(ALICE, tax_number=""), ""),
    ):
        assert sheet_of(document_of(lines, buyer=buyer)).buyer_tax_number == expected
    assert GERMAN_SELLER.tax_number in str([line.words for line in sheet_of(document_of(lines)).seller])
