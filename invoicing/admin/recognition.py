"""Pages of recognised revenue."""

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter, RelatedDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import day, link, moment, money
from invoicing.models import RevenueRecognition


@admin.register(RevenueRecognition)
class RevenueRecognitionAdmin(ReadOnlyAdmin):
    """What each month earned of what was charged in advance."""

    list_display = (
        day("month"),
        link("brand"),
        money("recognised_minor", "Recognised"),
        money("deferred_minor", "Still deferred"),
        "currency",
        moment("recorded_at"),
    )
    list_display_links = ("currency",)
    list_filter = (("brand", RelatedDropdownFilter), ("month", RangeDateFilter))
    list_select_related = ("brand",)
    search_fields = ("=currency",)
    related_search = ("brand",)
    search_help_text = "Currency or brand"
    ordering = ("-id",)
    empty_words = "Once a month is over, what it earned of charges in advance is posted: `manage.py recognise_revenue`."
