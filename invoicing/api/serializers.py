"""Invoices as answers hold them."""

from typing import Any

from rest_framework import serializers

from core.api.fields import (
    DayField,
    IdField,
    InstantField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters, QueryInstantField
from core.api.serializers import AnswerSerializer
from customers.api.serializers import AddressAnswer, CustomerAnswer
from invoicing.models import Invoice

FORMATS = ("pdf", "facturx", "xrechnung", "ubl")


class InvoiceLineAnswer(AnswerSerializer):
    """A line of an invoice; amounts in minor units."""

    description = TextField()
    currency = TextField()
    total = WholeNumberField(source="gross_minor")
    sub_total = WholeNumberField(source="net_minor")
    tax_total = WholeNumberField(source="tax_minor")
    tax_rate = NumberField(help_text="Percent.")


class PartyAnswer(AddressAnswer):
    """Somebody's address as it stood when the invoice was made."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the address of a stored party, whose country may be missing."""
        stored = {name: instance.get(name, "") for name in self.fields}
        return super().to_representation(stored)

    def get_company_name(self, owner: Any) -> str | None:
        """Return the company, or the name of a party that has none."""
        return owner.get("company_name") or None


class InvoiceAnswer(AnswerSerializer):
    """What a customer owes for one due moment; amounts in minor units."""

    always = frozenset({"email"})

    id = IdField()
    number = TextField(help_text="Left out for a draft.")
    status = WordField(Invoice.Status.choices)
    email = TextField(source="customer.email", help_text="The customer's.")
    currency = TextField()
    customer = CustomerAnswer()
    sub_total = WholeNumberField(source="sub_total_minor")
    tax_total = WholeNumberField(source="tax_total_minor")
    total = WholeNumberField(source="total_minor")
    amount_due = WholeNumberField(source="amount_due_minor")
    paid = serializers.SerializerMethodField()
    is_paid = serializers.SerializerMethodField()
    created_at = InstantField()
    paid_at = InstantField()
    due_date = DayField()
    biller_address = PartyAnswer(source="seller")
    payeeaddress = PartyAnswer(source="buyer")
    payee_address = PartyAnswer(source="buyer")
    lines = InvoiceLineAnswer(many=True)

    def get_paid(self, invoice: Invoice) -> bool:
        """Tell whether it is paid."""
        return invoice.status == Invoice.Status.PAID

    def get_is_paid(self, invoice: Invoice) -> bool:
        """Tell whether it is paid."""
        return invoice.status == Invoice.Status.PAID


class InvoiceListParameters(ListParameters):
    """What a list of invoices is narrowed by."""

    status = WordField(Invoice.Status.choices, required=False)
    customer = IdField(required=False)
    number = TextField(required=False, allow_blank=True, max_length=80)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)
