"""Pages of mass changes."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import MassChange, MassChangePart
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment
from core.staff_pages.filters import MomentRangeFilter

DUE = moment("due_at", "Date")
REASON = "reason"


@admin.register(MassChange)
class MassChangeAdmin(ReadOnlyAdmin):
    """Changes of plan or price for many subscriptions."""

    list_display = (DUE, badge(), "plan", "country", "new_plan", "new_price", moment("completed_at"))
    list_filter = (("status", ChoicesDropdownFilter), ("due_at", MomentRangeFilter))
    list_select_related = ("plan", "new_plan", "new_price")
    search_fields = ("=country",)
    search_help_text = "Country or id"
    empty_words = "Nothing is scheduled. A mass change is made over the API: POST /api/v1/mass-change"


@admin.register(MassChangePart)
class MassChangePartAdmin(ReadOnlyAdmin):
    """What became of each subscription of a mass change."""

    list_display = (link("subscription"), link("mass_change"), badge("outcome"), REASON, moment("settled_at"))
    list_display_links = (REASON,)
    list_filter = (("outcome", ChoicesDropdownFilter),)
    list_select_related = ("subscription__plan", "subscription__customer", "mass_change")
    search_fields = ("reason",)
    search_help_text = "Reason or id"
    empty_words = "No mass change has begun."
