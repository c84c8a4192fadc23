"""Rows of the engine: runs, parked customers, payments."""

from billing.models.payment import Payment, PaymentAttempt, Receipt
from billing.models.run import BillingRun, ParkedCustomer

__all__ = ["BillingRun", "ParkedCustomer", "Payment", "PaymentAttempt", "Receipt"]
