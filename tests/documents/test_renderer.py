"""The renderer as a machine part: the same bytes, no network, no library, threads, forks."""

import builtins
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invoicing.documents.renderer import INSTALL_LINE, Renderer, RendererUnavailable, WeasyPrintRenderer
from tests.documents.samples import credit_note, invoice_de, invoice_jpy, invoice_tiers

ROOT = Path(__file__).resolve().parents[2]

DRAW_IN_A_PROCESS = """
import hashlib
import django
django.setup()
from invoicing.documents.renderer import WeasyPrintRenderer
from tests.documents.samples import invoice_jpy, invoice_tiers
for sample in (invoice_jpy, invoice_tiers):
    print(hashlib.sha256(WeasyPrintRenderer().render(sample())).hexdigest())
"""


@pytest.fixture
def no_engine() -> Iterator[None]:
    """Start the test, and those after it, without an engine."""
    WeasyPrintRenderer.close()
    yield
    WeasyPrintRenderer.close()


def test_the_same_document_is_the_same_bytes_whatever_was_drawn_before() -> None:
    """Also between two engines, one of which read Japanese first."""
    renderer: Renderer = WeasyPrintRenderer()
    first = renderer.render(invoice_tiers())
    renderer.render(invoice_jpy())
    assert renderer.render(invoice_tiers()) == first
    WeasyPrintRenderer.close()
    renderer.render(invoice_jpy())
    assert renderer.render(invoice_tiers()) == first


def test_another_document_is_other_bytes_with_another_identifier() -> None:
    """The control: a single letter is enough."""
    renderer = WeasyPrintRenderer()
    document = invoice_de()
    assert renderer.render(document) != renderer.render(replace(document, notes=("Another note.",)))


def test_another_process_draws_the_same_bytes_and_ends_cleanly() -> None:
    """Neither the order of hashes nor a temporary folder's name may reach the paper."""
    process = subprocess.run(
        [sys.executable, "-c", DRAW_IN_A_PROCESS],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "4711", "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    here = [
        hashlib.sha256(WeasyPrintRenderer().render(sample())).hexdigest() for sample in (invoice_jpy, invoice_tiers)
    ]
    assert process.stdout.split() == here
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/x.png",
        "https://example.org/x.css",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "font:../../../etc/passwd",
        "font:Inter-Regular.ttf.xz",
    ],
)
def test_every_address_but_bundled_fonts_and_data_is_refused(address: str) -> None:
    """The fetcher is the only way out, and a bundled font the control that it works."""
    from invoicing.documents.engine import BundledFetcher

    with pytest.raises((ValueError, KeyError)):
        BundledFetcher().fetch(address)
    assert BundledFetcher().fetch("font:Inter-Regular").read()[:4] == b"\x00\x01\x00\x00"
    assert BundledFetcher().fetch("data:text/plain,hello").read() == b"hello"


def test_a_logo_cannot_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SVG naming other addresses is drawn without them; every attempt is seen and refused."""
    from invoicing.documents.engine import BundledFetcher

    asked: list[str] = []
    fetch = BundledFetcher.fetch

    def watch(self: Any, url: str, headers: Any = None) -> Any:
        asked.append(url)
        return fetch(self, url, headers)

    monkeypatch.setattr(BundledFetcher, "fetch", watch)
    monkeypatch.setattr("socket.socket.connect", _refuse_connection)
    logo = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
        b'<image width="9" height="9" xlink:href="http://127.0.0.1:9/beacon.png"/>'
        b'<image width="9" height="9" xlink:href="file:///etc/hostname"/><rect width="5" height="5"/></svg>'
    )
    document = invoice_de()
    WeasyPrintRenderer().render(replace(document, brand=replace(document.brand, logo=logo)))
    assert {"http://127.0.0.1:9/beacon.png", "file:///etc/hostname"} <= set(asked)


def _refuse_connection(*_: object) -> None:
    """Fail the test that opens a connection."""
    raise AssertionError("a connection was opened")


@pytest.mark.usefixtures("no_engine")
def test_without_the_system_libraries_the_error_has_the_line_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library raises OSError at import when Pango is missing; a machine with it draws."""
    real = builtins.__import__

    def without_pango(name: str, *rest: Any) -> Any:
        if name == "invoicing.documents.engine":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", without_pango)
        with pytest.raises(RendererUnavailable, match=INSTALL_LINE) as caught:
            WeasyPrintRenderer().render(invoice_de())
    assert (caught.value.kind, caught.value.code) == ("unavailable", "renderer_unavailable")
    assert WeasyPrintRenderer().render(invoice_de()).startswith(b"%PDF")


def test_importing_the_renderer_loads_no_drawing_library() -> None:
    """Everything that only names the renderer starts on a machine without the libraries."""
    script = "import invoicing.documents.renderer, sys; print('weasyprint' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


def test_threads_take_turns_and_draw_right() -> None:
    """Four threads, three documents twice, the bytes of one thread alone."""
    samples = (invoice_de, invoice_tiers, credit_note)
    renderer = WeasyPrintRenderer()
    alone = [renderer.render(sample()) for sample in samples]
    with ThreadPoolExecutor(max_workers=4) as pool:
        together = list(pool.map(lambda position: renderer.render(samples[position % 3]()), range(6)))
    assert together == alone * 2


def test_a_closed_renderer_leaves_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The unpacked fonts are there while it draws, and gone after."""
    WeasyPrintRenderer.close()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    WeasyPrintRenderer().render(invoice_de())
    assert list(tmp_path.glob("weasyprint-*/*"))
    WeasyPrintRenderer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_leaves_the_parents_fonts_alone() -> None:
    """A child draws with an engine of its own; the parent's files are still there when it is gone."""
    renderer = WeasyPrintRenderer()
    before = renderer.render(invoice_de())
    child = os.fork()
    if child == 0:
        drawn = b""
        try:
            drawn = renderer.render(invoice_de())
            WeasyPrintRenderer.close()
        finally:
            os._exit(0 if drawn == before else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert renderer.render(invoice_jpy()).startswith(b"%PDF")
    assert renderer.render(invoice_de()) == before
