"""Rows of the engine: runs, parked customers, mass changes, simulations, announcements, payments and their fates."""

from billing.models.announcement import Announcement
from billing.models.dispute import Dispute
from billing.models.dunning import DunningProcess, DunningStep, ParkedInvoice
from billing.models.mass_change import MassChange, MassChangePart
from billing.models.notice import ProviderNotice
from billing.models.payment import FoundCharge, Payment, PaymentAttempt, Receipt
from billing.models.refund import Refund
from billing.models.run import BillingRun, ParkedCustomer
from billing.models.simulation import SimulationRun

__all__ = [
    "Announcement",
    "BillingRun",
    "Dispute",
    "DunningProcess",
    "DunningStep",
    "FoundCharge",
    "MassChange",
    "MassChangePart",
    "ParkedCustomer",
    "ParkedInvoice",
    "Payment",
    "PaymentAttempt",
    "ProviderNotice",
    "Receipt",
    "Refund",
    "SimulationRun",
]
