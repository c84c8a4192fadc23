"""Connectable's words for what the engine knows: those of Stripe's API of 2018."""

from collections.abc import Mapping

from subscriptions.domain.lifecycle import Status

STATUS: Mapping[str, str] = {
    Status.INCOMPLETE: "past_due",
    Status.TRIAL_ACTIVE: "trialing",
    Status.TRIAL_ENDED: "canceled",
    Status.ACTIVE: "active",
    Status.PENDING_CANCEL: "active",
    Status.OVERDUE_PAYMENT_OPEN: "past_due",
    Status.OVERDUE_PAYMENT_DISABLED: "unpaid",
    Status.PAUSED: "active",
    Status.BLOCKED: "unpaid",
    Status.CANCELLED: "canceled",
}
"""A subscription's status (Neighbour shapes, section 1)."""

BRANDS: Mapping[str, str] = {
    "visa": "Visa",
    "amex": "American Express",
    "american_express": "American Express",
    "mastercard": "MasterCard",
    "discover": "Discover",
    "jcb": "JCB",
    "diners": "Diners Club",
    "diners_club": "Diners Club",
}
INTERVALS = frozenset({"day", "week", "month", "year"})
AUTOMATIC, BY_INVOICE = "charge_automatically", "send_invoice"
UNCHECKED = "unchecked"


def brand_word(brand: str) -> str:
    """Return a card's brand as the neighbour spells it.

    >>> brand_word("amex"), brand_word("elo")
    ('American Express', 'Unknown')
    """
    return BRANDS.get(brand.lower().replace(" ", "_"), "Unknown")


def billing_word(billing_type: str) -> str:
    """Return how a customer pays.

    >>> billing_word("card"), billing_word("invoice")
    ('charge_automatically', 'send_invoice')
    """
    return AUTOMATIC if billing_type == "card" else BY_INVOICE
