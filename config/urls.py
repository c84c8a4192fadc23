"""Every path of the site, composed from the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from core import health

# Literal words stand before `{id}`: `plans`, `active`, `start` (tests/api/test_paths.py holds it).
api_v1: list[URLPattern | URLResolver] = [
    path("schema", SpectacularAPIView.as_view(authentication_classes=[]), name="schema"),
    path("", include("core.api.urls")),
    path("", include("customers.api.urls")),
    path("", include("subscriptions.api.urls")),
    path("", include("usage.api.urls")),
    path("", include("invoicing.api.urls")),
    path("", include("billing.api.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api_v1)),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[])),
]
