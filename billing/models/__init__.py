"""Rows of the engine: runs, parked customers, mass changes, simulations, payments, refunds."""

from billing.models.mass_change import MassChange, MassChangePart
from billing.models.payment import FoundCharge, Payment, PaymentAttempt, Receipt
from billing.models.refund import Refund
from billing.models.run import BillingRun, ParkedCustomer
from billing.models.simulation import SimulationRun

__all__ = [
    "BillingRun",
    "FoundCharge",
    "MassChange",
    "MassChangePart",
    "ParkedCustomer",
    "Payment",
    "PaymentAttempt",
    "Receipt",
    "Refund",
    "SimulationRun",
]
