"""A document as a page of HTML with its style sheet, before anything is drawn.

The text comes escaped out of Django's templates; the style sheet holds nothing a customer typed.
"""

from dataclasses import dataclass

from django.template.loader import render_to_string

from invoicing.documents.fonts import families
from invoicing.documents.look import Look
from invoicing.documents.sheet import Sheet, sheet_of
from invoicing.domain.document import Document

TEMPLATE = "invoicing/document.html"
STYLE_TEMPLATE = "invoicing/document.css"
_LEAST_FOOTER = 19.0
_FOOTER_LINE = 3.5


@dataclass(frozen=True, slots=True)
class Style:
    """What the style sheet depends on: few values per brand, so that a parsed sheet serves many documents."""

    colour: str
    text: str
    accent: str
    accent_text: str
    tint: str
    families: str
    footer_lines: int

    @property
    def footer_margin(self) -> str:
        """Return the room below the text in millimetres."""
        return f"{_LEAST_FOOTER + max(self.footer_lines, 1) * _FOOTER_LINE:.1f}"

    def css(self) -> str:
        """Return the style sheet."""
        return render_to_string(STYLE_TEMPLATE, {"style": self})


@dataclass(frozen=True, slots=True)
class Page:
    """A document ready to be drawn."""

    html: str
    style: Style


def page_of(document: Document) -> Page:
    """Return the page of a document."""
    sheet = sheet_of(document)
    return Page(render_to_string(TEMPLATE, {"sheet": sheet}), _style(sheet, sheet.look, document.buyer.country))


def _style(sheet: Sheet, look: Look, country: str) -> Style:
    """Return the style of a brand, its typefaces in the order the buyer's country reads them."""
    return Style(
        colour=look.colour,
        text=look.text,
        accent=look.accent,
        accent_text=look.accent_text,
        tint=look.tint,
        families=families(country),
        footer_lines=sheet.footer_lines,
    )
