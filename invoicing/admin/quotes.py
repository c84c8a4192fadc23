"""Pages of quotes and of what was asked for by hand."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import badge, link, moment, money, number
from core.staff_pages.filters import MomentRangeFilter
from invoicing.models import Quote, RequestedLine
from ledger.admin import CurrencyFilter


@admin.display(description="Quote", ordering="name")
def quote_name(row: Quote) -> str:
    """Write the name; one without a name is known by its id."""
    return row.name or str(row.id)


class RequestedLineInline(ReadOnlyInline):
    """What a quote offers."""

    model = RequestedLine
    fields = (link("plan"), link("price"), number("seats"), "description", money("amount_minor"), link("subscription"))


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    """Offers to customers."""

    list_display = (
        quote_name,
        link("customer"),
        badge(),
        money("total_minor"),
        moment("expires_at"),
        link("invoice"),
        moment("created_at"),
    )
    list_filter = (("status", ChoicesDropdownFilter), CurrencyFilter, ("expires_at", MomentRangeFilter))
    list_select_related = ("customer", "invoice")
    inlines = (RequestedLineInline,)
    search_fields = ("name",)
    related_search = ("customer",)
    search_help_text = "Name, customer, e-mail, reference or id"
    ordering = ("-id",)
    empty_words = "Quotes are made over the API."


@admin.register(RequestedLine)
class RequestedLineAdmin(ReadOnlyAdmin):
    """Lines of drafts and quotes, as asked for."""

    list_display = (
        "position",
        link("invoice"),
        link("quote"),
        link("plan"),
        number("seats"),
        "description",
        money("amount_minor"),
    )
    list_filter = (CurrencyFilter,)
    list_select_related = ("invoice", "quote", "plan")
    related_search = ("quote",)
    search_help_text = "Quote or customer"
    ordering = ("-id",)
    empty_words = "They stand on drafts made by hand and on quotes."
