"""Invoices as they stand."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_json
from invoicing.api.serializers import InvoiceAnswer, InvoiceListParameters
from invoicing.queries import invoices as queries
from invoicing.queries.invoices import InvoiceFilter


class InvoiceList(ApiView):
    """`/invoice`."""

    parameters = {"GET": InvoiceListParameters}

    @describe("List invoices", gives=InvoiceAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first, drafts included."""
        wanted = InvoiceFilter(
            status=self.query.get("status", ""),
            customer_id=self.query.get("customer"),
            number=self.query.get("number", ""),
            created_from=self.query.get("created_from"),
            created_to=self.query.get("created_to"),
        )
        return self.list_of(queries.list_invoices(wanted), InvoiceAnswer)


class InvoiceDetail(ApiView):
    """`/invoice/{id}`."""

    @describe("Read an invoice", gives=InvoiceAnswer)
    def get(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """One invoice with its lines."""
        return answer_json(InvoiceAnswer().to_representation(queries.get_invoice(invoice_id)))


class CustomerInvoiceList(ApiView):
    """`/customer/{id}/invoices`."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's invoices", gives=InvoiceAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """All of them, unless a page is asked for."""
        return self.list_of(queries.list_invoices_of(customer_id), InvoiceAnswer, whole_by_default=True)
