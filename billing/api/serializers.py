"""Payments, attempts, receipts and balances as answers hold them."""

from typing import Any

from rest_framework import serializers

from billing.models import Payment, PaymentAttempt
from core.api.fields import DayField, FlagField, IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters, QueryInstantField
from core.api.serializers import AnswerSerializer
from customers.api.serializers import CustomerAnswer


class PaymentReceiptAnswer(AnswerSerializer):
    """A receipt, inside its payment."""

    id = IdField()
    valid = FlagField()
    created_at = InstantField()
    createdAt = InstantField(source="created_at")


class PaymentAnswer(AnswerSerializer):
    """Money received, or on its way; in minor units."""

    nullable = frozenset({"external_reference"})

    id = IdField()
    amount = WholeNumberField(source="amount_minor")
    currency = TextField()
    external_reference = TextField()
    status = WordField(Payment.Status.choices)
    created_at = InstantField()
    customer = CustomerAnswer()
    receipts = serializers.SerializerMethodField()

    def get_receipts(self, payment: Payment) -> list[dict[str, Any]]:
        """Return the payment's receipt, if it has one."""
        receipt = getattr(payment, "receipt", None)
        return [] if receipt is None else [PaymentReceiptAnswer().to_representation(receipt)]


class PaymentAttemptAnswer(AnswerSerializer):
    """One try to charge an invoice; in minor units."""

    nullable = frozenset({"failure_reason"})

    id = IdField()
    customer = IdField(source="customer_id")
    invoice = IdField(source="invoice_id")
    payment = IdField(source="payment_id")
    payment_details = IdField(source="payment_method_id")
    number = WholeNumberField(help_text="1 for the first try of its invoice.")
    amount = WholeNumberField(source="amount_minor")
    currency = TextField()
    status = WordField(PaymentAttempt.Status.choices)
    failure_reason = WordField(PaymentAttempt.FailureReason.choices)
    failure_message = TextField()
    due_at = InstantField()
    created_at = InstantField()
    settled_at = InstantField()


class ReceiptAnswer(AnswerSerializer):
    """Proof of a payment for the customer."""

    id = IdField()
    number = TextField()
    payment = IdField(source="payment_id")
    invoice = IdField(source="payment.invoice_id")
    customer = IdField(source="payment.customer_id")
    amount = WholeNumberField(source="payment.amount_minor")
    currency = TextField(source="payment.currency")
    issue_date = DayField()
    valid = FlagField()
    created_at = InstantField()


class BalanceAnswer(AnswerSerializer):
    """What a customer may use, and what it owes, in one currency; minor units."""

    currency = TextField()
    amount = WholeNumberField(source="balance_minor", help_text="Credit the customer may use; negative: a debit.")
    receivable = WholeNumberField(source="receivable_minor", help_text="What the customer owes.")


class BalancesAnswer(AnswerSerializer):
    """A customer's balance in every currency it ever had one."""

    data = BalanceAnswer(many=True)  # type: ignore[assignment]  # DRF takes the field off the class


class CreditAnswer(AnswerSerializer):
    """A movement of the balance made by hand or by a voucher; minor units."""

    id = IdField(source="object_id")
    type = serializers.SerializerMethodField(help_text="credit or debit.")
    amount = serializers.SerializerMethodField()
    currency = TextField()
    origin = serializers.SerializerMethodField(help_text="hand or voucher.")
    created_at = InstantField(source="posted_at")

    def get_type(self, entry: Any) -> str:
        """Return credit for what the customer gained."""
        return "credit" if entry.signed_minor < 0 else "debit"

    def get_amount(self, entry: Any) -> int:
        """Return the amount without its sign."""
        return abs(int(entry.signed_minor))

    def get_origin(self, entry: Any) -> str:
        """Return who made it."""
        return "hand" if entry.kind == "balance" else "voucher"


class MadeCreditAnswer(AnswerSerializer):
    """A credit or debit just made, and the balance after it; minor units."""

    type = TextField()
    amount = WholeNumberField()
    currency = TextField()
    reason = TextField()
    balance = WholeNumberField()


class ChargeAnswer(AnswerSerializer):
    """How a charge ended."""

    nullable = frozenset({"failure_reason"})

    paid = FlagField()
    failure_reason = TextField(help_text="null while the outcome is open.")


class SuccessAnswer(AnswerSerializer):
    """It was done."""

    success = FlagField()


class TokenAnswer(AnswerSerializer):
    """With which the customer's browser hands a card to the provider."""

    token = TextField()


class PaymentListParameters(ListParameters):
    """What a list of payments is narrowed by."""

    name = TextField(required=False, allow_blank=True, help_text="In the customer's name, company or e-mail.")


class AttemptListParameters(ListParameters):
    """What a list of attempts is narrowed by."""

    status = WordField(PaymentAttempt.Status.choices, required=False)
    customer = IdField(required=False)
    invoice = IdField(required=False)
    created_from = QueryInstantField(required=False)
    created_to = QueryInstantField(required=False)
