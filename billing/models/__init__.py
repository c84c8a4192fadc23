"""Rows of the engine: runs, parked customers, payments, refunds."""

from billing.models.payment import FoundCharge, Payment, PaymentAttempt, Receipt
from billing.models.refund import Refund
from billing.models.run import BillingRun, ParkedCustomer

__all__ = ["BillingRun", "FoundCharge", "ParkedCustomer", "Payment", "PaymentAttempt", "Receipt", "Refund"]
