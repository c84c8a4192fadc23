"""Pages of subscriptions and the history of their terms."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin, ReadOnlyInline
from core.staff_pages.columns import badge, link, moment, number, own, span
from core.staff_pages.filters import MomentRangeFilter
from ledger.admin import CurrencyFilter
from subscriptions.admin.catalogue import interval
from subscriptions.models import ItemTerms, PendingChange, SubscriptionEvent, SubscriptionItem, SubscriptionTerms

STATUS = badge()
VERSION = number("version")
POSITION = number("position")


class ItemTermsInline(ReadOnlyInline):
    """What an item cost, version by version."""

    model = ItemTerms
    fields = (
        own(VERSION),
        moment("from_at", "From"),
        link("price"),
        number("quantity"),
        number("delta"),
        "change",
        "actor",
    )
    list_select_related = ("price__product",)


class SubscriptionAdmin(ReadOnlyAdmin):
    """Subscriptions; registered by `backoffice`, whose page leads to their usage."""

    list_display = (
        link("plan"),
        link("customer"),
        STATUS,
        "currency",
        span("current_period_start", "current_period_end", "Current period"),
        moment("next_due_at"),
        moment("started_at"),
    )
    list_display_links = (STATUS,)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("plan", AutocompleteSelectFilter),
        CurrencyFilter,
        ("started_at", MomentRangeFilter),
        ("next_due_at", MomentRangeFilter),
    )
    list_select_related = ("plan", "customer", "payment_method")
    search_fields = ("=main_external_reference", "=child_external_reference")
    related_search = ("customer", "plan")
    search_help_text = "Customer, plan, whole external reference or id"
    empty_words = (
        "Start one with POST /api/v1/subscriptions, or load the example company: manage.py load_example examples/"
    )


@admin.register(SubscriptionTerms)
class SubscriptionTermsAdmin(ReadOnlyAdmin):
    """Versions of when subscriptions run."""

    list_display = (
        link("subscription"),
        VERSION,
        moment("from_at", "From"),
        "phase",
        link("plan"),
        interval,
        "reason",
        "actor",
    )
    list_display_links = (VERSION,)
    list_filter = (
        ("phase", ChoicesDropdownFilter),
        ("alignment", ChoicesDropdownFilter),
        ("from_at", MomentRangeFilter),
    )
    list_select_related = ("subscription__plan", "subscription__customer", "plan")
    related_search = ("subscription",)
    search_help_text = "Customer, plan or subscription id"
    ordering = ("-id",)
    empty_words = "A version is added when a subscription starts, pauses, changes or ends."


@admin.register(SubscriptionItem)
class SubscriptionItemAdmin(ReadOnlyAdmin):
    """Things that subscriptions charge."""

    list_display = (link("subscription"), POSITION, moment("created_at"))
    list_display_links = (POSITION,)
    list_select_related = ("subscription__plan", "subscription__customer")
    inlines = (ItemTermsInline,)
    related_search = ("subscription",)
    search_help_text = "Customer, plan or subscription id"
    ordering = ("-id",)
    empty_words = "Every subscription has an item for its plan price, and one for each add-on."


@admin.register(ItemTerms)
class ItemTermsAdmin(ReadOnlyAdmin):
    """Versions of what items cost; seat changes are among them."""

    list_display = (
        link("item__subscription", "Subscription"),
        VERSION,
        moment("from_at", "From"),
        link("price"),
        number("quantity"),
        number("delta"),
        "change",
        "actor",
    )
    list_display_links = (VERSION,)
    list_filter = (("change", ChoicesDropdownFilter), ("from_at", MomentRangeFilter))
    list_select_related = ("item__subscription__plan", "item__subscription__customer", "price__product")
    related_search = ("item",)
    search_help_text = "Customer, plan or subscription id"
    ordering = ("-id",)
    empty_words = "A version is added when an item starts, changes its price or its seats, or ends."


@admin.register(SubscriptionEvent)
class SubscriptionEventAdmin(ReadOnlyAdmin):
    """Statuses that were left for another."""

    list_display = (moment("happened_at"), link("subscription"), "action", "from_status", badge("to_status"), "actor")
    list_filter = (("happened_at", MomentRangeFilter),)
    list_select_related = ("subscription__plan", "subscription__customer")
    related_search = ("subscription",)
    search_help_text = "Customer, plan or subscription id"
    ordering = ("-id",)
    empty_words = "An event is written with every change of a subscription's status."


@admin.register(PendingChange)
class PendingChangeAdmin(ReadOnlyAdmin):
    """Changes that wait for their moment, and what became of those that waited."""

    list_display = (
        moment("due_at"),
        link("subscription"),
        "kind",
        link("plan"),
        link("price"),
        number("quantity"),
        badge("outcome"),
        moment("settled_at"),
        "actor",
    )
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        ("due_at", MomentRangeFilter),
    )
    list_select_related = ("subscription__plan", "subscription__customer", "plan", "price__product")
    related_search = ("subscription",)
    search_help_text = "Customer, plan or subscription id"
    ordering = ("-id",)
    empty_words = "A change of plan, price, seats or an item for the next cycle or a date waits here."
