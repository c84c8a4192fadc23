"""Subscriptions, and the usage events of one of them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from backoffice.navigation import may_view
from backoffice.queries import usage_events
from backoffice.queries.histories import list_histories
from subscriptions.admin.agreed import SubscriptionAdmin
from subscriptions.models import Subscription


@admin.register(Subscription)
class SubscriptionPageAdmin(SubscriptionAdmin):
    """Subscriptions; their page leads to their usage."""

    change_form_template = "backoffice/subscription.html"

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Add the address of the usage events."""
        return (("usage-events/", "usage-events", usage_events_view),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a subscription with its history, and a way to its events for those who may view them."""
        subscription = self.get_object(request, object_id)
        context = {"may_view_usage": may_view(request, "usage", "usageevent"), **(extra_context or {})}
        if subscription is not None and self.has_view_permission(request, subscription):
            context["entry"] = list_histories([subscription])[0]
        return super().change_view(request, object_id, form_url, context)


def usage_events_view(request: HttpRequest, model_admin: SubscriptionPageAdmin) -> HttpResponse:
    """Show the newest usage events of one subscription, page by page."""
    if not may_view(request, "usage", "usageevent"):
        raise PermissionDenied
    subscription_id = _uuid(request.GET.get("subscription", ""))
    subscription = usage_events.find_subscription(subscription_id) if subscription_id else None
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": "Usage events",
        "subscription": subscription,
        "asked": request.GET.get("subscription", ""),
    }
    if subscription:
        metrics = usage_events.list_metrics(subscription.id)
        chosen_id = _uuid(request.GET.get("metric", ""))
        chosen = [metric for metric in metrics if metric.id == chosen_id] or metrics
        page = usage_events.list_events(subscription.id, chosen, _cursor(request))
        context |= {"metrics": metrics, "chosen_id": chosen_id, "page": page, "next_url": _next_url(request, page)}
    return TemplateResponse(request, "backoffice/usage_events.html", context)


def _uuid(text: str) -> UUID | None:
    """Return the text as an id, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _cursor(request: HttpRequest) -> usage_events.EventCursor | None:
    """Return the last event of the page before, or None on the first page and for an address that was tampered with."""
    try:
        moment = datetime.fromisoformat(request.GET["before"])
        event_id = request.GET["event"]
    except (KeyError, ValueError):
        return None
    return usage_events.EventCursor(moment, event_id) if moment.tzinfo and "\0" not in event_id else None


def _next_url(request: HttpRequest, page: usage_events.EventPage) -> str:
    """Return the address of the next page, empty on the last."""
    if page.next is None:
        return ""
    parameters = {name: request.GET[name] for name in ("subscription", "metric") if name in request.GET}
    parameters |= {"before": page.next.timestamp.isoformat(), "event": page.next.event_id}
    return f"{reverse('admin:usage-events')}?{urlencode(parameters)}"
