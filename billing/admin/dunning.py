"""Pages of dunning: what is done about unpaid invoices, and by hand beside it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import DunningProcess, DunningStep, ParkedInvoice
from billing.operations import dunning_cards
from billing.tasks import hint_sweep
from core.clock import wall_now
from core.errors import BillingError
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment, number
from core.staff_pages.editing import actor_of
from core.staff_pages.filters import MomentRangeFilter


@admin.register(DunningProcess)
class DunningProcessAdmin(ReadOnlyAdmin):
    """What is done about each unpaid invoice; rows are the operations', two actions are a person's."""

    list_display = (
        link("invoice"),
        badge(),
        link("customer"),
        "kind",
        "last_reason",
        "next_step",
        moment("next_at"),
        "finish_with",
        moment("started_at"),
        moment("closed_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("last_reason", ChoicesDropdownFilter),
        ("next_at", MomentRangeFilter),
    )
    list_select_related = ("customer", "invoice")
    related_search = ("customer", "invoice")
    search_help_text = "Customer or invoice number"
    empty_words = "A process begins when a charge is declined, or when an invoice passes its due date."
    actions = ("retry_now", "stop")
    actions_on_top = True

    def has_dun_permission(self, request: HttpRequest) -> bool:
        """Tell whether the reader may do by hand what a process does."""
        return bool(request.user.has_perm("billing.change_dunningprocess"))

    @admin.action(description="Try the card again now", permissions=["dun"])
    def retry_now(self, request: HttpRequest, rows: QuerySet[DunningProcess]) -> None:
        """Try the cards of the chosen processes again, beside their days."""
        self._each(request, rows, dunning_cards.retry_now, "tried again")
        hint_sweep()

    @admin.action(description="Stop: leave the invoice open, do nothing more", permissions=["dun"])
    def stop(self, request: HttpRequest, rows: QuerySet[DunningProcess]) -> None:
        """Take the chosen processes out of dunning."""
        self._each(request, rows, dunning_cards.stop_process, "stopped")

    def _each(
        self, request: HttpRequest, rows: QuerySet[DunningProcess], do: Callable[..., object], words: str
    ) -> None:
        """Do an operation with each process, and say what became of it."""
        done = 0
        wanted: list[UUID] = list(rows.values_list("id", flat=True))
        for process_id in wanted:
            try:
                do(process_id, actor=actor_of(request), now=wall_now())
                done += 1
            except BillingError as refusal:
                messages.error(request, refusal.message)
        if done:
            messages.success(request, f"{done} {words}.")


@admin.register(ParkedInvoice)
class ParkedInvoiceAdmin(ReadOnlyAdmin):
    """Overdue invoices that nothing could be done about, and why."""

    list_display = (
        link("invoice"),
        "reason",
        number("failures"),
        moment("first_failed_at"),
        moment("last_failed_at"),
        moment("retry_at", "Next try"),
    )
    list_display_links = ("reason",)
    list_filter = (("last_failed_at", MomentRangeFilter),)
    list_select_related = ("invoice",)
    search_fields = ("reason",)
    related_search = ("invoice",)
    search_help_text = "Invoice number or reason"
    empty_words = "No invoice is parked: every overdue one could be reminded of."


@admin.register(DunningStep)
class DunningStepAdmin(ReadOnlyAdmin):
    """Each thing a process did."""

    list_display = (
        link("process"),
        "kind",
        number("number"),
        link("attempt"),
        "details",
        moment("happened_at"),
    )
    list_display_links: Any = None
    list_filter = (("kind", ChoicesDropdownFilter), ("happened_at", MomentRangeFilter))
    list_select_related = ("process__invoice", "attempt")
    search_help_text = "Id"
    empty_words = "A step appears when dunning begins, retries, reminds or ends."
