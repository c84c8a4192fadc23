"""One customer as the pure code sees it: everything that decides an invoice but the usage."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from invoicing.domain.charge import BilledLine
from invoicing.domain.discounts import Voucher
from invoicing.domain.tax import TaxTreatment
from invoicing.domain.tax_decision import Buyer, Seller, Supply, decide_tax
from invoicing.domain.tax_rules import TaxRules, Turnover
from subscriptions.domain.terms import Agreement

CARD = "card"
INVOICE = "invoice"
_MOST_DECISIONS = 10_000


@dataclass(frozen=True, slots=True)
class SellerTerms:
    """A brand's side of every invoice; `party` is its identity as printed."""

    brand_id: uuid.UUID
    code: str
    tax: Seller
    zone: str
    payment_terms_days: int
    tax_point_in_advance: str
    tax_point_in_arrears: str
    party: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """One customer: who pays, what was agreed, what was billed, which vouchers and balances wait.

    `balances_minor` holds what the customer may use per currency (negative: owes on top), `open_minor` what is due on
    the open invoices that billed lines stand on; those of other customers may be among them.
    """

    customer_id: uuid.UUID
    seller: SellerTerms
    buyer: Buyer
    billing_type: str
    zone: str
    locale: str
    payment_method_id: uuid.UUID | None
    party: Mapping[str, Any]
    agreements: tuple[Agreement, ...] = ()
    billed: Mapping[uuid.UUID, tuple[BilledLine, ...]] = field(default_factory=dict)
    vouchers: tuple[Voucher, ...] = ()
    balances_minor: Mapping[str, int] = field(default_factory=dict)
    open_minor: Mapping[uuid.UUID, int] = field(default_factory=dict)
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class TaxWorld:
    """The tax rules in force and the sums their thresholds are compared with."""

    rules: TaxRules
    turnover: Turnover
    default_tax_type: str
    _decided: dict[tuple[Seller, Buyer, Supply, date], TaxTreatment] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def decide(self, seller: Seller, buyer: Buyer, supply: Supply, at: date) -> TaxTreatment:
        """Return how one supply is taxed at its tax point; what is alike for many customers is decided once."""
        case = (seller, buyer, supply, at)
        treatment = self._decided.get(case)
        if treatment is None:
            if len(self._decided) >= _MOST_DECISIONS:
                self._decided.clear()
            treatment = self._decided[case] = decide_tax(
                seller=seller, buyer=buyer, supply=supply, rules=self.rules, at=at, turnover=self.turnover
            )
        return treatment
