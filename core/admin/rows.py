"""Pages of core's own rows."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from core.models import ApiKey, AuditEntry, ExchangeRate, IdempotencyRecord, Instance, OutboxEvent, TestClock
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, day, link, moment, object_link
from core.staff_pages.filters import MomentRangeFilter


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys of the REST API, without what could be used as one."""

    list_display = (
        "name",
        "prefix",
        "scope",
        moment("created_at"),
        moment("last_used_at"),
        moment("expires_at"),
        moment("disabled_at"),
    )
    list_filter = (("scope", ChoicesDropdownFilter),)
    search_fields = ("name", "prefix")
    search_help_text = "Name or first characters"
    hidden_fields = ("key_hash", "pepper_name")
    empty_words = "Make the first key with: manage.py create_api_key NAME"


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """First requests made with an Idempotency-Key."""

    list_display = ("key", link("api_key"), "method", "path", "response_status", moment("created_at"))
    list_filter = (("created_at", MomentRangeFilter),)
    list_select_related = ("api_key",)
    search_fields = ("=key",)
    search_help_text = "The whole Idempotency-Key"
    empty_words = "A record appears when a request to the API carries an Idempotency-Key."


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """Facts for the rooms above and for webhooks."""

    list_display = ("id", "type", object_link(), moment("created_at"))
    search_fields = ("=object_id", "=event_id", "=type")
    search_help_text = "Type, event id or object id, whole"
    empty_words = "A fact appears with every change: an invoice finalised, a payment completed."


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, when and why."""

    list_display = (moment("recorded_at"), "action", object_link(), "actor_kind", "actor_name", "reason")
    list_filter = (("actor_kind", ChoicesDropdownFilter), ("recorded_at", MomentRangeFilter))
    search_fields = ("=object_id", "=action", "=request_id", "actor_name")
    search_help_text = "Action, object id, request id or name"
    empty_words = "An entry appears with everything that staff, keys or the system change."


@admin.register(TestClock)
class TestClockAdmin(ReadOnlyAdmin):
    """Clocks that customers of a test instance hang on."""

    list_display = ("__str__", badge(), moment("now_at"), moment("target_at"), moment("created_at"))
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("name",)
    search_help_text = "Name"
    empty_words = (
        "On a test instance a clock is made by POST /api/v1/test-clocks; customers hang on it and it is advanced."
    )


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """What this instance is."""

    list_display = (
        badge("mode", "Mode"),
        moment("created_at"),
        moment("held_at"),
        moment("restored_from_at"),
        moment("worker_seen_at"),
        moment("books_checked_at"),
    )
    empty_words = "The row is made at the first start."


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ReadOnlyAdmin):
    """Exchange rates by day, in units for one euro."""

    list_display = ("currency", day("day"), "per_euro", "source", moment("created_at"))
    list_display_links = ("per_euro",)
    list_filter = (("day", RangeDateFilter),)
    search_fields = ("=currency",)
    search_help_text = "Currency"
    empty_words = "Load the European Central Bank's file with: manage.py load_exchange_rates FILE"
