"""Money given back from payments."""

import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from billing.api.serializers import PaymentAnswer
from billing.models import Refund
from billing.operations import refunding
from billing.operations.refunds import RefundWanted
from billing.queries import payments as payment_queries
from billing.queries import refunds as queries
from core.api.fields import AmountField, CurrencyField, IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters, QueryInstantField
from core.api.schema import describe
from core.api.serializers import AnswerSerializer, InputSerializer, Parameters
from core.api.views import ApiView, answer_json, answer_null
from core.search import text_condition
from customers import queries as customers_queries
from customers.api.serializers import CustomerAnswer

EXPANDABLE = ("payment",)


class RefundAnswer(AnswerSerializer):
    """Money given back, or on its way; in minor units."""

    nullable = frozenset({"external_reference", "comment"})

    id = IdField()
    amount = WholeNumberField(source="amount_minor")
    currency = TextField()
    external_reference = TextField(help_text="The provider's.")
    comment = TextField(source="reason")
    status = WordField(Refund.Status.choices)
    created_at = InstantField()
    customer = CustomerAnswer()
    payment_id = IdField()
    payment = serializers.SerializerMethodField(help_text="With `expand=payment`.")

    def get_payment(self, refund: Refund) -> dict[str, Any] | None:
        """Return the payment it was asked to be shown with."""
        is_shown = self.context.get("expand") == "payment"
        return PaymentAnswer().to_representation(refund.payment) if is_shown else None


class RefundParameters(Parameters):
    """What a refund is shown with."""

    expand = WordField(EXPANDABLE, required=False)


class CustomerRefundListParameters(ListParameters):
    """What a customer's refunds are narrowed by, and shown with."""

    name = TextField(required=False, allow_blank=True, help_text="In the customer's name, company or e-mail.")
    expand = WordField(EXPANDABLE, required=False)


class RefundListParameters(CustomerRefundListParameters):
    """What refunds are narrowed by, and shown with."""

    status = WordField(Refund.Status.choices, required=False)
    customer = IdField(required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)


class RefundInput(InputSerializer):
    """What is given back; minor units."""

    amount = AmountField(min_value=1)
    currency = CurrencyField(required=False, help_text="The payment's, unless sent.")
    reason = TextField(required=False, allow_blank=True, max_length=200)


def _narrowed(refunds: QuerySet[Refund], query: dict[str, Any]) -> QuerySet[Refund]:
    """Narrow refunds to what a query asks for."""
    if query.get("name"):
        columns = ("name", "company_name", "email")
        conditions = [text_condition(f"customer__{column}", query["name"]) for column in columns]
        refunds = refunds.filter(Q(*conditions, _connector=Q.OR))
    plain = {"status": "status", "customer": "customer_id", "created_from": "created_at__gte"}
    plain |= {"created_to": "created_at__lt"}
    refunds = refunds.filter(**{column: query[name] for name, column in plain.items() if name in query})
    if query.get("expand"):
        refunds = refunds.select_related("payment__customer__brand", "payment__receipt")
    return refunds


class _RefundsView(ApiView):
    """Shows refunds as the query asks for them."""

    def _answer_of(self, refunds: Any) -> list[Any]:
        one = RefundAnswer(context={"expand": self.query.get("expand")})
        return [one.to_representation(refund) for refund in refunds]


class RefundList(_RefundsView):
    """`/refund`."""

    parameters = {"GET": RefundListParameters}

    @describe("List refunds", gives=RefundAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        return self.list_of(_narrowed(queries.list_refunds(), self.query), self._answer_of)


class CustomerRefundList(_RefundsView):
    """`/customer/{id}/refund`."""

    parameters = {"GET": CustomerRefundListParameters}

    @describe("List a customer's refunds", gives=RefundAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        customers_queries.require_customer(customer_id)
        return self.list_of(_narrowed(queries.list_refunds(customer_id), self.query), self._answer_of)


class RefundDetail(_RefundsView):
    """`/refund/{id}`."""

    parameters = {"GET": RefundParameters}

    @describe("Read a refund", gives=RefundAnswer)
    def get(self, request: Request, refund_id: uuid.UUID) -> HttpResponse:
        """One refund."""
        return answer_json(self._answer_of([queries.get_refund(refund_id)])[0])


class PaymentRefund(ApiView):
    """`/payment/{id}/refund`."""

    calls_provider = True

    @describe(
        "Refund a payment",
        takes=RefundInput,
        status=202,
        errors=(406,),
        request_example={"amount": 500, "currency": "EUR", "reason": "Paid twice"},
    )
    def post(self, request: Request, payment_id: uuid.UUID) -> HttpResponse:
        """In part or whole, by the way it came. 406 above what is left of it; how it ends is told by `/refund`.

        A credit note of the same gross is issued over the lines of the invoice it paid.
        """
        payment = payment_queries.get_payment(payment_id)
        values = self.read(RefundInput)
        wanted = RefundWanted(
            payment_id=payment.id,
            amount_minor=values["amount"],
            currency=values.get("currency") or str(payment.currency),
            reason=values.get("reason", ""),
        )
        refunding.refund_payment(wanted, now=self.now, actor=self.actor)
        return answer_null()
