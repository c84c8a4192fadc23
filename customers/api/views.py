"""Customers: list, create, read, change; and their cards as rows."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_created, answer_json, answer_null
from customers import operations, queries
from customers.api.serializers import (
    CustomerAnswer,
    CustomerInput,
    CustomerListParameters,
    PaymentDetailsAnswer,
    customer_facts,
)
from customers.domain.customer import ADDRESS_PARTS, CustomerDraft
from customers.queries import CustomerFilter

EXAMPLE = {
    "email": "iain.cambridge@example.org",
    "reference": "user-42",
    "address": {"company_name": "Example Ltd", "city": "London", "country": "GB", "postcode": "EC1A 1BB"},
}


class CustomerList(ApiView):
    """`/customer`."""

    parameters = {"GET": CustomerListParameters}

    @describe("List customers", gives=CustomerAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first. Text filters match anywhere, in any case."""
        wanted = {name: text for name, text in self.query.items() if name not in {"limit", "last_key"}}
        return self.list_of(queries.list_customers(CustomerFilter(**wanted)), CustomerAnswer)

    @describe("Create a customer", takes=CustomerInput, gives=CustomerAnswer, status=201, request_example=EXAMPLE)
    def post(self, request: Request) -> HttpResponse:
        """Only the e-mail address is needed; one that is known already is accepted."""
        facts = customer_facts(self.read(CustomerInput))
        address = facts.pop("address", {})
        draft = CustomerDraft(**facts, **{part: address[part] for part in ADDRESS_PARTS if part in address})
        customer = operations.create_customer(draft, actor=self.actor, now=self.now)
        return answer_created(CustomerAnswer, customer, "customer")


class CustomerDetail(ApiView):
    """Reading `/customer/{id}`; changing it reaches subscriptions, and stands in a higher room."""

    @describe("Read a customer", gives=CustomerAnswer)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """One customer."""
        return answer_json(CustomerAnswer().to_representation(queries.get_customer(customer_id)))


class CustomerDisable(ApiView):
    """`/customer/{id}/disable`."""

    @describe("Disable a customer", status=202)
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """It has no entitlements and is charged nothing. One that is disabled already stays so."""
        operations.disable_customer(customer_id, actor=self.actor, now=self.now)
        return answer_null(202)


class PaymentMethodList(ApiView):
    """`/customer/{id}/payment-methods`."""

    parameters = {"GET": ListParameters}

    @describe("List a customer's cards", gives=PaymentDetailsAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """All of them, unless a page is asked for."""
        cards = queries.list_payment_methods(customer_id)
        return self.list_of(cards, PaymentDetailsAnswer, whole_by_default=True)
