"""What the futures of many customers come to together, a month and a currency at a time."""

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing.domain.future import Forecast, cash_by_month
from core.domain.schedule import local_date

TOLD_AT_MOST = 100
"""So many customers are named, of those that failed and of those there is something to say about."""

_Key = tuple[str, str]


class Totals:
    """Adds up forecasts, in minor units; credit notes count as negative.

    `failures` and `remarks` name the first customers with what is to be said of them, `failed` counts all that failed.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self.customers = 0
        self.failed = 0
        self.invoices: Counter[_Key] = Counter()
        self.credit_notes: Counter[_Key] = Counter()
        self.net_minor: Counter[_Key] = Counter()
        self.tax_minor: Counter[_Key] = Counter()
        self.cash_minor: Counter[_Key] = Counter()
        self.written_off_minor: Counter[_Key] = Counter()
        self.past_due_minor: Counter[str] = Counter()
        self.failures: list[tuple[uuid.UUID, str]] = []
        self.remarks: list[tuple[uuid.UUID, str]] = []

    def add(self, told: Forecast) -> None:
        """Add what one customer will be billed and is expected to pay."""
        self.customers += 1
        for one in told.documents:
            made = one.proposal
            key = f"{made.occasion.issue_date:%Y-%m}", made.currency
            (self.credit_notes if made.is_credit else self.invoices)[key] += 1
            self.net_minor[key] += made.sub_total_minor
            self.tax_minor[key] += made.tax_total_minor
        for given in told.refunds:
            key = f"{given.issue_date:%Y-%m}", given.refund.currency
            self.credit_notes[key] += 1
            self.net_minor[key] -= given.refund.total_minor - given.refund.tax_minor
            self.tax_minor[key] -= given.refund.tax_minor
        for month, currency, minor in cash_by_month(told.cash):
            self.cash_minor[month, currency] += minor
        for step in told.dunning:
            if step.written_off_minor:
                month = f"{local_date(step.moment, told.account.zone):%Y-%m}"
                self.written_off_minor[month, step.currency] += step.written_off_minor
        self.past_due_minor.update(told.past_due_minor)
        for words in told.refused:
            if len(self.remarks) < TOLD_AT_MOST:
                self.remarks.append((told.account.customer_id, words))

    def add_failure(self, customer_id: uuid.UUID, reason: str) -> None:
        """Add a customer whose future could not be computed."""
        self.customers += 1
        self.failed += 1
        if len(self.failures) < TOLD_AT_MOST:
            self.failures.append((customer_id, reason))

    def told(self) -> Mapping[str, Any]:
        """Return the sums as they are stored and answered: months in order, each currency apart."""
        keys = sorted({*self.invoices, *self.credit_notes, *self.cash_minor, *self.written_off_minor})
        return {
            "months": [
                {
                    "month": month,
                    "currency": currency,
                    "invoices": self.invoices[month, currency],
                    "credit_notes": self.credit_notes[month, currency],
                    "sub_total": self.net_minor[month, currency],
                    "tax_total": self.tax_minor[month, currency],
                    "total": self.net_minor[month, currency] + self.tax_minor[month, currency],
                    "cash": self.cash_minor[month, currency],
                    "written_off": self.written_off_minor[month, currency],
                }
                for month, currency in keys
            ],
            "past_due": [
                {"currency": currency, "amount": minor} for currency, minor in sorted(self.past_due_minor.items())
            ],
            "failures": [{"customer": str(customer_id), "reason": words} for customer_id, words in self.failures],
            "remarks": [{"customer": str(customer_id), "reason": words} for customer_id, words in self.remarks],
        }
