"""Payments, the attempts that lead to them, receipts, charges and balances."""

import uuid

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from billing.api.downloads import FormatParameters, answer_file
from billing.api.inputs import CreditInput
from billing.api.serializers import (
    AttemptListParameters,
    BalanceAnswer,
    BalancesAnswer,
    ChargeAnswer,
    CreditAnswer,
    MadeCreditAnswer,
    PaymentAnswer,
    PaymentAttemptAnswer,
    PaymentListParameters,
    ReceiptAnswer,
)
from billing.models import Payment
from billing.operations import balance, charging
from billing.operations.balance import Adjustment
from billing.queries import balance as balance_queries
from billing.queries import payments as queries
from core.api.pages import ListParameters
from core.api.schema import describe
from core.api.views import ApiView, answer_json
from core.search import text_condition
from customers import queries as customers_queries


def _of_customer_named(payments: QuerySet[Payment], name: str) -> QuerySet[Payment]:
    """Narrow payments to customers whose name, company or e-mail holds a text."""
    payments = payments.select_related("receipt")
    if not name:
        return payments
    columns = ("name", "company_name", "email")
    conditions = [text_condition(f"customer__{column}", name) for column in columns]
    return payments.filter(Q(*conditions, _connector=Q.OR))


class PaymentList(ApiView):
    """`/payment`."""

    parameters = {"GET": PaymentListParameters}

    @describe("List payments", gives=PaymentAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first. A failed try is no payment: see `/payment-attempt`."""
        return self.list_of(_of_customer_named(queries.list_payments(), self.query.get("name", "")), PaymentAnswer)


class PaymentDetail(ApiView):
    """`/payment/{id}`."""

    @describe("Read a payment", gives=PaymentAnswer)
    def get(self, request: Request, payment_id: uuid.UUID) -> HttpResponse:
        """One payment."""
        return answer_json(PaymentAnswer().to_representation(queries.get_payment(payment_id)))


class CustomerPaymentList(ApiView):
    """`/customer/{id}/payment`."""

    parameters = {"GET": PaymentListParameters}

    @describe("List a customer's payments", gives=PaymentAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Newest first."""
        customers_queries.require_customer(customer_id)
        payments = _of_customer_named(queries.list_payments(customer_id), self.query.get("name", ""))
        return self.list_of(payments, PaymentAnswer)


class AttemptList(ApiView):
    """`/payment-attempt`."""

    parameters = {"GET": AttemptListParameters}

    @describe("List payment attempts", gives=PaymentAttemptAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first."""
        found = queries.list_attempts(customer_id=self.query.get("customer"), invoice_id=self.query.get("invoice"))
        if "status" in self.query:
            found = found.filter(status=self.query["status"])
        if "created_from" in self.query:
            found = found.filter(created_at__gte=self.query["created_from"])
        if "created_to" in self.query:
            found = found.filter(created_at__lt=self.query["created_to"])
        return self.list_of(found, PaymentAttemptAnswer)


class ReceiptDetail(ApiView):
    """`/receipt/{id}`."""

    @describe("Read a receipt", gives=ReceiptAnswer)
    def get(self, request: Request, receipt_id: uuid.UUID) -> HttpResponse:
        """One receipt."""
        return answer_json(ReceiptAnswer().to_representation(queries.get_receipt(receipt_id)))


class InvoiceDownload(ApiView):
    """`/invoice/{id}/download`."""

    parameters = {"GET": FormatParameters}

    @describe("Download an invoice", gives=OpenApiTypes.BINARY)
    def get(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """As PDF unless another format is asked for."""
        return answer_file("invoice", invoice_id, self.query.get("format", "pdf"))


class ReceiptDownload(ApiView):
    """`/receipt/{id}/download`."""

    parameters = {"GET": FormatParameters}

    @describe("Download a receipt", gives=OpenApiTypes.BINARY)
    def get(self, request: Request, receipt_id: uuid.UUID) -> HttpResponse:
        """As PDF."""
        return answer_file("receipt", receipt_id, self.query.get("format", "pdf"))


class InvoiceCharge(ApiView):
    """`/invoice/{id}/charge`."""

    calls_provider = True

    @describe("Charge an invoice", gives=ChargeAnswer, errors=(402, 409, 503))
    def post(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """With the card on file. 402 when it is declined, 409 when nothing is due."""
        invoice = queries.get_invoice(invoice_id)
        customer = customers_queries.get_customer(invoice.customer_id)
        now = customers_queries.now_of(customer, self.now)
        outcome = charging.charge_invoice(invoice_id=invoice_id, now=now)
        return answer_json({"paid": outcome.is_paid, "failure_reason": None})


class CustomerBalanceDetail(ApiView):
    """`/customer/{id}/balance`."""

    @describe("Read a customer's balance", gives=BalancesAnswer)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """By currency."""
        one = BalanceAnswer()
        rows = [one.to_representation(row) for row in balance_queries.list_balances(customer_id)]
        return answer_json({"data": rows})


class CustomerCreditList(ApiView):
    """`/customer/{id}/credit`."""

    parameters = {"GET": ListParameters}

    @describe("List credits and debits", gives=CreditAnswer, lists=True)
    def get(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Made by hand or by a voucher, newest first."""
        return self.list_of(balance_queries.list_credits(customer_id), CreditAnswer)

    @describe(
        "Credit or debit a customer",
        takes=CreditInput,
        gives=MadeCreditAnswer,
        status=201,
        request_example={"type": "credit", "amount": 1000, "currency": "EUR", "reason": "Sorry for the outage"},
    )
    def post(self, request: Request, customer_id: uuid.UUID) -> HttpResponse:
        """Used by the invoices to come, after tax."""
        customer = customers_queries.get_customer(customer_id)
        values = self.read(CreditInput)
        adjustment = Adjustment(
            type=values["type"],
            amount_minor=values["amount"],
            currency=values["currency"],
            reason=values.get("reason", ""),
        )
        now = customers_queries.now_of(customer, self.now)
        after = balance.adjust_balance(customer_id=customer_id, adjustment=adjustment, now=now, actor=self.actor)
        return answer_json({**values, "balance": after.balance_minor}, 201)
