"""Pages of credit notes."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import day, link, money, number, span
from invoicing.models import CreditNoteLine
from ledger.admin import CurrencyFilter


class CreditNoteLineInline(ReadOnlyInline):
    """What a credit note reverses."""

    model = CreditNoteLine
    fields = (
        "description",
        link("invoice"),
        span("period_start", "period_end"),
        number("quantity"),
        money("net_minor"),
        money("tax_minor"),
        money("gross_minor"),
    )
    list_select_related = ("invoice",)


class CreditNoteAdmin(ReadOnlyAdmin):
    """Amounts given back on paper; registered by `backoffice`, whose page has the PDF."""

    list_display = (
        "number",
        link("customer"),
        day("issue_date"),
        "origin",
        money("total_minor"),
        money("to_invoices_minor", "To invoices"),
        money("to_balance_minor", "To balance"),
        money("refunded_minor"),
        link("brand"),
    )
    list_filter = (
        CurrencyFilter,
        ("brand", RelatedDropdownFilter),
        ("origin", ChoicesDropdownFilter),
        ("issue_date", RangeDateFilter),
    )
    list_select_related = ("customer", "brand", "series")
    inlines = (CreditNoteLineInline,)
    search_fields = ("number",)
    related_search = ("customer",)
    search_help_text = "Number, customer, e-mail, reference or id"
    empty_words = "A credit note is issued when a change or a cancellation gives money back."


@admin.register(CreditNoteLine)
class CreditNoteLineAdmin(ReadOnlyAdmin):
    """Reversed charges."""

    list_display = (
        "description",
        link("credit_note"),
        link("invoice"),
        "kind",
        span("period_start", "period_end"),
        money("net_minor"),
        money("tax_minor"),
        money("gross_minor"),
    )
    list_filter = (CurrencyFilter,)
    list_select_related = ("credit_note", "invoice")
    related_search = ("credit_note", "invoice")
    search_help_text = "Number of the credit note or the invoice, or customer"
    ordering = ("-id",)
    empty_words = "Lines come with credit notes."
