"""Cards: collected, read, removed, made the default."""

import uuid

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.inputs import TokenInput
from billing.api.serializers import TokenAnswer
from billing.operations import cards
from billing.tasks import hint_sweep
from core.api.schema import describe
from core.api.views import ApiView, answer_created, answer_json, answer_null
from core.domain.access import Scope
from core.operations_idempotency import resumed_resource
from customers import queries
from customers.api.serializers import PaymentDetailsAnswer


class FrontendToken(ApiView):
    """`/customer/{id}/payment-methods/frontend-payment-token`."""

    scopes = {"GET": Scope.WRITE}
    calls_provider = True

    @describe("Start collecting a card", gives=TokenAnswer, errors=(503,), answer_example={"token": "seti_1"})
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """The token with which the customer's browser hands a card to the provider."""
        customer = queries.get_customer(customer_id)
        token = cards.create_setup_token(customer_id=customer_id, now=queries.now_of(customer, self.now))
        return answer_json({"token": token})

    @describe(
        "Keep a collected card",
        takes=TokenInput,
        gives=PaymentDetailsAnswer,
        status=201,
        errors=(503,),
        request_example={"token": "tok_visa"},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """A customer's first card becomes the default; with a new default unpaid invoices are tried.

        400 on `token` when the provider refuses it.
        """
        customer = queries.get_customer(customer_id)
        token = self.read(TokenInput)["token"]
        kept_id = resumed_resource("payment_method")
        if kept_id is not None:
            card = queries.get_payment_method(kept_id, customer_id)
        else:
            card = cards.add_card(customer_id=customer_id, token=token, now=queries.now_of(customer, self.now))
            hint_sweep()
        return answer_created(PaymentDetailsAnswer, card, "payment-methods")


class PaymentMethodDetail(ApiView):
    """`/payment-methods/{id}`, `/customer/{id}/payment-methods/{id}`."""

    @describe("Read a card", gives=PaymentDetailsAnswer)
    def get(self, request: Request, payment_method_id: uuid.UUID, customer_id: uuid.UUID | None = None) -> HttpResponse:
        """One card, as far as we know it."""
        card = queries.get_payment_method(payment_method_id, customer_id)
        return answer_json(PaymentDetailsAnswer().to_representation(card))

    @describe("Remove a card", status=202, errors=(503,))
    def delete(
        self, request: Request, payment_method_id: uuid.UUID, customer_id: uuid.UUID | None = None
    ) -> HttpResponse:
        """At the provider too."""
        card = queries.get_payment_method(payment_method_id, customer_id)
        customer = queries.get_customer(card.customer_id)
        cards.remove_card(payment_method_id=payment_method_id, now=queries.now_of(customer, self.now))
        return answer_null(202)


class PaymentMethodDefault(ApiView):
    """`/payment-methods/{id}/default`, `/customer/{id}/payment-methods/{id}/default`."""

    calls_provider = True

    @describe("Make a card the default", status=202)
    def post(
        self, request: Request, payment_method_id: uuid.UUID, customer_id: uuid.UUID | None = None
    ) -> HttpResponse:
        """It is charged unless another is named, and unpaid invoices are tried with it at once."""
        card = queries.get_payment_method(payment_method_id, customer_id)
        customer = queries.get_customer(card.customer_id)
        cards.set_default_card(payment_method_id=payment_method_id, now=queries.now_of(customer, self.now))
        hint_sweep()
        return answer_null(202)
