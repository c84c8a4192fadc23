"""The small parts a sheet is made of: words, formats, addresses, colours, fonts."""

import dataclasses
import doctest
import re
import string
from datetime import date
from decimal import Decimal

import pytest

from invoicing.documents import fonts, look, text
from invoicing.documents.address import address_lines, sender_line
from invoicing.documents.formats import Formats
from invoicing.documents.look import look_of, readable
from invoicing.documents.words import WORDS, Words, language_of, words_for
from invoicing.domain.document import BrandLook, Party

FONTS_LIMIT_BYTES = 3_000_000


def placeholders(pattern: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name}


@pytest.mark.parametrize("language", WORDS)
def test_every_language_has_every_word_with_the_same_placeholders(language: str) -> None:
    """English is the measure."""
    for field in dataclasses.fields(Words):
        word = getattr(WORDS[language], field.name)
        assert word.strip()
        assert placeholders(word) == placeholders(getattr(WORDS["en"], field.name)), field.name


@pytest.mark.parametrize(
    ("locale", "language"), [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("fr", "fr"), ("pt-BR", "en"), ("", "en")]
)
def test_a_locale_reads_its_language_or_english(locale: str, language: str) -> None:
    """Words and language mark agree."""
    assert language_of(locale) == language
    assert words_for(locale) is WORDS[language]


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "money"),
    [
        ("en", "EUR", "-1,234,567.89", "-€1,234,567.89"),
        ("de", "EUR", "-1.234.567,89", "-1.234.567,89 €"),
        ("fr", "EUR", "-1 234 567,89", "-1 234 567,89 €"),
        ("de-CH", "CHF", "-1’234’567.89", "CHF-1’234’567.89"),
        ("en", "JPY", "-123,456,789", "-¥123,456,789"),
        ("en", "KWD", "-123,456.789", "-KWD 123,456.789"),
        ("xx-broken", "EUR", "-1,234,567.89", "-€1,234,567.89"),
        ("de-broken", "EUR", "-1.234.567,89", "-1.234.567,89 €"),
    ],
)
def test_amounts_are_written_for_the_reader(locale: str, currency: str, amount: str, money: str) -> None:
    """123456789 minor units, by the locale's signs and the currency's places."""
    formats = Formats(locale, currency)
    spaces = re.compile("[\u00a0\u202f]")
    assert spaces.sub(" ", formats.amount(-123456789)) == amount
    assert spaces.sub(" ", formats.money(-123456789)) == money


def test_fine_prices_and_quantities_keep_their_places() -> None:
    """0.03 cents is 0.0003 euro; a whole price keeps the currency's places."""
    formats = Formats("en", "EUR")
    assert [formats.unit_price(Decimal(price)) for price in ("0.03", "4980", "0.000000000001")] == [
        "0.0003",
        "49.80",
        "0.00000000000001",
    ]
    assert formats.price(Decimal("0.5")) == "€0.005"
    assert [formats.number(Decimal(value)) for value in ("12.5000", "1234567.123456789012", "0")] == [
        "12.5",
        "1,234,567.123456789012",
        "0",
    ]
    assert [formats.percent(Decimal(rate)) for rate in ("19.00", "9.975", "0", "100")] == [
        "19%",
        "9.975%",
        "0%",
        "100%",
    ]


def test_days_and_spans_name_what_they_share_once() -> None:
    """A span of one day is that day."""
    formats = Formats("de", "EUR")
    assert formats.span(date(2026, 3, 1), date(2026, 3, 31)) == "1.–31. März 2026"
    assert formats.span(date(2026, 3, 1), date(2026, 3, 1)) == formats.short_day(date(2026, 3, 1)) == "01.03.2026"
    assert formats.country("FR") == "Frankreich"
    assert formats.country("XQ") == "XQ"


@pytest.mark.parametrize(
    ("country", "lines"),
    [
        ("DE", ["12345 Town", "Region", "Germany"]),
        ("US", ["Town, Region 12345", "United States"]),
        ("GB", ["Town", "Region", "12345", "United Kingdom"]),
        ("", ["12345 Town", "Region"]),
    ],
)
def test_an_address_is_written_as_its_post_does(country: str, lines: list[str]) -> None:
    """Empty lines vanish; a company that is the person's name stands once."""
    party = Party(
        name="Alice", company="Alice", street=("", "Street 1"), postcode="12345", city="Town", region="Region",
        country=country,
    )  # fmt: skip
    assert [line.words for line in address_lines(party, Formats("en", "EUR"))] == ["Alice", "Street 1", *lines]


def test_the_sender_stands_on_one_line() -> None:
    """For the window of an envelope."""
    party = Party(company="Nord GmbH", street=("Weg 1",), postcode="20457", city="Hamburg", country="DE")
    assert sender_line(party, "Nord") == "Nord GmbH · Weg 1 · 20457 Hamburg"
    assert sender_line(Party(), "Nord") == "Nord"


@pytest.mark.parametrize("colour", ["#ffffff", "#ffd60a", "#00ff00", "#767676", "#000000"])
def test_text_in_a_brands_colour_can_be_read_on_white(colour: str) -> None:
    """Darkened only as far as needed: what can be read stays."""
    shown = readable(colour)
    channels = [int(shown[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    contrast = 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    assert contrast >= 4.5
    assert (shown == colour) == (colour in {"#767676", "#000000"})


def test_a_logo_becomes_a_data_uri_and_none_stays_empty() -> None:
    """Nothing has to be fetched."""
    assert look_of(BrandLook(name="B", logo=b"ab", logo_type="image/png")).logo == "data:image/png;base64,YWI="
    assert look_of(BrandLook(name="B")).logo == ""


@pytest.mark.parametrize(
    ("value", "words", "rtl"),
    [
        ("Alice", "Alice", False),
        ("شركة النور", "شركة النور", True),
        ("12 שלום", "12 שלום", True),
        ("Alice שלום", "Alice שלום", False),
        ("123", "123", False),
        (" a\n\tb\u202e \x00", "a b", False),
        ("1\u202f234\u00a0€", "1\u202f234\u00a0€", False),
    ],
)
def test_text_is_cleaned_and_knows_its_direction(value: str, words: str, rtl: bool) -> None:
    """By its first strong letter."""
    assert text.text(value) == text.Text(words, rtl)
    assert str(text.text(value)) == words


@pytest.mark.parametrize("module", [look, text])
def test_docstring_examples_hold(module: object) -> None:
    """As those of the pure rooms do."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module is what it takes


def test_the_fonts_are_there_small_and_licensed() -> None:
    """Every face has its file, every file a face; together below three megabytes."""
    files = {path.name.removesuffix(".ttf.xz") for path in fonts.FOLDER.glob("*.xz")}
    assert files == {face.file for face in (*fonts.FACES, *fonts.EAST_ASIAN_FACES)}
    assert sum(path.stat().st_size for path in fonts.FOLDER.iterdir()) < FONTS_LIMIT_BYTES
    for name in ("LICENSE-Inter.txt", "LICENSE-Noto.txt"):
        assert "SIL OPEN FONT LICENSE" in (fonts.FOLDER / name).read_text().upper()


def test_chinese_readers_get_chinese_shapes_first() -> None:
    """Shared ideographs differ; everybody gets every script."""
    orders = {country: fonts.families(country) for country in ("CN", "KR", "JP", "DE")}
    assert orders["CN"].index("Chinese") < orders["CN"].index("Japanese")
    assert orders["KR"].index("Korean") < orders["KR"].index("Japanese")
    assert orders["JP"] == orders["DE"]
    assert {tuple(sorted(order.split(", "))) for order in orders.values()} == {tuple(sorted(orders["DE"].split(", ")))}


@pytest.mark.parametrize(
    ("page", "needed"), [("Müller & Søn", False), ("株式会社", True), ("한빛", True), ("カ", True)]
)
def test_east_asian_fonts_are_loaded_only_when_needed(page: str, needed: bool) -> None:
    """They are megabytes."""
    assert fonts.needs_east_asian(page) is needed
