"""WeasyPrint, set up once per process: shared fonts, parsed style sheets, and no way out to the network.

One font configuration for all documents halves the time of each. Pango is not safe for threads that share one, so
pages are drawn one at a time; more at once means more processes.
"""

import hashlib
import shutil
from collections import OrderedDict
from threading import Lock

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from invoicing.documents.fonts import EAST_ASIAN_FACES, FACES, SCHEME, Face, font_bytes, needs_east_asian
from invoicing.documents.page import Page, Style

_IDENTIFIER_BYTES = 16
_KEPT_STYLES = 32


class BundledFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no type hints
    """Answers for bundled fonts and data URIs, and refuses everything else: files, networks, other hosts."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Return a bundled font or a data URI's content. Raises ValueError for any other address."""
        scheme, _, rest = url.partition(":")
        if scheme == SCHEME:
            return URLFetcherResponse(url, font_bytes(rest), {"Content-Type": "font/ttf"})
        if scheme == "data":
            return super().fetch(url, headers)
        raise ValueError(f"a document may not fetch {url[:80]}")


class Engine:
    """Draws pages."""

    def __init__(self) -> None:
        """Register the typefaces every document may need."""
        self._fonts = FontConfiguration()
        self._fetcher = BundledFetcher()
        self._styles: OrderedDict[Style, CSS] = OrderedDict()
        self._drawing = Lock()
        self._reads_east_asian = False
        self._register(FACES)

    def write(self, page: Page) -> bytes:
        """Return the page as a PDF, the same bytes for the same page."""
        with self._drawing:
            if not self._reads_east_asian and needs_east_asian(page.html):
                self._register(EAST_ASIAN_FACES)
                self._reads_east_asian = True
            identifier = hashlib.sha256(page.html.encode()).digest()[:_IDENTIFIER_BYTES]
            drawn: bytes = HTML(string=page.html, url_fetcher=self._fetcher).write_pdf(
                stylesheets=[self._sheet(page.style)],
                font_config=self._fonts,
                pdf_identifier=identifier,
                pdf_tags=True,
            )
            return drawn

    def close(self) -> None:
        """Delete the unpacked fonts at once; cycles of references would keep them until the next collection."""
        with self._drawing:
            if self._fonts._folder is not None:
                shutil.rmtree(self._fonts._folder, ignore_errors=True)

    def disown(self) -> None:
        """Leave the font files to the process that unpacked them; called in a child after a fork."""
        # Its finaliser would delete the parent's files.
        self._fonts._folder = None

    def _register(self, faces: tuple[Face, ...]) -> None:
        """Add typefaces to those all documents share."""
        rules = "\n".join(face.rule() for face in faces)
        CSS(string=rules, font_config=self._fonts, url_fetcher=self._fetcher)

    def _sheet(self, style: Style) -> CSS:
        """Return the parsed style sheet, keeping the ones used last."""
        parsed = self._styles.pop(style, None)
        if parsed is None:
            parsed = CSS(string=style.css(), font_config=self._fonts, url_fetcher=self._fetcher)
            if len(self._styles) >= _KEPT_STYLES:
                self._styles.popitem(last=False)
        self._styles[style] = parsed
        return parsed
