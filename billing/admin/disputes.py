"""Pages of disputes, and of what providers told."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.models import Dispute, ProviderNotice
from billing.operations import inbound
from billing.tasks import hint_notices
from core.clock import wall_now
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment, money, number
from core.staff_pages.editing import actor_of
from core.staff_pages.filters import MomentRangeFilter
from ledger.admin import CurrencyFilter

REPLAY = "billing_providernotice_replay"
MAY_REPLAY = "billing.change_providernotice"


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Payments that a customer's bank takes back, or asks about."""

    list_display = (
        money("amount_minor"),
        badge(),
        "reason",
        link("customer"),
        link("payment"),
        money("held_minor", "Held back"),
        money("fee_minor", "Fee"),
        moment("respond_by"),
        moment("opened_at"),
        moment("closed_at"),
    )
    list_filter = (("status", ChoicesDropdownFilter), CurrencyFilter, ("opened_at", MomentRangeFilter))
    list_select_related = ("customer", "payment")
    search_fields = ("=external_reference",)
    related_search = ("customer",)
    search_help_text = "Customer, or the provider's whole reference"
    empty_words = "A dispute is recorded when the provider tells of it; evidence is given at the provider."


@admin.register(ProviderNotice)
class ProviderNoticeAdmin(ReadOnlyAdmin):
    """What providers told of their own accord, and what became of it."""

    list_display = (
        "type",
        badge(),
        "reference",
        "provider",
        number("tries"),
        "failure",
        moment("happened_at"),
        moment("received_at"),
        moment("settled_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("subject", ChoicesDropdownFilter),
        ("received_at", MomentRangeFilter),
    )
    search_fields = ("=event_id", "=reference")
    search_help_text = "The provider's whole event or object reference"
    empty_words = "A provider tells of charges, refunds, disputes and cards at /webhooks/{provider}."
    change_form_outer_before_template = "admin/provider_notice.html"

    def get_urls(self) -> list[URLPattern]:
        """Return the page's addresses, with the one that has a notice handled again."""
        again = path("<uuid:notice_id>/replay/", self.admin_site.admin_view(self.replay), name=REPLAY)
        urls: list[URLPattern] = super().get_urls()
        return [again, *urls]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a notice, with a button for who may have it handled again."""
        context = extra_context or {}
        if object_id is not None and request.user.has_perm(MAY_REPLAY):
            context["replay_url"] = reverse(f"admin:{REPLAY}", args=[object_id])
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return answer

    def replay(self, request: HttpRequest, notice_id: UUID) -> HttpResponse:
        """Have a notice handled once more."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(MAY_REPLAY):
            raise PermissionDenied
        if not inbound.replay([notice_id], actor=actor_of(request), now=wall_now()):
            raise Http404
        hint_notices()
        messages.success(request, "The notice will be handled again.")
        return HttpResponseRedirect(reverse("admin:billing_providernotice_change", args=[notice_id]))
