"""Pages of payments, attempts, refunds and receipts."""

from django.contrib import admin
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
    RelatedDropdownFilter,
)

from billing.models import FoundCharge, Payment, PaymentAttempt, Refund
from core.staff_pages.base import ReadOnlyAdmin
from core.staff_pages.columns import badge, day, link, moment, money, number
from core.staff_pages.filters import MomentRangeFilter
from ledger.admin import CurrencyFilter

AMOUNT = money("amount_minor")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Money received, or on its way."""

    list_display = (
        AMOUNT,
        badge(),
        link("customer"),
        link("invoice"),
        "provider",
        link("payment_method", "Card"),
        money("refunded_minor"),
        moment("created_at"),
        moment("completed_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        CurrencyFilter,
        ("created_at", MomentRangeFilter),
        ("completed_at", MomentRangeFilter),
    )
    list_select_related = ("customer", "invoice", "payment_method")
    search_fields = ("=external_reference",)
    related_search = ("customer", "invoice")
    search_help_text = "Customer, invoice number or the provider's whole reference"
    empty_words = "A payment is recorded when an invoice is charged, or by POST /api/v1/payments for a bank transfer."


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(ReadOnlyAdmin):
    """Tries to charge an invoice."""

    list_display = (
        AMOUNT,
        badge(),
        "failure_reason",
        link("customer"),
        link("invoice"),
        number("number", "Try"),
        link("payment_method", "Card"),
        moment("due_at"),
        moment("settled_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("failure_reason", ChoicesDropdownFilter),
        CurrencyFilter,
        ("due_at", MomentRangeFilter),
    )
    list_select_related = ("customer", "invoice", "payment_method", "payment")
    search_fields = ("=idempotency_key",)
    related_search = ("customer", "invoice")
    search_help_text = "Customer, invoice number or whole idempotency key"
    empty_words = "An attempt is made for every open invoice of a customer who pays by card."


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Money given back from payments."""

    list_display = (
        AMOUNT,
        badge(),
        link("customer"),
        link("payment"),
        link("credit_note"),
        money("from_balance_minor", "From balance"),
        "provider",
        moment("created_at"),
        moment("settled_at"),
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        CurrencyFilter,
        ("created_at", MomentRangeFilter),
        ("settled_at", MomentRangeFilter),
    )
    list_select_related = ("customer", "payment", "credit_note")
    search_fields = ("=external_reference", "=idempotency_key")
    related_search = ("customer",)
    search_help_text = "Customer, or the provider's whole reference or key"
    empty_words = "A refund is started by POST /api/v1/payment/{id}/refund."


class ReceiptAdmin(ReadOnlyAdmin):
    """Proofs of payment; registered by `backoffice`, whose page has the PDF."""

    list_display = (
        "number",
        link("payment__customer", "Customer"),
        link("payment__invoice", "Invoice"),
        money("payment__amount_minor", "Amount", currency="payment__currency"),
        day("issue_date"),
        "valid",
        link("brand"),
    )
    list_filter = (("brand", RelatedDropdownFilter), ("valid", BooleanRadioFilter), ("issue_date", RangeDateFilter))
    list_select_related = ("payment__customer", "payment__invoice", "brand", "series")
    search_fields = ("=number",)
    related_search = ("payment",)
    search_help_text = "Whole number, customer or invoice number"
    empty_words = "A receipt is issued with every completed payment."


@admin.register(FoundCharge)
class FoundChargeAdmin(ReadOnlyAdmin):
    """What a provider charged and the rows did not show after a restore."""

    list_display = (
        AMOUNT,
        badge("finding"),
        money("wanted_minor", "Asked for here"),
        link("customer"),
        "provider",
        "outcome",
        moment("charged_at"),
        moment("found_at"),
    )
    list_filter = (("finding", ChoicesDropdownFilter), CurrencyFilter, ("charged_at", MomentRangeFilter))
    list_select_related = ("customer",)
    search_fields = ("=external_reference", "=idempotency_key")
    related_search = ("customer",)
    search_help_text = "Customer, or the provider's whole reference or key"
    empty_words = "After a restore, manage.py reconcile lists here what a provider charged and the rows do not show."
