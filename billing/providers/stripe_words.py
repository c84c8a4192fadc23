"""What Stripe's words mean here: why a card was refused, how charges, refunds and disputes stand.

Calculation on Stripe's objects as dictionaries; nothing is called.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.domain.payments import HARD_DECLINES, FailureReason
from billing.providers.base import (
    CardFacts,
    ChargeResult,
    DisputeFacts,
    DisputeStage,
    KeptCard,
    ListedCharge,
    ListedRefund,
    Outcome,
    RefundOutcome,
    RefundResult,
    Subject,
)
from core.domain.rounding import divide_half_away
from core.redaction import redact_text

KEY = "reckoner_key"
"""The name under which our idempotency key stands in Stripe's metadata: Stripe itself forgets keys after a day."""

# https://docs.stripe.com/declines/codes, beside the error codes that come without a decline code.
REASONS = {
    "approve_with_id": FailureReason.CONTACT_PROVIDER,
    "authentication_not_handled": FailureReason.AUTHENTICATION_REQUIRED,
    "authentication_required": FailureReason.AUTHENTICATION_REQUIRED,
    "call_issuer": FailureReason.CONTACT_PROVIDER,
    "card_not_supported": FailureReason.INVALID_CARD,
    "card_velocity_exceeded": FailureReason.LACK_OF_FUNDS,
    "currency_not_supported": FailureReason.INVALID_CARD,
    "do_not_honor": FailureReason.CONTACT_PROVIDER,
    "do_not_try_again": FailureReason.INVALID_CARD,
    "expired_card": FailureReason.EXPIRED_CARD,
    "fraudulent": FailureReason.FRAUD,
    "highest_risk_level": FailureReason.FRAUD,
    "incorrect_address": FailureReason.INVALID_DETAILS,
    "incorrect_cvc": FailureReason.INVALID_DETAILS,
    "incorrect_number": FailureReason.INVALID_DETAILS,
    "incorrect_pin": FailureReason.INVALID_DETAILS,
    "incorrect_zip": FailureReason.INVALID_DETAILS,
    "insufficient_funds": FailureReason.LACK_OF_FUNDS,
    "invalid_account": FailureReason.INVALID_CARD,
    "invalid_amount": FailureReason.GENERAL_DECLINE,
    "invalid_cvc": FailureReason.INVALID_DETAILS,
    "invalid_expiry_month": FailureReason.INVALID_DETAILS,
    "invalid_expiry_year": FailureReason.INVALID_DETAILS,
    "invalid_number": FailureReason.INVALID_DETAILS,
    "invalid_pin": FailureReason.INVALID_DETAILS,
    "issuer_not_available": FailureReason.GENERAL_DECLINE,
    "lost_card": FailureReason.FRAUD,
    "merchant_blacklist": FailureReason.FRAUD,
    "new_account_information_available": FailureReason.INVALID_DETAILS,
    "no_action_taken": FailureReason.CONTACT_PROVIDER,
    "not_permitted": FailureReason.CONTACT_PROVIDER,
    "payment_intent_authentication_failure": FailureReason.AUTHENTICATION_REQUIRED,
    "pickup_card": FailureReason.FRAUD,
    "resource_missing": FailureReason.INVALID_DETAILS,
    "restricted_card": FailureReason.INVALID_CARD,
    "revocation_of_all_authorizations": FailureReason.INVALID_CARD,
    "revocation_of_authorization": FailureReason.INVALID_CARD,
    "security_violation": FailureReason.CONTACT_PROVIDER,
    "service_not_allowed": FailureReason.CONTACT_PROVIDER,
    "stolen_card": FailureReason.FRAUD,
    "stop_payment_order": FailureReason.INVALID_CARD,
    "testmode_decline": FailureReason.INVALID_CARD,
    "transaction_not_allowed": FailureReason.CONTACT_PROVIDER,
    "withdrawal_count_limit_exceeded": FailureReason.LACK_OF_FUNDS,
}
"""Billing rules, section 11: the eight words. What is not here (`generic_decline`, `try_again_later`) is a general
decline."""

SUBJECTS = (
    ("payment_intent.", Subject.CHARGE),
    ("charge.refund.", Subject.REFUND),
    ("refund.", Subject.REFUND),
    ("charge.dispute.", Subject.DISPUTE),
    ("payment_method.", Subject.CARD),
    ("mandate.", Subject.MANDATE),
)

_STAGES = {
    "warning_needs_response": DisputeStage.INQUIRY,
    "warning_under_review": DisputeStage.INQUIRY,
    "warning_closed": DisputeStage.WON,
    "needs_response": DisputeStage.NEEDS_RESPONSE,
    "under_review": DisputeStage.UNDER_REVIEW,
    "won": DisputeStage.WON,
    "prevented": DisputeStage.WON,
    "lost": DisputeStage.LOST,
}
_REFUNDS = {
    "succeeded": RefundOutcome.ISSUED,
    "pending": RefundOutcome.PENDING,
    "requires_action": RefundOutcome.PENDING,
    "failed": RefundOutcome.REJECTED,
    "canceled": RefundOutcome.REJECTED,
}

Thing = Mapping[str, Any]


def failure_reason(error: Thing) -> FailureReason:
    """Return why a charge failed, from the error Stripe gives.

    >>> failure_reason({"code": "card_declined", "decline_code": "insufficient_funds"})
    <FailureReason.LACK_OF_FUNDS: 'lack_of_funds'>
    >>> failure_reason({"code": "expired_card"}), failure_reason({"code": "card_declined"})
    (<FailureReason.EXPIRED_CARD: 'expired_card'>, <FailureReason.GENERAL_DECLINE: 'general_decline'>)
    """
    for word in (error.get("decline_code"), error.get("code")):
        if word in REASONS:
            return REASONS[word]
    return FailureReason.GENERAL_DECLINE


def refused(error: Thing, reference: str = "", currency: str = "") -> ChargeResult:
    """Return a charge that failed with an error of Stripe's."""
    reason = failure_reason(error)
    needs_customer = reason is FailureReason.AUTHENTICATION_REQUIRED
    return ChargeResult(
        Outcome.AUTHENTICATION_REQUIRED if needs_customer else Outcome.DECLINED,
        reference=reference,
        currency=currency,
        reason=reason,
        message=redact_text(error.get("message") or "The card was declined."),
        hard=reason in HARD_DECLINES or error.get("advice_code") == "do_not_try_again",
    )


def charge_result(intent: Thing) -> ChargeResult:
    """Return how a PaymentIntent stands.

    >>> charge_result({"id": "pi_1", "status": "succeeded", "amount_received": 1190, "currency": "eur"}).outcome
    <Outcome.SUCCEEDED: 'succeeded'>
    """
    reference, currency, status = intent["id"], intent["currency"].upper(), intent["status"]
    if status == "succeeded":
        return ChargeResult(
            Outcome.SUCCEEDED,
            reference=reference,
            amount_minor=intent["amount_received"],
            currency=currency,
            fee_minor=fee_minor(intent),
        )
    if status == "requires_action":
        return ChargeResult(
            Outcome.AUTHENTICATION_REQUIRED,
            reference=reference,
            currency=currency,
            reason=FailureReason.AUTHENTICATION_REQUIRED,
            message="The bank asks the cardholder to confirm.",
            authentication_url=_confirmation_url(intent),
        )
    if status == "canceled":
        return refused({"message": "The charge was cancelled."}, reference, currency)
    error = intent.get("last_payment_error")
    if status == "requires_payment_method" and error:
        return refused(error, reference, currency)
    return ChargeResult(Outcome.PENDING, reference=reference, currency=currency)


def fee_minor(intent: Thing) -> int:
    """Return what a charge cost, in minor units of its own currency; 0 while Stripe does not say.

    An account kept in another currency is charged its fee there: 40 of 1200 there are 33 of 1000 here.

    >>> there = {"amount": 1200, "fee": 40, "currency": "usd"}
    >>> fee_minor({"amount_received": 1000, "currency": "eur", "latest_charge": {"balance_transaction": there}})
    33
    """
    charge = intent.get("latest_charge")
    booked = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    if not isinstance(booked, Mapping):
        return 0
    return _converted(booked["fee"], booked, intent["amount_received"], intent["currency"])


def listed_charge(intent: Thing) -> ListedCharge | None:
    """Return a PaymentIntent as a charge of ours, None for one without our key."""
    key = (intent.get("metadata") or {}).get(KEY)
    if not key:
        return None
    return ListedCharge(
        key, moment(intent["created"]), intent["amount"], intent["currency"].upper(), charge_result(intent)
    )


def refund_result(refund: Thing) -> RefundResult:
    """Return how a refund stands.

    >>> refund_result({"id": "re_1", "status": "failed", "failure_reason": "expired_or_canceled_card"}).message
    'expired or canceled card'
    """
    outcome = _REFUNDS.get(refund.get("status") or "", RefundOutcome.PENDING)
    why = (refund.get("failure_reason") or "the provider rejected it").replace("_", " ")
    return RefundResult(outcome, refund["id"], why if outcome is RefundOutcome.REJECTED else "")


def listed_refund(refund: Thing) -> ListedRefund:
    """Return a refund; one that was made at Stripe itself has its id for a key."""
    key = (refund.get("metadata") or {}).get(KEY) or f"stripe:{refund['id']}"
    charge = identity(refund.get("payment_intent"))
    return ListedRefund(key, charge, refund["amount"], refund["currency"].upper(), refund_result(refund))


def dispute_facts(dispute: Thing) -> DisputeFacts:
    """Return a dispute; what is held back and what it cost are told by its balance transactions."""
    amount_minor, currency = dispute["amount"], dispute["currency"]
    booked = [one for one in dispute.get("balance_transactions") or () if isinstance(one, Mapping)]
    details = dispute.get("evidence_details") or {}
    return DisputeFacts(
        reference=dispute["id"],
        charge_reference=identity(dispute.get("payment_intent")),
        stage=_STAGES.get(dispute["status"], DisputeStage.UNDER_REVIEW),
        amount_minor=amount_minor,
        currency=currency.upper(),
        held_minor=_held(booked, amount_minor, currency),
        fee_minor=sum(_converted(one["fee"], one, amount_minor, currency) for one in booked),
        reason=dispute.get("reason") or "",
        opened_at=moment(dispute["created"]),
        respond_by=moment(details["due_by"]) if details.get("due_by") else None,
    )


def card_facts(method: Thing) -> CardFacts:
    """Return a payment method of the type card."""
    card = method.get("card") or {}
    return CardFacts(
        reference=method["id"],
        brand=card.get("brand") or "",
        last_four=card.get("last4") or "",
        expiry_month=card.get("exp_month") or 0,
        expiry_year=card.get("exp_year") or 0,
        country=card.get("country") or "",
        name=(method.get("billing_details") or {}).get("name") or "",
    )


def kept_card(method: Thing) -> KeptCard:
    """Return a payment method with the customer it is attached to."""
    return KeptCard(card_facts(method), identity(method.get("customer")))


def subject_of(event_type: str) -> Subject:
    """Return what an event is about.

    >>> subject_of("charge.dispute.closed"), subject_of("payout.paid")
    (<Subject.DISPUTE: 'dispute'>, <Subject.OTHER: 'other'>)
    """
    return next((subject for prefix, subject in SUBJECTS if event_type.startswith(prefix)), Subject.OTHER)


def identity(value: Any) -> str:
    """Return the id of an object that may be given whole, by id, or not at all."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return value or ""


def moment(seconds: int) -> datetime:
    """Return a time of Stripe's."""
    return datetime.fromtimestamp(seconds, UTC)


def _held(booked: list[Thing], amount_minor: int, currency: str) -> int:
    """Return what is withdrawn and not given back; in another currency that is all of it, or nothing."""
    total_minor: int = sum(one["amount"] for one in booked)
    if all(one["currency"] == currency for one in booked):
        return -total_minor
    return amount_minor if total_minor < 0 else 0


def _converted(fee: int, booked: Thing, amount_minor: int, currency: str) -> int:
    """Return a fee in the currency of the charge, by the rate at which the amount itself was booked."""
    if booked["currency"] == currency or not booked["amount"]:
        return fee
    return divide_half_away(fee * amount_minor, abs(booked["amount"]))


def _confirmation_url(intent: Thing) -> str:
    action = intent.get("next_action") or {}
    return (action.get("redirect_to_url") or {}).get("url") or ""
