"""Pages of number series."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import link, moment, number
from invoicing.models import NumberCounter, NumberSeries


@admin.display(description="Year", ordering="year")
def counter_year(row: NumberCounter) -> str:
    """Write the year a counter counts in; a series that never resets has one counter for ever."""
    return str(row.year) if row.year else "all years"


class NumberCounterInline(ReadOnlyInline):
    """Where a series stands."""

    model = NumberCounter
    fields = (counter_year, number("last_sequence"))


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    """Formats of numbers."""

    list_display = ("format", link("brand"), "kind", "reset", moment("created_at"))
    list_filter = (("brand", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter))
    list_select_related = ("brand",)
    inlines = (NumberCounterInline,)
    search_fields = ("format",)
    related_search = ("brand",)
    search_help_text = "Format or brand"
    ordering = ("-id",)
    empty_words = "Each brand has a series for its invoices, credit notes and receipts; they are made with the brand."


@admin.register(NumberCounter)
class NumberCounterAdmin(ReadOnlyAdmin):
    """Where each series stands."""

    list_display = (link("series"), counter_year, number("last_sequence", "Last number given"))
    list_display_links = (counter_year,)
    list_select_related = ("series",)
    related_search = ("series",)
    search_help_text = "Format or brand"
    ordering = ("-id",)
    empty_words = "A counter appears with the first number of a series in a year."
