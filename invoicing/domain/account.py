"""One customer as the pure code sees it: everything that decides an invoice but the usage."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from invoicing.domain.charge import BilledLine
from invoicing.domain.discounts import Voucher
from invoicing.domain.tax_decision import Buyer, Seller
from invoicing.domain.waiting import WaitingStep
from subscriptions.domain.terms import Agreement

CARD = "card"
INVOICE = "invoice"
CUSTOMER_GROUP = "customer"
SUBSCRIPTION_GROUP = "subscription"


@dataclass(frozen=True, slots=True)
class SellerTerms:
    """A brand's side of every invoice; `party` is its identity as printed.

    `group` says whether what is due on one date is one invoice of the customer, or one of each subscription;
    `grace_days` how long an invoice of the run waits as a draft for late usage.
    """

    brand_id: uuid.UUID
    code: str
    tax: Seller
    zone: str
    payment_terms_days: int
    tax_point_in_advance: str
    tax_point_in_arrears: str
    party: Mapping[str, Any]
    group: str = CUSTOMER_GROUP
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One customer: who pays, what was agreed, what was billed, which vouchers and balances wait.

    `balances_minor` holds what the customer may use per currency (negative: owes on top), `open_minor` what is due on
    the open invoices that billed lines stand on; those of other customers may be among them. `waiting` are the steps
    whose documents are drafts: their lines are among the billed ones.
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
    waiting: tuple[WaitingStep, ...] = ()
