"""The invoice page: its lines with their proof, its tax, what was paid on it, and its book entries."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from backoffice.domain.party import party_lines
from backoffice.navigation import may_view
from backoffice.queries import invoice_page
from invoicing.admin.invoices import InvoiceAdmin
from invoicing.models import Invoice


@admin.register(Invoice)
class InvoicePageAdmin(InvoiceAdmin):
    """Invoices with everything around them."""

    change_form_template = "backoffice/invoice.html"
    list_select_related: tuple[str, ...] = ("customer", "brand", "series", "payment_method")

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Add the address of the PDF."""
        return (("<uuid:invoice_id>/pdf", "invoice-pdf", invoice_pdf),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an invoice, each section only to those who may view its rows."""
        invoice = self.get_object(request, object_id)
        sections = {}
        if invoice is not None and self.has_view_permission(request, invoice):
            sections = invoice_sections(request, invoice)
            sections |= {"seller": party_lines(invoice.seller), "buyer": party_lines(invoice.buyer)}
        return super().change_view(request, object_id, form_url, {"sections": sections, **(extra_context or {})})


def invoice_sections(request: HttpRequest, invoice: Invoice) -> dict[str, Any]:
    """Return the parts of an invoice's page that the reader may see."""
    sections: dict[str, Any] = {}
    if may_view(request, "invoicing", "invoiceline"):
        sections["groups"] = invoice_page.list_line_groups(invoice.id)
        sections["taxes"] = invoice_page.sum_tax_groups(sections["groups"])
    if may_view(request, "billing", "payment"):
        sections["payments"] = invoice_page.list_payments(invoice.id)
    if may_view(request, "billing", "paymentattempt"):
        sections["attempts"] = invoice_page.list_attempts(invoice.id)
    if may_view(request, "invoicing", "creditnote"):
        sections["credit_notes"] = invoice_page.list_credit_notes(invoice.id)
    if may_view(request, "ledger", "entry"):
        facts = [*sections.get("payments", ()), *sections.get("credit_notes", ())]
        sections["entries"] = invoice_page.list_entries([invoice.id, *(fact.id for fact in facts)])
    return sections


def invoice_pdf(request: HttpRequest, invoice_id: UUID, model_admin: InvoicePageAdmin) -> HttpResponse:
    """Send an invoice's PDF; a draft has none."""
    invoice = invoice_page.find_invoice(invoice_id)
    if not model_admin.has_view_permission(request, invoice):
        raise PermissionDenied
    if invoice is None or invoice.status == Invoice.Status.DRAFT:
        raise Http404("there is no such document")
    from invoicing.operations import documents

    document = documents.get_document("invoice", invoice_id, "pdf")
    return HttpResponse(document.content, content_type=document.content_type)
