"""Page of simulations of everybody."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import SimulationRun
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, moment, number
from core.staff_pages.filters import MomentRangeFilter


@admin.register(SimulationRun)
class SimulationRunAdmin(ReadOnlyAdmin):
    """Simulations of everybody that were asked for over the API."""

    list_display = (
        moment("created_at", "Asked for"),
        badge(),
        number("months"),
        number("customers"),
        number("failed"),
        moment("finished_at"),
    )
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", MomentRangeFilter))
    search_fields = ("reason",)
    search_help_text = "Reason or id"
    empty_words = "None was asked for. Ask over the API: POST /api/v1/simulate. At once: manage.py simulate"
