"""Pages of webhook endpoints and of what is sent to them."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment
from core.staff_pages.filters import MomentRangeFilter
from notifications.models import WebhookBody, WebhookDelivery, WebhookEndpoint

URL = "url"


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Where the product is told what happens, without the secrets."""

    list_display = (URL, badge(), "description", "events", moment("failing_since"), moment("created_at"))
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = (URL, "description")
    search_help_text = "URL or description"
    hidden_fields = ("secret", "former_secret")
    empty_words = "Make the first one over the API: POST /api/v1/webhook-endpoint"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Each event on its way to an endpoint, with the last answer."""

    list_display = ("type", badge(), link("endpoint"), "tries", "answer_status", "failure", moment("created_at"))
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", MomentRangeFilter))
    list_select_related = ("endpoint",)
    search_fields = ("=event_id", "=object_id", "=type")
    search_help_text = "Type, webhook-id or object id, whole"
    empty_words = "A delivery appears when something happens that an endpoint subscribed to."


@admin.register(WebhookBody)
class WebhookBodyAdmin(ReadOnlyAdmin):
    """What was sent about a fact, the same for every endpoint."""

    list_display = (link("fact"), "customer_id", moment("drawn_at"))
    list_select_related = ("fact",)
    search_fields = ("=customer_id",)
    search_help_text = "Customer's id, whole"
    empty_words = "What is sent appears when an endpoint subscribed to it."
