"""What the twin knows and does: customers, cards, set-ups, charges, refunds, disputes, and the events they make."""

import itertools
import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.stripe_twin.cards import CARDS, CODES_OF_THEIR_OWN, Card

SMALLEST_MINOR = 50
DISPUTE_FEE = 1500
Thing = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error. `has_begun`: it is remembered under the idempotency key."""

    def __init__(self, status: int, *, has_begun: bool = False, **error: Any) -> None:
        super().__init__(error.get("message", ""))
        self.status, self.has_begun = status, has_begun
        self.error = {"type": "invalid_request_error", **error}


def missing(kind: str, reference: str, param: str = "id") -> Refusal:
    """Return Stripe's answer to an id that it does not know."""
    return Refusal(404, code="resource_missing", param=param, message=f"No such {kind}: '{reference}'")


class State:
    """One account in test mode; whoever calls holds `lock`."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.customers: dict[str, Thing] = {}
        self.methods: dict[str, Thing] = {}
        self.setups: dict[str, Thing] = {}
        self.intents: dict[str, Thing] = {}
        self.refunds: dict[str, Thing] = {}
        self.disputes: dict[str, Thing] = {}
        self.mandates: dict[str, Thing] = {}
        self.cards: dict[str, Card] = {}
        self.processing: set[str] = set()
        self.events: list[Thing] = []
        self._numbers = itertools.count(1)

    # --- what the API does -------------------------------------------------------------------------------------------

    def create_customer(self, told: Thing) -> Thing:
        """Make a customer."""
        customer = self._new(
            "customer", "cus", email=told.get("email"), name=told.get("name"), metadata=_metadata(told)
        )
        self.customers[customer["id"]] = customer
        return customer

    def create_method(self, told: Thing) -> Thing:
        """Make a payment method of a token."""
        return self._method_of(told.get("card", {}).get("token", ""), "tok_")

    def create_setup(self, told: Thing) -> Thing:
        """Make a SetupIntent, and confirm it where that is asked."""
        customer = self._customer(told.get("customer", ""))
        setup = self._new(
            "setup_intent",
            "seti",
            customer=customer["id"],
            payment_method=None,
            status="requires_payment_method",
            usage=told.get("usage", "off_session"),
            last_setup_error=None,
            metadata=_metadata(told),
        )
        setup["client_secret"] = f"{setup['id']}_secret_{next(self._numbers)}"
        self.setups[setup["id"]] = setup
        if told.get("confirm") == "true":
            self.confirm_setup(setup, told.get("payment_method", ""))
        return setup

    def confirm_setup(self, setup: Thing, reference: str, *, by_customer: bool = False) -> None:
        """Save a card; what needs the customer waits unless the customer is there."""
        method = self.method(reference)
        code = self.cards[method["id"]].setup_code
        if code == "authentication_required" and not by_customer:
            setup["status"], setup["payment_method"] = "requires_action", method["id"]
            return
        if code and code != "authentication_required":
            raise _declined(code)
        if method["customer"] not in (None, setup["customer"]):
            raise Refusal(400, param="payment_method", message="The payment method belongs to another customer.")
        method["customer"] = setup["customer"]
        setup["status"], setup["payment_method"] = "succeeded", method["id"]
        self.emit("payment_method.attached", method)

    def detach(self, reference: str) -> Thing:
        """Take a card from its customer, for good."""
        method = self.method(reference)
        if method["customer"] is None:
            raise Refusal(400, message="The payment method is not attached to a customer so detachment is impossible.")
        method["customer"] = None
        self.emit("payment_method.detached", method)
        return method

    def create_intent(self, told: Thing) -> Thing:
        """Make a PaymentIntent and confirm it without the customer."""
        amount, currency = int(told["amount"]), told["currency"]
        if currency != currency.lower():
            raise Refusal(400, param="currency", message=f"Invalid currency: {currency}")
        if amount < SMALLEST_MINOR:
            raise Refusal(400, code="amount_too_small", param="amount", message="Amount must be at least 50.")
        customer = self._customer(told.get("customer", ""))
        method = self.method(told.get("payment_method", ""))
        if method["customer"] != customer["id"]:
            words = "The payment method you provided is not attached to the customer."
            raise Refusal(400, code="resource_missing", param="payment_method", message=words)
        intent = self._new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_received=0,
            currency=currency,
            customer=customer["id"],
            payment_method=method["id"],
            status="requires_confirmation",
            last_payment_error=None,
            next_action=None,
            latest_charge=None,
            metadata=_metadata(told),
        )
        intent["client_secret"] = f"{intent['id']}_secret_{next(self._numbers)}"
        self.intents[intent["id"]] = intent
        if told.get("confirm") == "true":
            self._confirm(intent, on_session=told.get("off_session") != "true", return_url=None)
        return intent

    def confirm_intent(self, reference: str, told: Thing) -> Thing:
        """Confirm a PaymentIntent with the customer there."""
        intent = self.intent(reference)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            raise Refusal(
                400,
                code="payment_intent_unexpected_state",
                message=f"This PaymentIntent's status is {intent['status']}.",
            )
        intent["payment_method"] = self.method(str(told.get("payment_method", intent["payment_method"])))["id"]
        self._confirm(intent, on_session=True, return_url=told.get("return_url"))
        return intent

    def cancel_intent(self, reference: str) -> Thing:
        """Give a PaymentIntent up."""
        intent = self.intent(reference)
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise Refusal(400, code="payment_intent_unexpected_state", message="It cannot be cancelled.")
        intent["status"] = "canceled"
        self.emit("payment_intent.canceled", intent)
        return intent

    def create_refund(self, told: Thing) -> Thing:
        """Give money back from a charge, within what is left of it."""
        intent = self.intent(told.get("payment_intent", ""), "payment_intent")
        if intent["status"] != "succeeded":
            raise Refusal(400, message="This PaymentIntent does not have a successful charge to refund.")
        if any(one["payment_intent"] == intent["id"] and one["status"] != "won" for one in self.disputes.values()):
            raise Refusal(400, code="charge_disputed", message="The charge has been charged back.")
        left = intent["amount_received"] - self.refunded(intent["id"])
        amount = int(told.get("amount", left))
        if left <= 0:
            raise Refusal(400, code="charge_already_refunded", message="The charge has already been refunded.")
        if not 0 < amount <= left:
            raise Refusal(
                400, param="amount", message=f"Refund amount ({amount}) is greater than what is left ({left})."
            )
        status = self.cards[intent["payment_method"]].refund
        refund = self._new(
            "refund",
            "re",
            amount=amount,
            currency=intent["currency"],
            payment_intent=intent["id"],
            charge=intent["latest_charge"]["id"],
            status=status,
            failure_reason="expired_or_canceled_card" if status == "failed" else None,
            metadata=_metadata(told),
        )
        self.refunds[refund["id"]] = refund
        self.emit("refund.created", refund)
        return refund

    # --- what happens without us -------------------------------------------------------------------------------------

    def settle_intent(self, reference: str, code: str = "") -> None:
        """Let a charge under way succeed, or fail with a code."""
        intent = self.intent(reference)
        if code:
            self._fail(intent, code)
        else:
            self._succeed(intent)

    def settle_refund(self, reference: str, status: str) -> None:
        """Let a refund end."""
        refund = self.refunds[reference]
        refund["status"] = status
        refund["failure_reason"] = "expired_or_canceled_card" if status == "failed" else None
        self.emit("charge.refund.updated", refund)

    def open_dispute(self, intent_id: str, amount: int | None = None, status: str = "needs_response") -> Thing:
        """Let a cardholder dispute a charge."""
        intent = self.intent(intent_id)
        dispute = self._new(
            "dispute",
            "dp",
            amount=amount or intent["amount_received"],
            currency=intent["currency"],
            payment_intent=intent["id"],
            charge=intent["latest_charge"]["id"],
            reason="fraudulent",
            status=status,
            evidence_details={"due_by": self.clock() + 7 * 86400},
            balance_transactions=[],
        )
        self.disputes[dispute["id"]] = dispute
        if status == "needs_response":
            self._book(dispute, -dispute["amount"], DISPUTE_FEE)
        self.emit("charge.dispute.created", dispute)
        return dispute

    def move_dispute(self, reference: str, status: str) -> None:
        """Move a dispute; what is won comes back, without its fee."""
        dispute = self.disputes[reference]
        dispute["status"] = status
        if status == "needs_response" and not dispute["balance_transactions"]:
            self._book(dispute, -dispute["amount"], DISPUTE_FEE)
        if status == "won":
            self._book(dispute, dispute["amount"], 0)
        is_over = status in ("won", "lost", "warning_closed")
        self.emit("charge.dispute.closed" if is_over else "charge.dispute.updated", dispute)

    def set_mandate(self, method_id: str, status: str) -> Thing:
        """Let a customer's permission for a card change."""
        mandate = self._new("mandate", "mandate", payment_method=method_id, status=status, type="multi_use")
        self.mandates[mandate["id"]] = mandate
        self.emit("mandate.updated", mandate)
        return mandate

    def emit(self, type_: str, thing: Thing) -> Thing:
        """Make an event of something that happened."""
        event = self._new("event", "evt", type=type_, data={"object": deepcopy(thing)}, api_version="2026-10-28.endive")
        self.events.append(event)
        return event

    # --- look-ups ----------------------------------------------------------------------------------------------------

    def method(self, reference: str) -> Thing:
        """Return a payment method; a published test id stands for a fresh one."""
        if reference.startswith("pm_card_"):
            return self._method_of(reference, "pm_card_")
        if reference not in self.methods:
            raise missing("PaymentMethod", reference, "payment_method")
        return self.methods[reference]

    def intent(self, reference: str, param: str = "intent") -> Thing:
        """Return a PaymentIntent."""
        if reference not in self.intents:
            raise missing("payment_intent", reference, param)
        return self.intents[reference]

    def refunded(self, intent_id: str) -> int:
        """Return what was given back of a charge, or will be."""
        ours = [one for one in self.refunds.values() if one["payment_intent"] == intent_id]
        return sum(one["amount"] for one in ours if one["status"] not in ("failed", "canceled"))

    # --- within ------------------------------------------------------------------------------------------------------

    def _confirm(self, intent: Thing, *, on_session: bool, return_url: str | None) -> None:
        code = self.cards[intent["payment_method"]].charge_code
        if intent["payment_method"] in self.processing:
            intent["status"] = "processing"
            self.emit("payment_intent.processing", intent)
        elif code == "authentication_required" and on_session:
            url = f"https://hooks.stripe.com/redirect/authenticate/{intent['id']}"
            intent["status"] = "requires_action"
            intent["next_action"] = {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": url, "return_url": return_url},
            }
            self.emit("payment_intent.requires_action", intent)
        elif code:
            self._fail(intent, code)
            raise _declined(code, intent)
        else:
            self._succeed(intent)

    def _succeed(self, intent: Thing) -> None:
        amount = intent["amount"]
        intent.update(status="succeeded", amount_received=amount, last_payment_error=None, next_action=None)
        booked = self._new("balance_transaction", "txn", amount=amount, currency=intent["currency"], fee=fee(amount))
        intent["latest_charge"] = self._new("charge", "ch", amount=amount, balance_transaction=booked)
        self.emit("payment_intent.succeeded", intent)
        dispute = self.cards[intent["payment_method"]].dispute
        if dispute:
            self.open_dispute(intent["id"], status=dispute)

    def _fail(self, intent: Thing, code: str) -> None:
        intent.update(status="requires_payment_method", next_action=None, last_payment_error=_error(code))
        self.emit("payment_intent.payment_failed", intent)

    def _book(self, dispute: Thing, amount: int, fee_minor: int) -> None:
        booked = self._new("balance_transaction", "txn", amount=amount, currency=dispute["currency"], fee=fee_minor)
        dispute["balance_transactions"].append(booked)

    def _method_of(self, token: str, prefix: str) -> Thing:
        card = CARDS.get(token.removeprefix(prefix)) if token.startswith(prefix) else None
        if card is None:
            raise missing("token", token, "card[token]")
        method = self._new(
            "payment_method",
            "pm",
            type="card",
            customer=None,
            billing_details={"name": None},
            card={
                "brand": card.brand,
                "last4": card.last4,
                "exp_month": 12,
                "exp_year": card.exp_year,
                "country": "US",
            },
        )
        self.methods[method["id"]], self.cards[method["id"]] = method, card
        return method

    def _customer(self, reference: str) -> Thing:
        if reference not in self.customers:
            raise missing("customer", reference, "customer")
        return self.customers[reference]

    def _new(self, kind: str, prefix: str, **values: Any) -> Thing:
        reference = f"{prefix}_{next(self._numbers):024d}"
        return {"id": reference, "object": kind, "created": self.clock(), "livemode": False, **values}


def fee(amount: int) -> int:
    """Return what a charge costs, in minor units: 1.5 % and 25."""
    return (amount * 15 + 500) // 1000 + 25


def _error(code: str) -> Thing:
    own = code in CODES_OF_THEIR_OWN
    error = {
        "type": "card_error",
        "code": code if own else "card_declined",
        "message": f"Your card was declined ({code}).",
    }
    return error if own and code != "authentication_required" else {**error, "decline_code": code}


def _declined(code: str, intent: Thing | None = None) -> Refusal:
    error = _error(code)
    if intent is not None:
        error["payment_intent"] = deepcopy(intent)
    return Refusal(402, has_begun=True, **error)


def _metadata(told: Thing) -> dict[str, str]:
    metadata = told.get("metadata") or {}
    if any(len(name) > 40 or len(value) > 500 for name, value in metadata.items()):
        raise Refusal(400, param="metadata", message="Metadata keys have up to 40 characters, values up to 500.")
    return dict(metadata)
