"""Stripe, by its official library: cards by SetupIntents, charges by PaymentIntents without the customer present.

Every call that moves money carries our idempotency key twice: as Stripe's own, which it forgets after a day, and in the
metadata, where a lost answer is looked for afterwards. Lists of one customer's charges, and of one charge's refunds,
are read: unlike Stripe's search they show at once what was made.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Self, TypeVar

import stripe
from django.conf import settings

from billing.providers import stripe_words as words
from billing.providers.base import (
    CardFacts,
    ChargeRequest,
    ChargeResult,
    CustomerFacts,
    DisputeFacts,
    IdempotencyMismatch,
    KeptCard,
    ListedCharge,
    ListedRefund,
    Mandate,
    Notice,
    Outcome,
    OutcomeUnknown,
    ProviderUnavailable,
    RefundRefused,
    RefundRequest,
    RefundResult,
    RequestRefused,
    TokenRefused,
)
from billing.providers.stripe_webhooks import read_notice
from billing.providers.stripe_words import KEY
from core.faults import reach
from core.redaction import redact_text

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API this module is written against; an account's own default does not matter."""
TIMEOUT_SECONDS = 25.0
"""Below the 30 s that a lease reckons for each call (`operations.claiming.LEASE`)."""
PAGE = 100
AFTER_CHARGE = "stripe.charged"
AFTER_REFUND = "stripe.refunded"
WITH_FEE = ["latest_charge.balance_transaction"]
SETUP_INTENT, PAYMENT_METHOD = "seti_", "pm_"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """One account of Stripe's, and how it is called.

    `api_base` is empty for Stripe's own address. `return_url` is where a customer comes back to from the bank.
    `refusal` says why this account must not be called at all; empty when it may.
    """

    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    api_base: str = ""
    return_url: str = ""
    is_live: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS
    refusal: str = ""


class StripeProvider:
    """Stripe's PaymentIntents, SetupIntents, refunds, disputes and webhooks."""

    name = "stripe"

    def __init__(self, account: StripeAccount) -> None:
        self.account = account

    @classmethod
    def from_settings(cls, refusal: str = "") -> Self:
        """Return the account that the settings STRIPE_... describe."""
        return cls(
            StripeAccount(
                api_key=settings.STRIPE_API_KEY,
                webhook_secrets=tuple(settings.STRIPE_WEBHOOK_SECRETS),
                api_base=settings.STRIPE_API_BASE,
                return_url=settings.PAYMENT_RETURN_URL,
                is_live=settings.INSTANCE_MODE == "live",
                refusal=refusal,
            )
        )

    def create_customer(self, facts: CustomerFacts, *, idempotency_key: str) -> str:
        """Make the customer known. Raises ProviderUnavailable, RequestRefused.

        What is told of the customer is part of the key: asked again with another address Stripe would refuse it.
        """
        digest = hashlib.sha256(f"{facts.email}\n{facts.name}".encode()).hexdigest()[:16]
        told = {"email": facts.email, "name": facts.name, "metadata": {KEY: idempotency_key}}
        given = {name: value for name, value in told.items() if value}
        made = self._ask(lambda api: api.customers.create(given, {"idempotency_key": f"{idempotency_key}:{digest}"}))
        return str(made["id"])

    def create_setup_token(self, customer_reference: str) -> str:
        """Return the client secret of a SetupIntent, with which Stripe.js collects a card for charges to come.

        Raises ProviderUnavailable, RequestRefused.
        """
        made = self._ask(
            lambda api: api.setup_intents.create(
                {"customer": customer_reference, "usage": "off_session", "payment_method_types": ["card"]}
            )
        )
        return str(made["client_secret"])

    def attach(self, *, customer_reference: str, token: str) -> CardFacts:
        """Keep the card of a confirmed SetupIntent (`seti_...`), a PaymentMethod (`pm_...`) or a token (`tok_...`).

        The last two are confirmed here, without the customer. Raises TokenRefused, ProviderUnavailable.
        """
        try:
            if token.startswith(SETUP_INTENT):
                return self._confirmed_card(token.partition("_secret_")[0], customer_reference)
            return self._confirm_card(token, customer_reference)
        except stripe.CardError as error:
            raise TokenRefused(_said(error)) from None
        except RequestRefused as error:
            raise TokenRefused(str(error)) from None

    def detach(self, card_reference: str) -> None:
        """Forget a card; one that is forgotten, or was never known, is no error. Raises ProviderUnavailable."""
        try:
            self._ask(lambda api: api.payment_methods.detach(card_reference))
        except RequestRefused:
            return

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Charge a card without the customer present.

        Where the bank wants the customer, the result has a link at which the same charge is confirmed. Raises
        ProviderUnavailable, OutcomeUnknown, IdempotencyMismatch.
        """
        told = {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "customer": request.customer_reference,
            "payment_method": request.card_reference,
            "payment_method_types": ["card"],
            "confirm": True,
            "off_session": True,
            # Told at once what it cost: `automatic_async`, Stripe's default, would leave the fee to a later notice.
            "capture_method": "automatic",
            "metadata": {
                **{name: value for name, value in request.metadata.items() if value},
                KEY: request.idempotency_key,
            },
            "expand": WITH_FEE,
        }
        options = {"idempotency_key": request.idempotency_key}
        try:
            intent = self._send(lambda api: api.payment_intents.create(told, options))
        except stripe.CardError as error:
            reach(AFTER_CHARGE)
            return self._refused(error, request)
        except RequestRefused as refusal:
            # Nothing was charged, nor will be: a card that is gone, an amount below Stripe's smallest.
            code = getattr(refusal.__cause__, "code", None) or ""
            return words.refused({"code": code, "message": str(refusal)}, currency=request.currency)
        reach(AFTER_CHARGE)
        return words.charge_result(intent)

    def lookup(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Return what became of a customer's charge. Raises ProviderUnavailable."""
        if not customer_reference:
            return None
        for intent in self._pages("payment_intents", {"customer": customer_reference}):
            if (intent.get("metadata") or {}).get(KEY) == idempotency_key:
                found = self._ask(lambda api: api.payment_intents.retrieve(intent["id"], {"expand": WITH_FEE}))  # noqa: B023
                return words.charge_result(found)
        return None

    def withdraw(self, idempotency_key: str, customer_reference: str = "") -> ChargeResult | None:
        """Cancel a PaymentIntent that nobody has confirmed. Raises ProviderUnavailable.

        Without a key of ours: a second time Stripe refuses it, and a key would have it repeat an error for a day.
        """
        found = self.lookup(idempotency_key, customer_reference)
        if found is None or found.outcome not in {Outcome.AUTHENTICATION_REQUIRED, Outcome.DECLINED}:
            return found
        try:
            made = self._ask(lambda api: api.payment_intents.cancel(found.reference))
        except RequestRefused:
            # Confirmed a moment ago, or cancelled before.
            return self.lookup(idempotency_key, customer_reference)
        return words.charge_result(made)

    def list_charges(self, since: datetime) -> Iterator[ListedCharge]:
        """Return our charges since a moment, newest first. Raises ProviderUnavailable."""
        for intent in self._pages("payment_intents", _made_since(since)):
            listed = words.listed_charge(intent)
            if listed is not None:
                yield listed

    def refund(self, request: RefundRequest) -> RefundResult:
        """Give money back. Raises RefundRefused, OutcomeUnknown, IdempotencyMismatch, ProviderUnavailable."""
        told = {
            "payment_intent": request.charge_reference,
            "amount": request.amount_minor,
            "metadata": {KEY: request.idempotency_key},
        }
        options = {"idempotency_key": request.idempotency_key}
        try:
            made = self._send(lambda api: api.refunds.create(told, options))
        except (RequestRefused, stripe.CardError) as error:
            raise RefundRefused(redact_text(str(getattr(error, "user_message", None) or error))) from None
        reach(AFTER_REFUND)
        return words.refund_result(made)

    def find_refund(self, idempotency_key: str, charge_reference: str = "") -> RefundResult | None:
        """Return what became of a charge's refund. Raises ProviderUnavailable."""
        if not charge_reference:
            return None
        for refund in self._pages("refunds", {"payment_intent": charge_reference}):
            if words.listed_refund(refund).idempotency_key == idempotency_key:
                return words.refund_result(refund)
        return None

    def list_refunds(self, since: datetime) -> Iterator[ListedRefund]:
        """Return the refunds since a moment, also those made at Stripe itself. Raises ProviderUnavailable."""
        return map(words.listed_refund, self._pages("refunds", _made_since(since)))

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Return what an event tells. Raises WebhookRefused."""
        return read_notice(
            body,
            headers.get("Stripe-Signature", ""),
            secrets=self.account.webhook_secrets,
            is_live=self.account.is_live,
        )

    def read_charge(self, reference: str) -> ListedCharge | None:
        """Return a PaymentIntent as it stands. Raises ProviderUnavailable."""
        found = self._find(lambda api: api.payment_intents.retrieve(reference, {"expand": WITH_FEE}))
        return None if found is None else words.listed_charge(found)

    def read_refund(self, reference: str) -> ListedRefund | None:
        """Return a refund as it stands. Raises ProviderUnavailable."""
        found = self._find(lambda api: api.refunds.retrieve(reference))
        return None if found is None else words.listed_refund(found)

    def read_dispute(self, reference: str) -> DisputeFacts | None:
        """Return a dispute as it stands. Raises ProviderUnavailable."""
        found = self._find(lambda api: api.disputes.retrieve(reference))
        return None if found is None else words.dispute_facts(found)

    def list_disputes(self, since: datetime) -> Iterator[DisputeFacts]:
        """Return the disputes since a moment. Raises ProviderUnavailable."""
        return map(words.dispute_facts, self._pages("disputes", _made_since(since)))

    def read_card(self, reference: str) -> KeptCard | None:
        """Return a payment method as it stands. Raises ProviderUnavailable."""
        found = self._find(lambda api: api.payment_methods.retrieve(reference))
        return None if found is None else words.kept_card(found)

    def read_mandate(self, reference: str) -> Mandate | None:
        """Return a mandate as it stands. Raises ProviderUnavailable."""
        found = self._find(lambda api: api.mandates.retrieve(reference))
        return (
            None if found is None else Mandate(words.identity(found["payment_method"]), found["status"] != "inactive")
        )

    def _confirmed_card(self, setup_reference: str, customer_reference: str) -> CardFacts:
        """Return the card that the customer's browser has confirmed."""
        setup = self._ask(lambda api: api.setup_intents.retrieve(setup_reference, {"expand": ["payment_method"]}))
        if words.identity(setup.get("customer")) != customer_reference:
            raise TokenRefused("The card was collected for another customer.")
        if setup["status"] != "succeeded" or not isinstance(setup.get("payment_method"), Mapping):
            raise TokenRefused("The card was not confirmed yet.")
        return words.card_facts(setup["payment_method"])

    def _confirm_card(self, token: str, customer_reference: str) -> CardFacts:
        """Confirm a card without the customer, and keep it."""
        if not token.startswith(PAYMENT_METHOD):
            made = self._ask(lambda api: api.payment_methods.create({"type": "card", "card": {"token": token}}))
            token = made["id"]
        setup = self._ask(
            lambda api: api.setup_intents.create(
                {
                    "customer": customer_reference,
                    "payment_method": token,
                    "payment_method_types": ["card"],
                    "usage": "off_session",
                    "confirm": True,
                    "expand": ["payment_method"],
                }
            )
        )
        if setup["status"] != "succeeded":
            raise TokenRefused("The bank asks the cardholder to confirm: collect the card with a set-up token.")
        return words.card_facts(setup["payment_method"])

    def _refused(self, error: stripe.CardError, request: ChargeRequest) -> ChargeResult:
        """Return what a card was refused for; where the bank wants the customer, with the link to confirm at."""
        told = _error_of(error)
        intent = told.get("payment_intent") or {}
        result = words.refused(told, intent.get("id", ""), request.currency)
        if result.outcome is not Outcome.AUTHENTICATION_REQUIRED or not result.reference or not self.account.return_url:
            return result
        asked = {"payment_method": request.card_reference, "return_url": self.account.return_url, "expand": WITH_FEE}
        options = {"idempotency_key": f"{request.idempotency_key}:confirm"}
        try:
            intent = self._send(lambda api: api.payment_intents.confirm(result.reference, asked, options))
        except stripe.CardError as second_error:
            return words.refused(_error_of(second_error), result.reference, request.currency)
        except RequestRefused:
            return self.lookup(request.idempotency_key, request.customer_reference) or result
        return words.charge_result(intent)

    def _find(self, call: Callable[[Any], Any]) -> dict[str, Any] | None:
        """Ask for an object; None when there is none."""
        try:
            return self._ask(call)
        except RequestRefused:
            return None

    def _ask(self, call: Callable[[Any], Any]) -> dict[str, Any]:
        """Call where no answer means that nothing was lost."""
        try:
            return self._send(call)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(str(error)) from None

    def _send(self, call: Callable[[Any], Any]) -> dict[str, Any]:
        """Call, and say in the engine's words what went wrong; stripe.CardError goes through."""
        with_words = self._in_our_words(lambda: call(self._api()))
        return _plain(with_words)

    def _pages(self, kind: str, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Return all objects of a list, page by page."""
        asked: dict[str, Any] = {**wanted, "limit": PAGE}
        while True:
            page = self._ask(lambda api: getattr(api, kind).list(dict(asked)))
            yield from page["data"]
            if not page["has_more"]:
                return
            asked["starting_after"] = page["data"][-1]["id"]

    def _api(self) -> Any:
        if self.account.refusal:
            raise ProviderUnavailable(self.account.refusal)
        return _client(self.account.api_key, self.account.api_base, self.account.timeout_seconds).v1

    @staticmethod
    def _in_our_words(call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except stripe.IdempotencyError as error:
            raise IdempotencyMismatch(_said(error)) from None
        except stripe.InvalidRequestError as error:
            raise RequestRefused(_said(error)) from error
        except (stripe.AuthenticationError, stripe.PermissionError, stripe.RateLimitError) as error:
            # Turned away at the door: nothing happened there.
            raise ProviderUnavailable(_said(error)) from None
        except (stripe.APIConnectionError, stripe.APIError) as error:
            raise OutcomeUnknown(_said(error)) from None


@cache
def _client(api_key: str, api_base: str, timeout_seconds: float) -> stripe.StripeClient:
    """Return this process's client of an account. It never repeats a call by itself: whoever holds the lease does."""
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout_seconds),
    )


def _made_since(since: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp())}}


def _plain(thing: Any) -> dict[str, Any]:
    plain: dict[str, Any] = thing.to_dict()
    return plain


def _error_of(error: stripe.StripeError) -> dict[str, Any]:
    """Return what Stripe says of an error, as it came."""
    body = error.json_body
    told = body.get("error") if isinstance(body, Mapping) else None
    return dict(told) if isinstance(told, Mapping) else {"message": error.user_message or ""}


def _said(error: stripe.StripeError) -> str:
    """Return an error's own words, without whatever key or token stands in them."""
    return redact_text(error.user_message or type(error).__name__)
