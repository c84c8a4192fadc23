"""What a reader of the PDF finds in it."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from pypdf import PdfReader

from core.domain.money import minor_digits
from invoicing.documents.renderer import WeasyPrintRenderer
from invoicing.domain.document import Document, DocumentStatus, Party
from tests.documents.cast import charge, document_of
from tests.documents.extremes import invoice_long
from tests.documents.samples import SAMPLES, invoice_de

BUNDLED = re.compile(r"Reckoner\b")


class Drawn:
    """A PDF and how to read it."""

    def __init__(self, content: bytes) -> None:
        """Keep the bytes."""
        self.content = content
        self.reader = PdfReader(io.BytesIO(content))

    @cache  # noqa: B019 - a drawn document lives as long as its test, a sample as long as the module
    def pages(self) -> list[str]:
        """Return the text of each page, every run of white space a single space."""
        return [re.sub(r"\s+", " ", page.extract_text()) for page in self.reader.pages]

    def words(self) -> str:
        """Return the text of all pages."""
        return " ".join(self.pages())

    def fonts(self) -> set[str]:
        """Return the names of the embedded fonts, without the mark of their subset."""
        pages: Any = self.reader.pages
        resources = [page["/Resources"]["/Font"] for page in pages]
        return {font.get_object()["/BaseFont"].partition("+")[2] for fonts in resources for font in fonts.values()}


def draw(document: Document) -> Drawn:
    """Draw a document."""
    return Drawn(WeasyPrintRenderer().render(document))


@pytest.fixture(scope="module")
def sample() -> Callable[[str], Drawn]:
    """Return a sample by name, each drawn once."""
    drawn: dict[str, Drawn] = {}

    def get(name: str) -> Drawn:
        if name not in drawn:
            drawn[name] = draw(SAMPLES[name]())
        return drawn[name]

    return get


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_a_whole_document_that_names_itself(name: str, sample: Callable[[str], Drawn]) -> None:
    document, drawn = SAMPLES[name](), sample(name)
    assert_whole(document, drawn)
    assert_named(document, drawn)


def assert_whole(document: Document, drawn: Drawn) -> None:
    """Number, seller and total are there, each page says which of how many it is, and only bundled fonts are used."""
    words = drawn.words()
    assert document.number in words
    assert document.seller.company.split()[0] in words
    digits = str(document.total_minor)
    assert digits in re.sub(r"[^0-9]", "", words), "the total stands there, whatever its separators"
    pages = drawn.pages()
    for position, page in enumerate(pages, start=1):
        assert re.search(rf"(Page|Seite|Página) {position} (of|von|sur|de) {len(pages)}\b", page)
    assert all(BUNDLED.match(font) for font in drawn.fonts()), drawn.fonts()


def assert_named(document: Document, drawn: Drawn) -> None:
    """Title, author, language, tags and the fixed date of the file."""
    about = drawn.reader.metadata
    assert about is not None
    assert about.title is not None
    assert about.title.endswith(document.number)
    assert about.author == document.seller.company
    assert about.creator == "Reckoner"
    assert about.creation_date is not None
    assert about.creation_date.date() == document.issue_date
    catalog: Any = drawn.reader.trailer["/Root"]
    assert catalog["/Lang"] == document.locale[:2]
    assert catalog["/MarkInfo"]["/Marked"]


def test_a_german_invoice_reads_as_one() -> None:
    """Parties, dates, numbers, sums, account: every word of it in German."""
    words = draw(invoice_de()).words()
    for expected in (
        "Rechnung",
        "RE-2026-000417",
        "Ausstellungsdatum 1. April 2026",
        "Fällig am 1. Mai 2026",
        "Leistungszeitraum 1.–31. März 2026",
        "Bergers Backstube GmbH & Co. KG",
        "Speicherstraße 14",
        "USt-IdNr. DE136695976",
        "USt-IdNr. DE129273398",
        "12,5 3,40 19 % 42,50",
        "Nettobetrag 741,50 €",
        "USt. 19 % auf 741,50 € 140,89 €",
        "Gesamtbetrag 882,39 €",
        "Zu zahlen 882,39 €",
        "IBAN DE75 5121 0800 1245 1261 99",
        "Seite 1 von 1",
    ):
        assert expected in words


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", ("Invoice", "April 1, 2026", "€882.39", "Subtotal")),
        ("en-GB", ("Invoice", "1 April 2026", "€882.39", "Subtotal")),
        ("de-AT", ("Rechnung", "1. April 2026", "€ 882,39", "Nettobetrag")),
        ("fr", ("Facture", "1 avril 2026", "882,39 €", "Total HT")),
        ("es", ("Factura", "1 de abril de 2026", "882,39 €", "Base imponible")),
        ("ja", ("Invoice", "April 1, 2026", "€882.39", "Subtotal")),
    ],
)
def test_every_locale_has_its_words_dates_and_numbers(locale: str, expected: tuple[str, ...]) -> None:
    """A language without words here reads English throughout, not half of each."""
    words = draw(replace(invoice_de(), locale=locale)).words()
    assert [part for part in expected if part not in words] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("invoice_jpy", ("¥66,381", "株式会社ひかりシステム", "123,456 0.1 10% 12,346")),
        ("invoice_kwd", ("KWD 1,239.072", "9,010 0.0005 0% 4.505", "Outside the scope of UK VAT")),
        ("invoice_tiers", ("Tier 1: 1 to 10,000", "Tier 3: 50,001 and above, flat fee $10.00", "0.000125", "-$61.18")),
        ("credit_note", ("KORREKTUR", "Zu Rechnung RE-2026-000417", "Nicht genutzte Zeit: 15 von 30 Tagen", "73,45 €")),
        ("receipt", ("PAID", "HC-2026-0311, HC-2026-0348", "Paid on 3 April 2026", "Visa ending 4242")),
        ("reverse_charge", ("Autoliquidation", "FR40303265045", "DE136695976", "TVA 0 % sur 1 146,00 €")),
        ("invoice_zero", ("BEZAHLT", "Nichts zu zahlen", "0,00 €", "-9,90")),
        ("invoice_void", ("VOID", "Credited -€882.39")),
        ("invoice_draft", ("Brouillon", "BROUILLON")),
        ("invoice_rates", ("IVA 21 % sobre 100,00 €", "IVA 4 % sobre 28,00 €", "IVA 10 % sobre 90,00 €", "249,12 €")),
        ("invoice_change", ("Credit balance applied -£18.00", "Paid -£100.00", "50% of the period", "(30/360)")),
        ("invoice_foreign", ("1 USD = 0,92 EUR", "netto 1.104,00 €", "Steuer 209,76 €")),
        ("invoice_scripts", ("王玥", "한빛소프트", "แสงทอง", "Ελλάδα", "Москва", "Երևան", "თბილისი")),
        ("invoice_huge", ("IDR 1,012,705,368,580.37",)),
    ],
)
def test_each_kind_says_what_makes_it_so(name: str, expected: tuple[str, ...], sample: Callable[[str], Drawn]) -> None:
    """Currencies of any number of places, tiers, stamps, reasons, payments, other scripts."""
    words = sample(name).words()
    assert [part for part in expected if part not in words] == []


def test_an_open_invoice_has_no_stamp(sample: Callable[[str], Drawn]) -> None:
    """The control of the stamps above."""
    words = sample("invoice_de").words()
    assert not {"BEZAHLT", "STORNIERT", "KORREKTUR", "ENTWURF"} & set(words.split())


def test_a_draft_does_not_ask_for_money(sample: Callable[[str], Drawn]) -> None:
    """The same invoice, issued, names the account."""
    assert "IBAN" in sample("invoice_de").words()
    assert "IBAN" not in sample("invoice_draft").words()


def test_a_long_table_repeats_its_heading_and_the_running_header(sample: Callable[[str], Drawn]) -> None:
    """Two hundred lines, each once; number on every page, address on the first alone."""
    pages = sample("invoice_long").pages()
    assert len(pages) > 5
    for page in pages:
        assert "Unit price" in page
        assert "HC-2026-0502" in page
    assert ["4 Castle Street" in page for page in pages] == [True] + [False] * (len(pages) - 1)
    rows = [int(row) for row in re.findall(r"region (\d{3})", " ".join(pages))]
    assert rows == [position for position in range(1, 201) if position % 9]


@pytest.mark.parametrize("count", range(6, 14))
def test_the_sum_never_stands_alone(count: int) -> None:
    """However many lines fill the page, the total comes with the last of them and with how to pay."""
    pages = draw(invoice_long(count)).pages()
    (page,) = [page for page in pages if "Subtotal" in page]
    assert "Server hour" in page or "Database cluster" in page
    assert "IBAN" in page


def test_what_people_type_is_text_never_markup() -> None:
    """Names, descriptions and notes with HTML in them are printed as they are."""
    evil = '<b>Bold</b><img src="https://evil.example/x.png"><style>*{display:none}</style>'
    document = document_of(
        [charge(evil, 1000, "19", details=("<script>alert(1)</script>",))],
        buyer=Party(company="<h1>Ltd</h1> & Co", name="{{ sheet.number }}", country="DE"),
        notes=("</body></html> after the end",),
        number="<i>1</i>",
    )
    words = draw(document).words()
    for expected in (
        "<b>Bold</b>",
        "*{display:none}",
        "<script>alert(1)</script>",
        "<h1>Ltd</h1> & Co",
        "{{ sheet.number }}",
        "</body></html> after the end",
        "<i>1</i>",
        "11,90 €",
    ):
        assert expected in words


def test_control_characters_and_turned_directions_are_dropped() -> None:
    """A name cannot end a string early, nor turn the amounts around."""
    document = document_of(
        [charge("Plan\x00\x07 A\u202e B", 1000, "19")], buyer=Party(company="Bob\x1b Ltd\ud800", country="GB")
    )
    words = draw(document).words()
    assert "Plan A B" in words
    assert "Bob Ltd" in words


def test_a_broken_logo_gives_way_to_the_name() -> None:
    """The invoice is drawn all the same, with the brand's name as the picture's words."""
    document = invoice_de()
    broken = replace(document, brand=replace(document.brand, logo=b"no picture", logo_type="image/png"))
    assert "Nordlicht Software" in draw(broken).pages()[0]


def test_amounts_have_the_currencys_places() -> None:
    """One minor unit of each, written out."""
    for currency, expected in (("JPY", "1"), ("EUR", "0,01"), ("KWD", "0,001")):
        document = document_of([charge("Plan", 1, "0", tax_category="Z")], currency=currency)
        assert f"0 % {expected} " in draw(document).words(), minor_digits(currency)


def test_a_custom_title_replaces_the_kinds_word() -> None:
    """On the paper and in the file's title."""
    drawn = draw(replace(invoice_de(), title="Honorarnote"))
    assert drawn.reader.metadata is not None
    assert drawn.reader.metadata.title == "Honorarnote RE-2026-000417"
    assert "Honorarnote" in drawn.words()
    assert "Rechnung " not in drawn.words().replace("Rechnung an", "")


def test_the_paid_stamp_follows_the_status() -> None:
    """The same amounts, open, have none."""
    document = document_of([charge("Plan", 0, "19", quantity=Decimal(1))])
    assert "BEZAHLT" not in draw(document).words()
    assert "BEZAHLT" in draw(replace(document, status=DocumentStatus.PAID)).words()
