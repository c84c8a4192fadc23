"""Pages of billing runs."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import BillingRun, ParkedCustomer
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment, number
from core.staff_pages.filters import MomentRangeFilter

AS_OF = moment("as_of", "As of")
REASON = "reason"


@admin.register(BillingRun)
class BillingRunAdmin(ReadOnlyAdmin):
    """Runs over the agenda."""

    list_display = (
        AS_OF,
        badge(),
        "trigger",
        number("customers"),
        number("invoices"),
        number("parked"),
        moment("created_at"),
        moment("started_at"),
        moment("finished_at"),
    )
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", MomentRangeFilter))
    search_fields = ("=trigger",)
    search_help_text = "Trigger or id"
    empty_words = "The scheduler runs each minute under manage.py up. Run it now with: manage.py bill"


@admin.register(ParkedCustomer)
class ParkedCustomerAdmin(ReadOnlyAdmin):
    """Customers a run had to leave out, and why."""

    list_display = (
        link("customer"),
        REASON,
        number("failures"),
        moment("first_failed_at"),
        moment("last_failed_at"),
        moment("customer__agenda__retry_at", "Next try"),
    )
    list_display_links = (REASON,)
    list_filter = (("last_failed_at", MomentRangeFilter),)
    list_select_related = ("customer__agenda",)
    search_fields = ("reason",)
    related_search = ("customer",)
    search_help_text = "Customer or reason"
    empty_words = "Nobody is parked: every customer could be billed."
