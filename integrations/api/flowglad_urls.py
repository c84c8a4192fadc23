"""Paths of Flowglad, under `/api/v1/`; the longer one stands first, because an `externalId` may have slashes."""

from django.urls import path

from integrations.api import flowglad as views
from integrations.api import paths  # noqa: F401 - registers the converters

urlpatterns = [
    path("customers", views.CustomerList.as_view()),
    path("customers/<text:external_id>/billing", views.CustomerBilling.as_view()),
    path("customers/<text:external_id>", views.CustomerDetail.as_view()),
]
