"""Messages to customers: which fact makes which, when each is tried again, and why one is not sent."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class MessageKind(StrEnum):
    """What a message says."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_ACTION_REQUIRED = "payment_action_required"
    INVOICE_OVERDUE = "invoice_overdue"
    CARD_EXPIRING = "card_expiring"
    TRIAL_ENDING = "trial_ending"
    RENEWAL_AHEAD = "renewal_ahead"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    CUSTOMER_DISABLED = "customer_disabled"
    REFUND_ISSUED = "refund_issued"
    QUOTE = "quote"


class Suppressed(StrEnum):
    """Why a message is logged and not sent."""

    SWITCHED_OFF = "switched_off"
    TEST_CLOCK = "test_clock"
    NO_RECIPIENT = "no_recipient"
    TOO_OLD = "too_old"


_KINDS = {
    "invoice.finalized": MessageKind.INVOICE,
    "payment.succeeded": MessageKind.RECEIPT,
    "invoice.payment_failed": MessageKind.PAYMENT_FAILED,
    "invoice.payment_action_required": MessageKind.PAYMENT_ACTION_REQUIRED,
    "invoice.overdue": MessageKind.INVOICE_OVERDUE,
    "payment_method.expiring": MessageKind.CARD_EXPIRING,
    "subscription.trial_ending": MessageKind.TRIAL_ENDING,
    "subscription.renewing": MessageKind.RENEWAL_AHEAD,
    "subscription.cancelled": MessageKind.SUBSCRIPTION_CANCELLED,
    "customer.disabled": MessageKind.CUSTOMER_DISABLED,
    "quote.created": MessageKind.QUOTE,
}
AUTHENTICATION_REQUIRED = "authentication_required"
_REFUNDS = frozenset({"refund.created", "refund.updated"})

LATEST = timedelta(days=3)
"""A fact that is told later than this, after a hold or a load of the past, is no news any more."""

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)


def kind_of(type_: str, payload: Mapping[str, Any]) -> MessageKind | None:
    """Return what a fact is told to the customer by, None if it is not.

    A refund is told once its money is on its way; of a charge that the bank wants confirmed the link alone.

    >>> kind_of("refund.updated", {"status": "issued"}), kind_of("refund.created", {"status": "started"})
    (<MessageKind.REFUND_ISSUED: 'refund_issued'>, None)
    >>> kind_of("invoice.payment_failed", {"failure_reason": "authentication_required"})
    """
    if type_ in _REFUNDS:
        return MessageKind.REFUND_ISSUED if payload.get("status") == "issued" else None
    if type_ == "invoice.payment_failed" and payload.get("failure_reason") == AUTHENTICATION_REQUIRED:
        return None
    return _KINDS.get(type_)


def next_send_at(tries: int, now: datetime) -> datetime | None:
    """Return when a message that could not be handed over `tries` times is tried again; None after the eighth.

    >>> next_send_at(1, datetime(2026, 1, 1)).isoformat(), next_send_at(8, datetime(2026, 1, 1))
    ('2026-01-01T00:01:00', None)
    """
    return now + PAUSES[tries - 1] if tries <= len(PAUSES) else None
