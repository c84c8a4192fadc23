"""Paths of what every room shares, under `/api/v1/`."""

from django.urls import path

from core.api import clock_views, key_views, paths, settings_views  # noqa: F401 - `paths` registers the converter `id`

urlpatterns = [
    path("api-key", key_views.ApiKeyList.as_view()),
    path("api-key/<id:api_key_id>/rotate", key_views.ApiKeyRotate.as_view()),
    path("api-key/<id:api_key_id>/disable", key_views.ApiKeyDisable.as_view()),
    path("settings", settings_views.Settings.as_view()),
    path("test-clock", clock_views.TestClockList.as_view()),
    path("test-clock/<id:clock_id>", clock_views.TestClockDetail.as_view()),
]
