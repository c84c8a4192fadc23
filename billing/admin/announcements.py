"""Page of what was announced before it happened."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import Announcement
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import link, moment
from core.staff_pages.filters import MomentRangeFilter


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyAdmin):
    """What was told ahead, each once; the message that told it stands in the log of messages."""

    list_display = (
        "kind",
        link("customer"),
        link("subscription"),
        link("payment_method"),
        moment("about_at"),
        moment("announced_at"),
    )
    list_display_links: Any = None
    list_filter = (("kind", ChoicesDropdownFilter), ("announced_at", MomentRangeFilter))
    list_select_related = ("customer", "subscription__plan", "subscription__customer", "payment_method")
    related_search = ("customer",)
    search_help_text = "Customer"
    empty_words = "A row appears when a card expires, a trial ends or a year's renewal lies ahead."
