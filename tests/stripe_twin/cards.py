"""The published test cards: what each does when it is saved, charged or refunded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A test card; codes are empty when it does what is asked."""

    brand: str = "visa"
    last4: str = "4242"
    setup_code: str = ""
    charge_code: str = ""
    dispute: str = ""
    refund: str = "succeeded"
    exp_year: int = 2049


def declining(last4: str, code: str) -> Card:
    """Return a card that is declined when it is saved, and when it is charged."""
    return Card(last4=last4, setup_code=code, charge_code=code)


CARDS = {
    "visa": Card(),
    "mastercard": Card(brand="mastercard", last4="4444"),
    "amex": Card(brand="amex", last4="8431"),
    "chargeDeclined": declining("0002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": declining("9995", "insufficient_funds"),
    "chargeDeclinedLostCard": declining("9987", "lost_card"),
    "chargeDeclinedStolenCard": declining("9979", "stolen_card"),
    "chargeDeclinedFraudulent": declining("0019", "fraudulent"),
    "chargeDeclinedExpiredCard": declining("0069", "expired_card"),
    "chargeDeclinedIncorrectCvc": declining("0127", "incorrect_cvc"),
    "chargeDeclinedProcessingError": declining("0119", "processing_error"),
    "chargeCustomerFail": Card(last4="0341", charge_code="generic_decline"),
    "authenticationRequired": Card(last4="3184", charge_code="authentication_required"),
    "authenticationRequiredOnSetup": Card(last4="3155", setup_code="authentication_required"),
    "createDispute": Card(last4="0259", dispute="needs_response"),
    "createDisputeInquiry": Card(last4="1976", dispute="warning_needs_response"),
    "pendingRefund": Card(last4="7726", refund="pending"),
    "refundFail": Card(last4="5126", refund="failed"),
}
"""By name: `tok_` or `pm_card_` and the name."""

CODES_OF_THEIR_OWN = {
    "expired_card",
    "incorrect_cvc",
    "processing_error",
    "authentication_required",
    "incorrect_number",
}
"""Declines whose error code is the decline's own; the others are `card_declined` with a decline code."""
