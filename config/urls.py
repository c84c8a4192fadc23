"""Every path of the site, composed from the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from core import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
]
