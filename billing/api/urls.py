"""Paths that run the engine, under `/api/v1/`."""

from django.urls import path

from billing.api import cards, clocks, credit_notes, invoices, mass_changes, money, quotes, refunds, subscriptions
from core.api import paths  # noqa: F401 - registers the converter `id`

_customer = "customer/<id:customer_id>"
_card = "payment-methods/<id:payment_method_id>"

urlpatterns = [
    path(f"{_customer}/subscription/start", subscriptions.SubscriptionStart.as_view()),
    path(f"{_customer}/subscription/trial", subscriptions.TrialStart.as_view()),
    path("subscription/<id:subscription_id>/seats/add", subscriptions.SeatsAdd.as_view()),
    path("subscription/<id:subscription_id>/seats/remove", subscriptions.SeatsRemove.as_view()),
    path(f"{_customer}/payment-methods/frontend-payment-token", cards.FrontendToken.as_view()),
    path(f"{_customer}/{_card}", cards.PaymentMethodDetail.as_view()),
    path(f"{_customer}/{_card}/default", cards.PaymentMethodDefault.as_view()),
    path(_card, cards.PaymentMethodDetail.as_view()),
    path(f"{_card}/default", cards.PaymentMethodDefault.as_view()),
    path("payment", money.PaymentList.as_view()),
    path("payment/<id:payment_id>", money.PaymentDetail.as_view()),
    path("payment-attempt", money.AttemptList.as_view()),
    path(f"{_customer}/payment", money.CustomerPaymentList.as_view()),
    path("receipt/<id:receipt_id>", money.ReceiptDetail.as_view()),
    path("receipt/<id:receipt_id>/download", money.ReceiptDownload.as_view()),
    path("quote", quotes.QuoteList.as_view()),
    path("quote/<id:quote_id>", quotes.QuoteDetail.as_view()),
    path("quote/<id:quote_id>/accept", quotes.QuoteAccept.as_view()),
    path("invoice", invoices.InvoiceList.as_view()),
    path("invoice/<id:invoice_id>", invoices.InvoiceDetail.as_view()),
    path("invoice/<id:invoice_id>/finalize", invoices.InvoiceFinalize.as_view()),
    path("invoice/<id:invoice_id>/download", money.InvoiceDownload.as_view()),
    path("invoice/<id:invoice_id>/charge", money.InvoiceCharge.as_view()),
    path("payment/<id:payment_id>/refund", refunds.PaymentRefund.as_view()),
    path("refund", refunds.RefundList.as_view()),
    path("refund/<id:refund_id>", refunds.RefundDetail.as_view()),
    path(f"{_customer}/refund", refunds.CustomerRefundList.as_view()),
    path("credit-note", credit_notes.CreditNoteList.as_view()),
    path("credit-note/<id:credit_note_id>", credit_notes.CreditNoteDetail.as_view()),
    path("credit-note/<id:credit_note_id>/download", credit_notes.CreditNoteDownload.as_view()),
    path("invoice/<id:invoice_id>/void", credit_notes.InvoiceVoid.as_view()),
    path("invoice/<id:invoice_id>/uncollectible", credit_notes.InvoiceUncollectible.as_view()),
    path("invoice/<id:invoice_id>/payment", credit_notes.InvoicePaymentList.as_view()),
    path(f"{_customer}/balance", money.CustomerBalanceDetail.as_view()),
    path(f"{_customer}/credit", money.CustomerCreditList.as_view()),
    path("mass-change", mass_changes.MassChangeList.as_view()),
    path("mass-change/estimate", mass_changes.MassChangeEstimate.as_view()),
    path("mass-change/<id:mass_change_id>", mass_changes.MassChangeDetail.as_view()),
    path("mass-change/<id:mass_change_id>/cancel", mass_changes.MassChangeCancel.as_view()),
    path("test-clock/<id:clock_id>/advance", clocks.TestClockAdvance.as_view()),
]
