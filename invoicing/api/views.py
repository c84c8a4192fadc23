"""A customer's invoices as they stand."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView
from invoicing.api.serializers import InvoiceAnswer
from invoicing.queries import invoices as queries


class CustomerInvoiceList(ApiView):
    """`/customer/{id}/invoices`."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's invoices", gives=InvoiceAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """All of them, unless a page is asked for."""
        return self.list_of(queries.list_invoices_of(customer_id), InvoiceAnswer, whole_by_default=True)
