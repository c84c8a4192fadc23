"""Usage limits and kept totals in the back office.

Events have a composite primary key, which Django's admin cannot register; `backoffice` shows those of one subscription.
"""

from django.contrib import admin

from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import link, moment, number
from usage.models import BusySubscription, HourTotal, UsageLimit


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


@admin.register(BusySubscription)
class BusySubscriptionAdmin(ReadOnlyAdmin):
    """Subscriptions of which totals by the hour are kept."""

    list_display = ("subscription_id", moment("noted_at"), moment("totalled_at"))
    search_fields = ("subscription_id",)
    search_help_text = "Subscription id"
    empty_words = "A subscription appears when it has very many events."


@admin.register(HourTotal)
class HourTotalAdmin(ReadOnlyAdmin):
    """What the events of an hour come to."""

    list_display = (
        "subscription_id",
        "metric_id",
        moment("hour"),
        number("event_count", "Events"),
        "total",
        "greatest",
    )
    search_fields = ("subscription_id", "metric_id")
    search_help_text = "Subscription or metric id"
    empty_words = "Totals appear for subscriptions with very many events."
