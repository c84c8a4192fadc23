"""Paths of Connectable, under `/api/`; those with more words stand first, because a user's name may have slashes."""

from django.urls import path

from integrations.api import connectable as views
from integrations.api import paths  # noqa: F401 - registers the converters

urlpatterns = [
    path("users", views.UserList.as_view()),
    path("users/<text:user>/billing/invoices", views.InvoiceList.as_view()),
    path("users/<text:user>/billing/invoices/<word:invoice_id>", views.InvoiceDetail.as_view()),
    path("users/<text:user>/billing/sources", views.SourceList.as_view()),
    path("users/<text:user>/billing/sources/<word:source_id>", views.SourceDetail.as_view()),
    path("users/<text:user>/billing", views.Billing.as_view()),
    path("users/<text:user>", views.UserDetail.as_view()),
]
