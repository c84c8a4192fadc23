"""Paths of customers, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from customers.api import brands, views

urlpatterns = [
    path("brand", brands.BrandList.as_view()),
    path("brand/<id:brand_id>", brands.BrandDetail.as_view()),
    path("customer", views.CustomerList.as_view()),
    path("customer/<id:customer_id>/disable", views.CustomerDisable.as_view()),
    path("customer/<id:customer_id>/payment-methods", views.PaymentMethodList.as_view()),
]
