"""Usage limits in the back office.

Events have a composite primary key, which Django's admin cannot register; `backoffice` shows those of one subscription.
"""

from django.contrib import admin

from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import link, moment, number
from usage.models import UsageLimit


@admin.register(UsageLimit)
class UsageLimitAdmin(ReadOnlyAdmin):
    """What customers' usage may cost in a period."""

    list_display = (
        "name",
        link("customer"),
        "action",
        number("amount_minor", "Amount"),
        moment("passed_at"),
        moment("silent_until_at"),
    )
    list_filter = ("action",)
    list_select_related = ("customer",)
    search_fields = ("name",)
    related_search = ("customer",)
    search_help_text = "Name or customer"
    empty_words = "A usage limit appears when one is set over the API."
