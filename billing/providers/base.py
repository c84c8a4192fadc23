"""What the engine asks of a payment provider, in values of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.domain.payments import FailureReason


class ProviderError(Exception):
    """The provider did not do what was asked."""


class ProviderUnavailable(ProviderError):
    """The provider could not be reached: nothing happened there."""


class OutcomeUnknown(ProviderError):
    """The request was sent and no answer came: it may have happened."""


class TokenRefused(ProviderError):
    """The card token is unknown, used up or refused; the message may be shown."""


class RefundRefused(ProviderError):
    """The refund is above what is left of the charge, or the charge is unknown."""


class IdempotencyMismatch(ProviderError):
    """The idempotency key was used before, for another request."""


class NotSupported(ProviderError):
    """The provider has no such thing."""


class RequestRefused(ProviderError):
    """The provider understood what is asked and will not do it; the message may be shown."""


class WebhookRefused(ProviderError):
    """What came in is not the provider's word: its signature is wrong or old, or it is no notice."""


class Outcome(StrEnum):
    """How a charge ended, as far as is known."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What a provider is told of a customer."""

    email: str
    name: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A card as the provider keeps it; the number stays there."""

    reference: str
    brand: str
    last_four: str
    expiry_month: int
    expiry_year: int
    country: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """One charge without the customer present. `amount_minor` is in minor units; metadata holds business facts only."""

    idempotency_key: str
    amount_minor: int
    currency: str
    customer_reference: str
    card_reference: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What the provider says of a charge.

    `amount_minor` and `fee_minor` are what it took, in minor units of `currency`, and 0 unless it succeeded; `hard`
    means that this card will never pay.
    """

    outcome: Outcome
    reference: str = ""
    amount_minor: int = 0
    currency: str = ""
    fee_minor: int = 0
    reason: FailureReason | None = None
    message: str = ""
    hard: bool = False
    authentication_url: str = ""


UNKNOWN = ChargeResult(Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ListedCharge:
    """A charge as the provider lists it: the key it was made with, when by the provider's clock, and how it stands.

    `asked_minor` is what it was asked for, in minor units of `currency`, whatever became of it.
    """

    idempotency_key: str
    charged_at: datetime
    asked_minor: int
    currency: str
    result: ChargeResult


class RefundOutcome(StrEnum):
    """What a provider says of a refund: paid out, taken on and not paid out yet, refused, or nothing we could hear."""

    ISSUED = "issued"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back from one charge, in minor units."""

    idempotency_key: str
    charge_reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What the provider says of a refund; `message` says why it was rejected."""

    outcome: RefundOutcome
    reference: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ListedRefund:
    """A refund as the provider lists it, in minor units: the key it was made with, and how it stands."""

    idempotency_key: str
    charge_reference: str
    amount_minor: int
    currency: str
    result: RefundResult


UNKNOWN_REFUND = RefundResult(RefundOutcome.UNKNOWN)


class Subject(StrEnum):
    """What a provider's notice is about; `other` is nothing the engine has."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    CARD = "card"
    MANDATE = "mandate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider tells of its own accord: that something happened to one of its objects.

    What became of the object is asked of the provider: notices come late, twice and in any order.
    """

    event_id: str
    type: str
    subject: Subject
    reference: str
    happened_at: datetime


class DisputeStage(StrEnum):
    """How a dispute stands. An inquiry asks first, and takes no money; one that ends well counts as won."""

    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """A dispute as the provider has it, in minor units of `currency`.

    `amount_minor` is what is disputed, `held_minor` what the provider has taken back for it until now, and `fee_minor`
    what it costs.
    """

    reference: str
    charge_reference: str
    stage: DisputeStage
    amount_minor: int
    currency: str
    held_minor: int
    fee_minor: int
    reason: str
    opened_at: datetime
    respond_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card as the provider has it now; without `customer_reference` it was detached and can be charged no more."""

    facts: CardFacts
    customer_reference: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """The customer's permission to charge a card; without `is_active` the card can be charged no more."""

    card_reference: str
    is_active: bool


class Provider(Protocol):
    """A payment provider. Every call may raise ProviderUnavailable; calls that move money may raise OutcomeUnknown."""

    name: str

    def create_customer(self, facts: CustomerFacts, *, idempotency_key: str) -> str:
        """Make the customer known and return the provider's reference; the same key returns the same one."""

    def create_setup_token(self, customer_reference: str) -> str:
        """Return a token with which the customer's browser may hand over a card."""

    def attach(self, *, customer_reference: str, token: str) -> CardFacts:
        """Keep a card for the customer. Raises TokenRefused."""

    def detach(self, card_reference: str) -> None:
        """Forget a card; one that is already forgotten is no error."""

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Charge a card without the customer present; the same key returns the same result and takes nothing more.

        Raises IdempotencyMismatch when the key was used for another request.
        """

    def lookup(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Return what became of a customer's charge with this key, None when the provider never took it on."""

    def withdraw(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Take back a charge that waits for its customer, and return how it stands then; again it changes nothing.

        One that was confirmed, or is being confirmed, stays as it is. None when the provider never took it on.
        """

    def list_charges(self, since: datetime) -> Iterator[ListedCharge]:
        """Return every charge made with a key of ours at or after a moment of the provider's clock, in any order."""

    def refund(self, request: RefundRequest) -> RefundResult:
        """Give money back; the same key returns the same result and gives nothing more.

        Raises RefundRefused, IdempotencyMismatch when the key was used for another refund.
        """

    def find_refund(self, idempotency_key: str, charge_reference: str = "") -> RefundResult | None:
        """Return what became of a charge's refund with this key, None when the provider never took it on."""

    def list_refunds(self, since: datetime) -> Iterator[ListedRefund]:
        """Return the refunds made at or after a moment of the provider's clock, in any order."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Return what a request tells, once its signature over the raw body is found right.

        Raises WebhookRefused; NotSupported for a provider that sends none.
        """

    def read_charge(self, reference: str) -> ListedCharge | None:
        """Return a charge as it stands now, None for one that was not made with a key of ours."""

    def read_refund(self, reference: str) -> ListedRefund | None:
        """Return a refund as it stands now, None when there is none."""

    def read_dispute(self, reference: str) -> DisputeFacts | None:
        """Return a dispute as it stands now, None when there is none."""

    def list_disputes(self, since: datetime) -> Iterator[DisputeFacts]:
        """Return the disputes opened at or after a moment of the provider's clock, in any order."""

    def read_card(self, reference: str) -> KeptCard | None:
        """Return a card as it stands now, None when there is none."""

    def read_mandate(self, reference: str) -> Mandate | None:
        """Return a mandate as it stands now, None when there is none."""
