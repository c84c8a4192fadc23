"""The interface of drawing: a document in, a PDF out.

The drawing library needs system libraries, so it is imported with the first document and not before: everything else
runs without them.
"""

import atexit
import os
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from core.errors import Unavailable
from invoicing.documents.page import page_of
from invoicing.domain.document import Document

if TYPE_CHECKING:
    from invoicing.documents.engine import Engine

INSTALL_LINE = "apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


class RendererUnavailable(Unavailable):
    """The machine lacks the libraries that draw documents; the message has the one line that installs them."""

    code = "renderer_unavailable"


class Renderer(Protocol):
    """Whatever draws documents."""

    def render(self, document: Document) -> bytes:
        """Return the document as a PDF. Raises RendererUnavailable when the machine cannot draw."""
        ...


class WeasyPrintRenderer:
    """Draws with WeasyPrint. Threads may share it and take turns; all renderers of a process share one engine."""

    _engine: "Engine | None" = None
    _starting = Lock()

    def render(self, document: Document) -> bytes:
        """Return the document as a PDF, the same bytes for the same document.

        Raises RendererUnavailable when the system libraries are missing.
        """
        page = page_of(document)
        return self._started().write(page)

    @classmethod
    def _started(cls) -> "Engine":
        """Return the process's engine, made with the first document: fonts are read and registered once."""
        with cls._starting:
            if cls._engine is None:
                cls._engine = _new_engine()
            return cls._engine

    @classmethod
    def close(cls) -> None:
        """Let go of the engine and its unpacked fonts; the next document starts another.

        A worker that ends without Python's own exit (Celery's children do) calls this last, or leaves them behind.
        """
        with cls._starting:
            engine, cls._engine = cls._engine, None
        if engine is not None:
            engine.close()

    @classmethod
    def forget_after_fork(cls) -> None:
        """Start afresh in a child process, whose copy of the fonts and locks belongs to the parent."""
        if cls._engine is not None:
            cls._engine.disown()
        cls._engine, cls._starting = None, Lock()


# Pango's objects must be freed while its library is still loaded: left to the interpreter's end, they crash it.
atexit.register(WeasyPrintRenderer.close)
os.register_at_fork(after_in_child=WeasyPrintRenderer.forget_after_fork)


def _new_engine() -> "Engine":
    """Import the drawing library and start an engine. Raises RendererUnavailable when a system library is missing."""
    try:
        from invoicing.documents.engine import Engine
    except OSError as missing:
        raise RendererUnavailable(f"Documents cannot be drawn on this machine yet. Run: {INSTALL_LINE}") from missing
    return Engine()
