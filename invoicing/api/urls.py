"""Paths of invoices and the tax set-up, under `/api/v1/`."""

from django.urls import path

from core.api import paths  # noqa: F401 - registers the converter `id`
from invoicing.api import explaining, number_series, tax, tax_report, views

_country = "tax/country/<id:country_id>"
_state = "tax/state/<id:state_id>"

urlpatterns = [
    path("customer/<id:customer_id>/invoices", views.CustomerInvoiceList.as_view()),
    path("invoice/<id:invoice_id>/explain", explaining.InvoiceExplanation.as_view()),
    path("number-series", number_series.NumberSeriesList.as_view()),
    path("number-series/<id:series_id>", number_series.NumberSeriesDetail.as_view()),
    path("tax/report", tax_report.TaxReport.as_view()),
    path("tax/country", tax.TaxCountryList.as_view()),
    path(_country, tax.TaxCountryDetail.as_view()),
    path(f"{_country}/rule", tax.CountryRuleList.as_view()),
    path(f"{_country}/rule/<id:rule_id>", tax.TaxRuleDetail.as_view()),
    path(f"{_country}/state", tax.TaxStateList.as_view()),
    path(f"{_country}/state/<id:state_id>", tax.TaxStateDetail.as_view()),
    path(f"{_state}/rule", tax.StateRuleList.as_view()),
    path(f"{_state}/rule/<id:rule_id>", tax.TaxRuleDetail.as_view()),
]
