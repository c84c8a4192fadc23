"""Paths of the books, under `/api/v1/`."""

from django.urls import path

from ledger.api import views

urlpatterns = [
    path("ledger/entry", views.EntryList.as_view()),
    path("ledger/trial-balance", views.TrialBalanceDetail.as_view()),
]
