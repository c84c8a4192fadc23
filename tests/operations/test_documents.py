"""Documents are drawn once and kept."""

import io

import pytest
from pypdf import PdfReader

from billing.models import Receipt
from billing.operations.documents import get_document
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Invalid
from invoicing.models import Invoice, StoredDocument
from tests.cast import at, make_company

pytestmark = pytest.mark.django_db


def words(content: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_an_invoice_is_drawn_once_and_kept(settings: object, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    company = make_company()
    company.tax("DE", "19")
    price = company.price(unit_price=2500)
    company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-31"))
    invoice = Invoice.objects.get()
    first = get_document("invoice", invoice.id)
    assert first.filename == "INV-2026-000001.pdf"
    text = words(first.content)
    assert "INV-2026-000001" in text
    assert "29.75" in text
    assert "Team" in text
    company.brand.colour = "#ff0000"
    company.brand.save()
    assert get_document("invoice", invoice.id).content == first.content
    assert StoredDocument.objects.count() == 1


def test_a_paid_invoice_and_its_receipt_say_so(settings: object, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    company = make_company()
    price = company.price()
    bob = company.customer("Bob")
    company.card(bob)
    company.start(bob, company.plan("Team", price), price, now=at("2026-01-31"))
    run_billing(Scope(at("2026-01-31"), at("2026-01-31")))
    invoice = Invoice.objects.get()
    assert invoice.status == "paid"
    assert "4242" in words(get_document("invoice", invoice.id).content)
    receipt = get_document("receipt", Receipt.objects.get().id)
    assert str(invoice.number) in words(receipt.content)


def test_an_unknown_format_is_refused() -> None:
    company = make_company()
    with pytest.raises(Invalid):
        get_document("invoice", company.brand.id, "docx")
