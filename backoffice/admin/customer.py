"""The customer page: who it is, what they owe, what they agreed and what they were charged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from backoffice.domain.party import address_lines
from backoffice.navigation import may_view
from backoffice.queries import customer_page
from customers.admin import CustomerAdmin
from customers.models import Customer

# The section's name, the model the reader must be allowed to view, and how it is read.
SECTIONS = (
    ("balances", "ledger", "customerbalance", customer_page.list_balances),
    ("agenda", "customers", "agenda", customer_page.find_agenda),
    ("parked", "billing", "parkedcustomer", customer_page.find_parked),
    ("subscriptions", "subscriptions", "subscription", customer_page.list_subscriptions),
    ("cards", "customers", "paymentmethod", customer_page.list_payment_methods),
    ("invoices", "invoicing", "invoice", customer_page.list_invoices),
    ("credit_notes", "invoicing", "creditnote", customer_page.list_credit_notes),
    ("payments", "billing", "payment", customer_page.list_payments),
    ("attempts", "billing", "paymentattempt", customer_page.list_attempts),
    ("redemptions", "subscriptions", "voucherredemption", customer_page.list_redemptions),
)


@admin.register(Customer)
class CustomerPageAdmin(CustomerAdmin):
    """Customers with everything around them."""

    change_form_template = "backoffice/customer.html"
    list_select_related: tuple[str, ...] = ("brand", "test_clock")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a customer, each section only to those who may view its rows."""
        customer = self.get_object(request, object_id)
        sections: dict[str, Any] = {}
        if customer is not None and self.has_view_permission(request, customer):
            sections["address"] = address_lines(vars(customer))
            for name, app_label, model_name, read in SECTIONS:
                if may_view(request, app_label, model_name):
                    sections[name] = read(customer.pk)
        return super().change_view(
            request, object_id, form_url, {"sections": sections, "shown": customer_page.SHOWN, **(extra_context or {})}
        )
