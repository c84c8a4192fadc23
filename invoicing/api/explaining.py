"""Invoices explained in words."""

import uuid

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api.fields import IdField, TextField, WholeNumberField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer
from core.api.views import ApiView, answer_json
from invoicing.documents.words import language_of
from invoicing.queries.documents import get_invoice
from invoicing.queries.explaining import explain_invoice


class ExplainedLineAnswer(AnswerSerializer):
    """A line with the sentences that say how it came about."""

    always = frozenset({"description", "total", "sentences"})

    description = TextField()
    total = WholeNumberField(source="total_minor", help_text="Minor units, tax included.")
    sentences = serializers.ListField(child=TextField())


class ExplanationAnswer(AnswerSerializer):
    """An invoice explained in the language of its locale, else in English."""

    always = frozenset({"id", "currency", "language", "lines", "summary"})

    id = IdField()
    number = TextField(help_text="Left out for a draft.")
    currency = TextField()
    language = TextField(help_text="en, de, fr or es.")
    lines = ExplainedLineAnswer(many=True)
    summary = serializers.ListField(child=TextField())


class InvoiceExplanation(ApiView):
    """`/invoice/{id}/explain`."""

    @describe("Explain an invoice", gives=ExplanationAnswer)
    def get(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """What was charged for which days at which price and why, in the language of the document."""
        invoice = get_invoice(invoice_id)
        explanation = explain_invoice(invoice)
        answer = {
            "id": invoice.id,
            "number": invoice.number,
            "currency": invoice.currency,
            "language": language_of(invoice.locale),
            "lines": explanation.lines,
            "summary": explanation.summary,
        }
        return answer_json(ExplanationAnswer().to_representation(answer))
