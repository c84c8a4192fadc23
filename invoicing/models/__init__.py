"""Rows of what is owed."""

from invoicing.models.credit_note import CreditNote, CreditNoteLine
from invoicing.models.document import StoredDocument
from invoicing.models.invoice import Invoice, InvoiceLine
from invoicing.models.numbering import NumberCounter, NumberSeries
from invoicing.models.quote import Quote, RequestedLine
from invoicing.models.recognition import RevenueRecognition, ScheduleRow
from invoicing.models.tax import TaxClosing, TaxCountry, TaxRule, TaxState, TaxTurnover, ThresholdPeriod
from invoicing.models.voucher_use import VoucherUse
from invoicing.models.waiting import WaitingPart, WaitingStep

__all__ = [
    "CreditNote",
    "CreditNoteLine",
    "Invoice",
    "InvoiceLine",
    "NumberCounter",
    "NumberSeries",
    "Quote",
    "RequestedLine",
    "RevenueRecognition",
    "ScheduleRow",
    "StoredDocument",
    "TaxClosing",
    "TaxCountry",
    "TaxRule",
    "TaxState",
    "TaxTurnover",
    "ThresholdPeriod",
    "VoucherUse",
    "WaitingPart",
    "WaitingStep",
]
