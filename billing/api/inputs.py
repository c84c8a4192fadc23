"""What the engine's calls take."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from rest_framework import serializers

from billing.operations.start import ItemCommand, StartCommand
from billing.operations.start_requests import StartRequest
from core.api.fields import (
    AmountField,
    CurrencyField,
    FlagField,
    InstantField,
    MetadataField,
    MomentField,
    ReferenceField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.serializers import InputSerializer
from core.domain.schedule import start_of_day
from customers.models import Customer
from subscriptions.api.inputs import plan_reference, price_reference
from subscriptions.models import Price

MOST_SEATS = 1_000_000
LONGEST_TRIAL_DAYS = 3650
SEAT_SPELLINGS = {"seat_numbrers": "seat_number", "seat_numbers": "seat_number"}


def _itself(row_id: uuid.UUID) -> uuid.UUID:
    return row_id


def card_reference(**options: Any) -> ReferenceField:
    """Return a field that names a card by its id; whose it is, is judged where it is used."""
    return ReferenceField(noun="card", find=_itself, names=("id",), **options)


class ItemInput(InputSerializer):
    """A further price of the subscription."""

    price = price_reference()
    quantity = WholeNumberField(min_value=1, max_value=MOST_SEATS, required=False)


class StartInput(InputSerializer):
    """What a start asks for."""

    aliases = {**SEAT_SPELLINGS, "plan": "subscription_plan"}

    subscription_plan = plan_reference(help_text="Id or code name.")
    payment_details = card_reference(required=False)
    card_token = TextField(required=False)
    price = price_reference(required=False)
    schedule = WordField(["week", "month", "year", "one-off"], required=False, spellings={"one_off": "one-off"})
    currency = CurrencyField(required=False)
    seat_number = WholeNumberField(min_value=1, max_value=MOST_SEATS, required=False)
    deny_trial = FlagField(required=False)
    metadata = MetadataField(required=False)
    start_date = MomentField(required=False)
    bill_from = MomentField(required=False)
    alignment = WordField(["anniversary", "calendar"], required=False)
    billing_day = WholeNumberField(min_value=1, max_value=31, required=False)
    items = serializers.ListField(child=ItemInput(), required=False, max_length=50)
    voucher = TextField(required=False, max_length=60)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is missing to find a price, and cards named twice."""
        faults: dict[str, str] = {}
        if "price" not in self.sent_names:
            for name in ("schedule", "currency"):
                if name not in self.sent_names:
                    faults[name] = "is required without price"
        if "payment_details" in values and "card_token" in values:
            faults |= {"card_token": "cannot be sent together with payment_details"}
        return faults


class TrialInput(InputSerializer):
    """What a trial asks for."""

    aliases = {**SEAT_SPELLINGS, "plan": "subscription_plan"}

    subscription_plan = plan_reference(help_text="Id or code name.")
    card_token = TextField(required=False)
    price = price_reference(required=False, help_text="Without it the plan's only public price.")
    seat_number = WholeNumberField(min_value=1, max_value=MOST_SEATS, required=False)
    trial_length_days = WholeNumberField(min_value=1, max_value=LONGEST_TRIAL_DAYS, required=False)
    metadata = MetadataField(required=False)


def moment_of(value: date | datetime | None, zone: str) -> datetime | None:
    """Return an instant: a day begins at its start in the customer's zone."""
    if value is None or isinstance(value, datetime):
        return value
    return start_of_day(value, zone)


def start_command(values: Mapping[str, Any], zone: str) -> StartCommand:
    """Return a validated start as the engine takes it; `zone` is the customer's."""
    price = values.get("price")
    return StartCommand(
        plan=str(values["subscription_plan"].id),
        price_id=price.id if price is not None else None,
        schedule=values.get("schedule", ""),
        currency=values.get("currency", ""),
        seats=values.get("seat_number", 1),
        items=tuple(ItemCommand(item["price"].id, item.get("quantity", 1)) for item in values.get("items", ())),
        payment_method_id=values.get("payment_details"),
        card_token=values.get("card_token", ""),
        trial=False if values.get("deny_trial") else None,
        start_at=moment_of(values.get("start_date"), zone),
        bill_from_at=moment_of(values.get("bill_from"), zone),
        alignment=values.get("alignment", "anniversary"),
        billing_day=values.get("billing_day", 1),
        metadata=values.get("metadata", {}),
    )


def start_request(values: Mapping[str, Any], customer: Customer) -> StartRequest:
    """Return a validated start of a customer, with its voucher."""
    price: Price | None = values.get("price")
    return StartRequest(
        customer.id,
        start_command(values, customer.zone),
        plan_id=values["subscription_plan"].id,
        currency=price.currency if price is not None else values.get("currency", ""),
        voucher=values.get("voucher", ""),
    )


class TokenInput(InputSerializer):
    """What the provider gave the customer's browser for a card."""

    token = TextField()


class CreditInput(InputSerializer):
    """A credit or debit of the balance; minor units."""

    answered = frozenset({"id", "origin", "created_at"})

    type = WordField(["credit", "debit"])
    amount = AmountField(min_value=1)
    currency = CurrencyField()
    reason = TextField(required=False, allow_blank=True, max_length=1000)


class AdvanceInput(InputSerializer):
    """Where a test clock goes."""

    now = InstantField()
