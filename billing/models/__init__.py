"""Rows of the engine: runs, parked customers, payments."""

from billing.models.payment import FoundCharge, Payment, PaymentAttempt, Receipt
from billing.models.run import BillingRun, ParkedCustomer

__all__ = ["BillingRun", "FoundCharge", "ParkedCustomer", "Payment", "PaymentAttempt", "Receipt"]
