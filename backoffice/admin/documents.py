"""Documents as PDF: credit notes and receipts here, invoices on their own page."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.admin.payments import ReceiptAdmin
from billing.models import Receipt
from billing.operations import documents
from core.errors import BillingError, NotFound
from core.staff_pages.base import ListAdmin
from invoicing.admin.credit_notes import CreditNoteAdmin
from invoicing.models import CreditNote


class DocumentPage(ListAdmin):
    """A page with its row's PDF behind a button."""

    document_kind = ""
    change_form_template = "backoffice/document.html"

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Add the address of the PDF."""
        return (("<uuid:object_id>/pdf", self._pdf_name(), document_pdf),)

    def _pdf_name(self) -> str:
        """Return the name of the PDF's address: invoice-pdf."""
        return f"{self.document_kind.replace('_', '-')}-pdf"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a document, with the way to its PDF."""
        context = {"pdf_name": f"admin:{self._pdf_name()}", **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


@admin.register(CreditNote)
class CreditNotePageAdmin(DocumentPage, CreditNoteAdmin):
    """Credit notes with their PDF."""

    document_kind = "credit_note"


@admin.register(Receipt)
class ReceiptPageAdmin(DocumentPage, ReceiptAdmin):
    """Receipts with their PDF."""

    document_kind = "receipt"


def document_pdf(request: HttpRequest, object_id: UUID, model_admin: DocumentPage) -> HttpResponse:
    """Send a document's PDF; where it cannot be drawn, lead back to its page and say why."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    try:
        document = documents.get_document(model_admin.document_kind, object_id, "pdf")
    except NotFound as error:
        raise Http404(error.message) from error
    except BillingError as error:
        messages.error(request, error.message)
        meta = model_admin.model._meta
        return redirect(f"admin:{meta.app_label}_{meta.model_name}_change", object_id)
    answer = HttpResponse(document.content, content_type=document.content_type)
    answer["Content-Disposition"] = f'inline; filename="{document.filename}"'
    return answer
