"""Flowglad: one call with everything about a customer, and what its client needs before it."""

import json
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.fields import EmailField, TextField
from core.api.views import ApiView, answer_json
from customers import queries as customer_queries
from customers.domain.customer import CustomerDraft
from integrations.api.inputs import LenientInput, LenientParameters
from integrations.api.schema import describe_neighbour
from integrations.domain import flowglad as shapes
from integrations.domain.flowglad_words import ERROR_CODES
from integrations.operations import flowglad as operations
from integrations.queries.flowglad_billing import get_billing, get_customer, show_customer

NAME = "flowglad"
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


class CustomerFactsInput(LenientInput):
    """Who a customer is."""

    email = EmailField(allow_blank=True)
    name = TextField(required=False, allow_blank=True, max_length=200)
    externalId = TextField(max_length=255)


class FlowgladCustomerInput(LenientInput):
    """The customer to make."""

    customer = CustomerFactsInput()


class FlowgladView(ApiView):
    """A path of Flowglad; its errors are `{code, message}` with the neighbour's codes."""

    other_parameters = LenientParameters

    def handle_exception(self, exc: Exception) -> Any:
        """Answer an error in the neighbour's shape. A fault of ours goes on."""
        plain = super().handle_exception(exc)
        told = json.loads(plain.content)
        faults = "; ".join(f"{path}: {fault}" for path, fault in told.get("errors", {}).items())
        code = ERROR_CODES.get(plain.status_code, "INTERNAL_SERVER_ERROR")
        words = " ".join(filter(None, [told["message"], faults]))
        answer = answer_json(shapes.Error(code=code, message=words), plain.status_code)
        for name in KEPT_HEADERS:
            if plain.has_header(name):
                answer[name] = plain[name]
        return answer


class CustomerList(FlowgladView):
    """`/customers`."""

    @describe_neighbour(
        NAME,
        "flowglad_create_customer",
        "Make a customer for Flowglad's client",
        takes=FlowgladCustomerInput,
        answers={201: shapes.MadeCustomer, 200: shapes.MadeCustomer},
        fault=shapes.Error,
        request_example={"customer": {"email": "ada@example.com", "name": "Ada", "externalId": "user-42"}},
    )
    def post(self, request: Request) -> HttpResponse:
        """201; 200 with the customer that is there when the `externalId` is known."""
        told = self.read(FlowgladCustomerInput)["customer"]
        draft = CustomerDraft(email=told["email"], name=told.get("name", ""), reference=told["externalId"])
        customer, is_new = operations.ensure_customer(draft, actor=self.actor, now=self.now)
        made = shapes.MadeCustomer(data=shapes.FoundCustomer(customer=show_customer(customer)))
        return answer_json(made, 201 if is_new else 200)


class CustomerDetail(FlowgladView):
    """`/customers/{externalId}`."""

    @describe_neighbour(
        NAME,
        "flowglad_get_customer",
        "Read a customer for Flowglad's client",
        answers={200: shapes.FoundCustomer},
        fault=shapes.Error,
    )
    def get(self, request: Request, external_id: str) -> HttpResponse:
        """By the customer's reference; of several with one reference the oldest."""
        return answer_json(shapes.FoundCustomer(customer=show_customer(get_customer(external_id))))


class CustomerBilling(FlowgladView):
    """`/customers/{externalId}/billing`."""

    @describe_neighbour(
        NAME,
        "flowglad_get_billing_details",
        "Read everything about a customer",
        answers={200: shapes.Billing},
        fault=shapes.Error,
    )
    def get(self, request: Request, external_id: str) -> HttpResponse:
        """Subscriptions, invoices, cards, purchases and the catalogue, the whole history at once."""
        customer = get_customer(external_id)
        return answer_json(get_billing(customer, customer_queries.now_of(customer, self.now)))
