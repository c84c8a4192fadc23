"""Pages of what waits for late usage."""

from django.contrib import admin

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import link, moment
from core.staff_pages.filters import MomentRangeFilter
from invoicing.models import WaitingPart, WaitingStep

MOMENT = moment("moment")


class WaitingPartInline(ReadOnlyInline):
    """The subscriptions a step charges."""

    model = WaitingPart
    fields = (link("subscription"), moment("billed_from_at"), moment("dirty_from"))


@admin.register(WaitingStep)
class WaitingStepAdmin(ReadOnlyAdmin):
    """Due moments whose invoices are drafts."""

    list_display = (link("customer"), MOMENT, moment("finalize_at"), moment("created_at"))
    list_display_links = (MOMENT,)
    list_filter = (("finalize_at", MomentRangeFilter),)
    list_select_related = ("customer",)
    inlines = (WaitingPartInline,)
    related_search = ("customer",)
    search_help_text = "Customer"
    ordering = ("-id",)
    empty_words = "Invoices of brands with grace days wait here for late usage."


@admin.register(WaitingPart)
class WaitingPartAdmin(ReadOnlyAdmin):
    """Subscriptions that wait."""

    list_display = (link("subscription"), link("step"), moment("billed_from_at"), moment("dirty_from"))
    list_select_related = ("subscription__plan", "subscription__customer", "step")
    related_search = ("subscription",)
    search_help_text = "Subscription or customer"
    ordering = ("-id",)
    empty_words = "A subscription waits between the end of its period and the end of its grace days."
