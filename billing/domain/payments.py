"""What becomes of an attempt to charge: its states, why it failed, whether to try again, and where the money goes."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class AttemptStatus(StrEnum):
    """What an attempt is."""

    SCHEDULED = "scheduled"
    CALLING = "calling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptAction(StrEnum):
    """What can happen to an attempt."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    REVIVE = "revive"


class FailureReason(StrEnum):
    """Why a charge failed, in the eight words of Billing rules, section 11."""

    EXPIRED_CARD = "expired_card"
    INVALID_DETAILS = "invalid_details"
    FRAUD = "fraud"
    AUTHENTICATION_REQUIRED = "authentication_required"
    INVALID_CARD = "invalid_card"
    GENERAL_DECLINE = "general_decline"
    CONTACT_PROVIDER = "contact_provider"
    LACK_OF_FUNDS = "lack_of_funds"


class Retry(StrEnum):
    """What may be done after a failure."""

    LATER = "later"
    NEW_CARD = "new_card"
    CUSTOMER_CONFIRMS = "customer_confirms"


class InvalidAttemptTransition(ValueError):
    """An action that the attempt's status does not allow."""

    def __init__(self, status: AttemptStatus, action: AttemptAction) -> None:
        super().__init__(f"An attempt that is {status} does not allow: {action}.")
        self.status = status
        self.action = action


OPEN_ATTEMPT_STATUSES = frozenset({AttemptStatus.SCHEDULED, AttemptStatus.CALLING})
"""An attempt whose outcome is not known yet."""

HARD_DECLINES = frozenset({FailureReason.FRAUD, FailureReason.INVALID_CARD})
"""Not retried with the same card (Billing rules, section 11)."""

KEY_MOMENT = "%Y%m%dT%H%M%S%fZ"
"""How a due moment is written in an idempotency key."""

FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 3600

_MOVES: dict[tuple[AttemptStatus, AttemptAction], AttemptStatus] = {
    (AttemptStatus.SCHEDULED, AttemptAction.CLAIM): AttemptStatus.CALLING,
    # A claim whose lease ran out is taken over by another worker.
    (AttemptStatus.CALLING, AttemptAction.CLAIM): AttemptStatus.CALLING,
    (AttemptStatus.CALLING, AttemptAction.SUCCEED): AttemptStatus.SUCCEEDED,
    (AttemptStatus.CALLING, AttemptAction.FAIL): AttemptStatus.FAILED,
    (AttemptStatus.CALLING, AttemptAction.CANCEL): AttemptStatus.CANCELLED,
    (AttemptStatus.SCHEDULED, AttemptAction.CANCEL): AttemptStatus.CANCELLED,
    # The provider took the money after all: the customer confirmed, or a request given up arrived.
    (AttemptStatus.FAILED, AttemptAction.REVIVE): AttemptStatus.CALLING,
    (AttemptStatus.CANCELLED, AttemptAction.REVIVE): AttemptStatus.CALLING,
}


def next_attempt_status(status: AttemptStatus, action: AttemptAction) -> AttemptStatus:
    """Return the status an action leads to.

    Raises InvalidAttemptTransition for every move that is not in the table: what succeeded is final.

    >>> next_attempt_status(AttemptStatus.CALLING, AttemptAction.SUCCEED)
    <AttemptStatus.SUCCEEDED: 'succeeded'>
    """
    try:
        return _MOVES[status, action]
    except KeyError:
        raise InvalidAttemptTransition(status, action) from None


def failure_reason(word: str) -> FailureReason:
    """Return the reason a provider's word stands for; an unknown one is a general decline (REST API, section 1).

    >>> failure_reason("lack_of_funds"), failure_reason("do_not_honour")
    (<FailureReason.LACK_OF_FUNDS: 'lack_of_funds'>, <FailureReason.GENERAL_DECLINE: 'general_decline'>)
    """
    try:
        return FailureReason(word)
    except ValueError:
        return FailureReason.GENERAL_DECLINE


def retry_after(reason: FailureReason, *, hard: bool = False) -> Retry:
    """Decide what may follow a failure: another try, another card first, or the customer's own confirmation.

    `hard` is the provider's word that this card will never pay. Billing rules, section 11.

    >>> retry_after(FailureReason.LACK_OF_FUNDS)
    <Retry.LATER: 'later'>
    >>> retry_after(FailureReason.FRAUD)
    <Retry.NEW_CARD: 'new_card'>
    """
    if reason is FailureReason.AUTHENTICATION_REQUIRED:
        return Retry.CUSTOMER_CONFIRMS
    if hard or reason in HARD_DECLINES:
        return Retry.NEW_CARD
    return Retry.LATER


def pause_before_asking(calls: int) -> timedelta:
    """Return how long to wait before an open outcome is asked for: 30 s, doubled with every call, at most an hour.

    >>> pause_before_asking(1).seconds, pause_before_asking(3).seconds, pause_before_asking(40).seconds
    (30, 120, 3600)
    """
    doublings = min(max(calls, 1) - 1, 10)
    return timedelta(seconds=min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS))


@dataclass(frozen=True, slots=True)
class PaymentSplit:
    """Where a payment goes, in minor units: onto the invoice, and what is over onto the customer's balance."""

    to_invoice_minor: int
    to_balance_minor: int


def split_payment(amount_minor: int, amount_due_minor: int) -> PaymentSplit:
    """Split a payment between an invoice and the customer's balance (Billing rules, section 8, Status).

    Both in minor units of one currency. Raises ValueError unless the payment is above 0 and the due amount not below.

    >>> split_payment(1000, 900)
    PaymentSplit(to_invoice_minor=900, to_balance_minor=100)
    >>> split_payment(400, 900)
    PaymentSplit(to_invoice_minor=400, to_balance_minor=0)
    """
    if amount_minor <= 0 or amount_due_minor < 0:
        raise ValueError(f"a payment of {amount_minor} cannot meet {amount_due_minor} due")
    to_invoice_minor = min(amount_minor, amount_due_minor)
    return PaymentSplit(to_invoice_minor, amount_minor - to_invoice_minor)


def first_charge_key(customer_id: uuid.UUID, due_moment_at: datetime, currency: str, subject: str) -> str:
    """Write the provider's idempotency key of an invoice's first attempt, from business facts alone.

    `subject` tells apart the customer's invoices of the same due moment: the first item charged, where there is one.
    Neither invoice number nor the ids of attempts, payments or invoices are in it: a database restored from a backup
    that bills the same moment again arrives at the same key, and the provider answers with the charge already made
    (Billing rules, section 11).

    >>> first_charge_key(uuid.UUID(int=7), datetime(2026, 1, 31, 10, 17, tzinfo=UTC), "EUR", "item")
    'charge:00000000-0000-0000-0000-000000000007:20260131T101700000000Z:EUR:item:1'
    """
    return f"{charge_key_stem(customer_id, due_moment_at)}{currency}:{subject}:1"


def charge_key_stem(customer_id: uuid.UUID, due_moment_at: datetime) -> str:
    """Return what the keys of one customer's due moment begin with. Raises ValueError for a moment without a zone."""
    if due_moment_at.tzinfo is None:
        raise ValueError("a key is made of an aware moment")
    return f"charge:{customer_id}:{due_moment_at.astimezone(UTC):{KEY_MOMENT}}:"


@dataclass(frozen=True, slots=True)
class ChargeKey:
    """What an idempotency key says: whose charge, of which due moment, the stem of its invoice and the attempt."""

    customer_id: uuid.UUID
    due_moment_at: datetime
    stem: str
    number: int


def read_charge_key(key: str) -> ChargeKey | None:
    """Read an idempotency key; None for one that was not written here.

    >>> found = read_charge_key("charge:00000000-0000-0000-0000-000000000007:20260131T101700000000Z:EUR:item:2")
    >>> found.due_moment_at.isoformat(), found.number
    ('2026-01-31T10:17:00+00:00', 2)
    >>> read_charge_key("order-17") is None
    True
    """
    stem, _, number = key.rpartition(":")
    parts = stem.split(":")
    try:
        _, customer, moment = parts[:3]
        due_moment_at = datetime.strptime(moment, KEY_MOMENT).replace(tzinfo=UTC)
        return ChargeKey(uuid.UUID(customer), due_moment_at, stem, int(number))
    except ValueError:
        return None


def next_charge_key(previous_key: str, number: int) -> str:
    """Write the key of a further attempt at the same invoice.

    Raises ValueError for number 1, whose key is made from the invoice's facts.

    >>> next_charge_key("charge:a:20260131T101700000000Z:EUR:item:1", 2)
    'charge:a:20260131T101700000000Z:EUR:item:2'
    """
    if number <= 1:
        raise ValueError("the first attempt's key is made from the invoice's facts")
    return f"{previous_key.rpartition(':')[0]}:{number}"
