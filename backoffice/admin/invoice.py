"""The invoice page: its lines with their proof, its tax, what was paid on it, and its book entries."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.admin.documents import DocumentPage
from backoffice.domain.party import party_lines
from backoffice.navigation import may_view
from backoffice.queries import invoice_page
from invoicing.admin.invoices import InvoiceAdmin
from invoicing.models import Invoice


@admin.register(Invoice)
class InvoicePageAdmin(DocumentPage, InvoiceAdmin):
    """Invoices with everything around them."""

    document_kind = "invoice"
    change_form_template = "backoffice/invoice.html"
    list_select_related: tuple[str, ...] = ("customer", "brand", "series", "payment_method")

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
