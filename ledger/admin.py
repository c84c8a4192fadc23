"""Pages of the books: looked at, never changed."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import day, link, moment, money, object_link
from core.staff_pages.filters import UsedValuesFilter, used_values
from ledger.models import Account, CustomerBalance, Entry, Posting


class CurrencyFilter(UsedValuesFilter):
    """Offers the currencies anything was ever billed in."""

    title = "currency"
    parameter_name = "currency"

    def used(self) -> list[str]:
        """Return the currencies of the receivable account: every bill posts to it."""
        return used_values(Posting, "currency", first=("account", Account.RECEIVABLE))


class PostingInline(ReadOnlyInline):
    """The sides of an entry."""

    model = Posting
    fields = ("account", link("customer"), "country", money("amount_minor", "Debit (+) or credit (–)"), "currency")
    list_select_related = ("customer",)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Business facts in the books."""

    list_display = (moment("posted_at"), "kind", object_link(), link("customer"), day("accounting_date"))
    list_filter = (("accounting_date", RangeDateFilter),)
    list_select_related = ("customer",)
    inlines = (PostingInline,)
    search_fields = ("=object_id",)
    related_search = ("customer",)
    search_help_text = "Customer, or the id of the invoice or payment"
    empty_words = "An entry is posted with every finalised invoice and every payment."


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    """Sides of entries."""

    list_display = ("id", "account", money("amount_minor"), link("customer"), "country", link("entry"))
    list_filter = (("account", ChoicesDropdownFilter), CurrencyFilter)
    list_select_related = ("customer", "entry")
    related_search = ("entry",)
    search_help_text = "Customer, or the id of the invoice or payment"
    ordering = ("-id",)
    empty_words = "Postings are the debits and credits of entries."


@admin.register(CustomerBalance)
class CustomerBalanceAdmin(ReadOnlyAdmin):
    """Running totals of customers."""

    list_display = (link("customer"), "currency", money("balance_minor", "Credit"), money("receivable_minor", "Owed"))
    list_display_links = ("currency",)
    list_filter = (CurrencyFilter,)
    list_select_related = ("customer",)
    related_search = ("customer",)
    search_help_text = "Customer"
    ordering = ("-id",)
    empty_words = "A balance appears with a customer's first invoice or credit in a currency."
