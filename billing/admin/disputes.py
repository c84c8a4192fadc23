"""Pages of disputes, and of what providers told."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
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
    actions = ("replay",)
    actions_on_top = True

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Tell whether this person may have notices handled again."""
        return request.user.has_perm("billing.change_providernotice")

    @admin.action(description="Handle again", permissions=["replay"])
    def replay(self, request: HttpRequest, notices: QuerySet[Any]) -> None:
        """Have the chosen notices handled once more."""
        count = inbound.replay(notices.values_list("id", flat=True), actor=actor_of(request), now=wall_now())
        hint_notices()
        messages.success(request, f"{count} will be handled again.")
