"""What a customer can be told to be, as values: the facts of a new one, and what a change of them differs in."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ADDRESS_PARTS = (
    "company_name",
    "street_line_one",
    "street_line_two",
    "city",
    "region",
    "country",
    "postcode",
)
# Why a customer is disabled: its usage passed a limit. It is billed on: what it used is owed.
USAGE_LIMIT = "usage_limit"
# Why else: its invoices are overdue. Nothing new is charged, and paying enables it again.
OVERDUE = "overdue"
# What clearing a fact leaves, where that is not nothing.
CLEARED: Mapping[str, Any] = {
    "billing_type": "card",
    "type": "individual",
    "locale": "en",
    "invoice_format": "pdf",
    "marketing_opt_in": False,
    "tax_number": "",
}
# What erasing a customer blanks in its row; country, zone and rates stay: they decided taxes, and tell nobody.
ERASED: Mapping[str, Any] = {
    "email": "",
    "name": "",
    "reference": "",
    "external_reference": "",
    "company_name": "",
    "street_line_one": "",
    "street_line_two": "",
    "city": "",
    "region": "",
    "postcode": "",
    "tax_number": "",
    "tax_number_check": "",
    "invoice_format": "pdf",
    "buyer_reference": "",
    "marketing_opt_in": False,
    "metadata": {},
}


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    """The facts of a new customer; rates in percent. An empty country is an unknown one."""

    email: str = ""
    name: str = ""
    billing_type: str = "card"
    type: str = "individual"
    reference: str = ""
    external_reference: str = ""
    company_name: str = ""
    street_line_one: str = ""
    street_line_two: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    tax_number: str = ""
    tax_exempt: bool = False
    standard_tax_rate: Decimal | None = None
    digital_tax_rate: Decimal | None = None
    locale: str = "en"
    time_zone: str = ""
    invoice_format: str = "pdf"
    buyer_reference: str = ""
    marketing_opt_in: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    brand_id: uuid.UUID | None = None
    test_clock_id: uuid.UUID | None = None


def merged_address(current: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of an address after a change: parts not sent stay, an empty object clears them all.

    >>> merged_address({"city": "Bonn", "country": "DE"}, {"city": "Berlin"})["country"]
    'DE'
    >>> merged_address({"city": "Bonn", "country": "DE"}, {})["country"]
    ''
    """
    kept = current if sent else {}
    return {part: sent.get(part, kept.get(part, "")) for part in ADDRESS_PARTS}
