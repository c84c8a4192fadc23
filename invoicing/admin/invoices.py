"""Pages of invoices, their lines and their documents."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, day, link, moment, money, number, object_link, price, span
from core.staff_pages.filters import MomentRangeFilter
from core.staff_pages.words import EMPTY
from invoicing.models import Invoice, InvoiceLine, StoredDocument, VoucherUse
from ledger.admin import CurrencyFilter


@admin.display(description="Number", ordering="number")
def invoice_number(row: Invoice) -> str:
    """Write the number; a draft has none."""
    return row.number or "draft"


class InvoiceAdmin(ReadOnlyAdmin):
    """Invoices; registered by `backoffice`, whose page joins the rooms."""

    list_display = (
        invoice_number,
        link("customer"),
        badge(),
        day("issue_date"),
        day("due_date"),
        money("total_minor"),
        money("amount_due_minor", "Due"),
        "origin",
        link("brand"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        CurrencyFilter,
        ("brand", RelatedDropdownFilter),
        ("origin", ChoicesDropdownFilter),
        ("billing_type", ChoicesDropdownFilter),
        ("issue_date", RangeDateFilter),
        ("due_date", RangeDateFilter),
    )
    list_select_related: tuple[str, ...] = ("customer", "brand")
    search_fields = ("number",)
    related_search = ("customer",)
    search_help_text = "Number, customer, e-mail, reference or id"
    empty_words = "Invoices are made when a subscription starts and by the billing run. Run it now with: manage.py bill"


@admin.register(InvoiceLine)
class InvoiceLineAdmin(ReadOnlyAdmin):
    """Charges."""

    list_display = (
        "description",
        link("invoice"),
        "kind",
        span("period_start", "period_end"),
        number("quantity"),
        price("unit_price"),
        money("net_minor"),
        money("tax_minor"),
        money("gross_minor"),
    )
    list_filter = (("kind", ChoicesDropdownFilter), CurrencyFilter, ("period_start", MomentRangeFilter))
    list_select_related = ("invoice",)
    related_search = ("invoice",)
    search_help_text = "Invoice number or customer"
    ordering = ("-id",)
    empty_words = "Lines come with invoices."


@admin.register(VoucherUse)
class VoucherUseAdmin(ReadOnlyAdmin):
    """Vouchers that invoices used up."""

    list_display = (link("invoice"), link("redemption"), moment("returned_at"))
    list_select_related = ("invoice", "redemption__voucher", "redemption__customer")
    related_search = ("invoice",)
    search_help_text = "Invoice number or customer"
    ordering = ("-id",)
    empty_words = "An invoice that uses up a voucher is listed here; a void gives it back."


@admin.display(description="Size", ordering="size_bytes")
def document_size(row: StoredDocument) -> str:
    """Write a document's size."""
    return f"{row.size_bytes / 1024:,.0f} KB" if row.size_bytes else EMPTY


@admin.register(StoredDocument)
class StoredDocumentAdmin(ReadOnlyAdmin):
    """Rendered documents."""

    list_display = ("storage_name", object_link(), "format", document_size, moment("created_at"))
    list_filter = (("created_at", MomentRangeFilter),)
    search_fields = ("=object_id", "=sha256")
    search_help_text = "The id of the invoice, credit note or receipt"
    ordering = ("-id",)
    empty_words = "A PDF is kept here once it was asked for."
