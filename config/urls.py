"""Every path of the site, composed from the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

from backoffice.metrics import metrics
from billing.api.provider_webhooks import provider_webhook
from core import health
from core.api import document_views

# Literal words stand before `{id}`: `plans`, `active`, `start` (tests/api/test_paths.py holds it).
api_v1: list[URLPattern | URLResolver] = [
    # First, because paths are tried in this order and most requests bring events.
    path("", include("usage.api.urls")),
    path("schema", document_views.schema, name="schema"),
    path("", include("core.api.urls")),
    path("", include("customers.api.urls")),
    path("", include("ledger.api.urls")),
    path("", include("subscriptions.api.urls")),
    path("", include("invoicing.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("notifications.api.urls")),
    path("", include("integrations.api.flowglad_urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path("webhooks/<slug:provider>", provider_webhook),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api_v1)),
    path("api/", include("integrations.api.connectable_urls")),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[])),
]
