"""What changes read like on paper: unused time, what is charged in exchange, shares counted in seconds."""

import pytest

from invoicing.documents.formats import Formats
from invoicing.documents.table import TableWriter
from invoicing.documents.words import words_for
from invoicing.domain.document import Document
from invoicing.models import CreditNote, Invoice
from invoicing.queries import documents
from tests.api.running import Running

UNUSED = {
    "en": "Unused time: 15 of 30 days",
    "de": "Nicht genutzte Zeit: 15 von 30 Tagen",
    "fr": "Temps non utilisé: 15 jours sur 30",
    "es": "Tiempo no utilizado: 15 de 30 días",
}


def details(document: Document, language: str = "en") -> list[str]:
    """Return the words below the lines, rows of one item together."""
    table = TableWriter(document, Formats(language, document.currency), words_for(language)).table()
    rows = [row for item in table.items for row in item]
    return [" ".join(text.words for text in (row.title, *row.details)) for row in rows]


@pytest.mark.parametrize("language", UNUSED)
def test_a_change_up_names_the_unused_time(running: Running, language: str) -> None:
    running.advance("2026-06-16")
    body = {"plan": "team", "price": running.big, "when": "instantly"}
    running.api.post(f"{running.path}/plan", body, 202)
    invoice = documents.get_invoice(Invoice.objects.get(total_minor=750).id)
    words = details(documents.document_of_invoice(invoice, documents.settlement_of(invoice)), language)
    assert sum(UNUSED[language] in row for row in words) == 1


def test_a_change_down_names_it_on_the_credit_note_only_where_time_is_unused(running: Running) -> None:
    running.api.post(f"{running.path}/plan", {"plan": "team", "price": running.big, "when": "instantly"}, 202)
    running.advance("2026-06-16")
    running.api.post(f"{running.path}/plan", {"plan": "team", "price": running.small, "when": "instantly"}, 202)
    note = documents.get_credit_note(CreditNote.objects.get(total_minor=750).id)
    words = details(documents.document_of_credit_note(note))
    assert [UNUSED["en"] in row for row in words if "15 of 30 days" in row] == [True, False]


def test_seconds_are_no_days(running: Running) -> None:
    running.advance("2026-06-16")
    body = {"plan": "team", "price": running.big, "when": "instantly", "proration": "second"}
    running.api.post(f"{running.path}/plan", body, 202)
    invoice = documents.get_invoice(Invoice.objects.get(total_minor=750).id)
    words = " ".join(details(documents.document_of_invoice(invoice, documents.settlement_of(invoice))))
    assert "50% of the period" in words
    assert "days" not in words
