"""What customers agreed to and changed: cards, vouchers redeemed, subscriptions, seats. Each row has its moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rest_framework import serializers

from billing.loading import references
from billing.loading.references import REFERENCE, SubscriptionIndex
from billing.loading.surroundings import ACTOR_PREFIX, LOADER
from billing.loading.tables import Table
from billing.models import PaymentAttempt
from billing.operations import cards
from billing.operations.seats import add_seats, remove_seats
from billing.operations.start import ItemCommand, StartCommand, start_subscription
from billing.providers.base import TokenRefused
from billing.providers.sandbox_cards import card_facts
from core.api.fields import (
    FlagField,
    InstantField,
    MetadataField,
    StrictField,
    TextField,
    WholeNumberField,
    WordField,
    instant_of,
)
from core.api.serializers import InputSerializer
from core.errors import Invalid
from core.operations import Actor
from customers import queries as customer_queries
from customers.models import Customer, PaymentMethod
from subscriptions.api.inputs import LONGEST_LIST, plan_reference
from subscriptions.domain.terms import ANNIVERSARY, CALENDAR
from subscriptions.models import ItemTerms, Subscription, VoucherRedemption
from subscriptions.operations import vouchers

ADDED, REMOVED = "added", "removed"


class CardRow(InputSerializer):
    """A card that a customer brings: a token of the payment provider."""

    customer = references.customer_field()
    token = TextField()
    default = FlagField(required=False)
    at = InstantField(required=False)


class RedemptionRow(InputSerializer):
    """A voucher that a customer redeems."""

    customer = references.customer_field()
    code = TextField(max_length=60)
    at = InstantField(required=False)


class ItemField(StrictField):
    """A further price of a subscription: its reference, or an object with `price` and `quantity`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.price = references.price_field()
        self.quantity = WholeNumberField(min_value=1)

    def to_internal_value(self, data: Any) -> ItemCommand:
        """Refuse a price that is not known."""
        sent = data if isinstance(data, dict) and set(data) <= {"price", "quantity"} else {"price": data}
        price = self.price.run_validation(sent.get("price"))
        return ItemCommand(price.id, self.quantity.run_validation(sent.get("quantity", 1)))


class SubscriptionRow(InputSerializer):
    """A subscription that starts; without `trial` it follows its plan."""

    reference = TextField()
    customer = references.customer_field()
    plan = plan_reference()
    price = references.price_field()
    items = serializers.ListField(child=ItemField(), required=False, max_length=LONGEST_LIST)
    seats = WholeNumberField(min_value=1, required=False)
    start_at = InstantField(required=False)
    bill_from_at = InstantField(required=False)
    trial = FlagField(required=False)
    trial_days = WholeNumberField(min_value=1, max_value=3650, required=False)
    alignment = WordField([ANNIVERSARY, CALENDAR], required=False)
    billing_day = WholeNumberField(min_value=1, max_value=31, required=False)
    metadata = MetadataField(required=False)


class SeatChangeRow(InputSerializer):
    """Seats that come or go."""

    reference = TextField()
    subscription = TextField()
    change = WordField([ADDED, REMOVED])
    seats = WholeNumberField(min_value=1)
    at = InstantField(required=False)


@dataclass(frozen=True, slots=True)
class TimedTable:
    """A table whose rows have a moment, in the column `moment`."""

    table: Table
    moment: str = "at"


def timed_tables(index: SubscriptionIndex, now: datetime) -> list[TimedTable]:
    """Return the tables in the order in which rows of one moment come: a card before the start that it pays."""

    def add_card(values: dict[str, Any]) -> None:
        customer = values["customer"]
        moment = _moment(customer, values.get("at"), now)
        card = cards.add_card(customer_id=customer.id, token=values["token"], now=moment)
        if values.get("default") and not card.is_default:
            cards.set_default_card(payment_method_id=card.id, now=moment)

    def redeem(values: dict[str, Any]) -> None:
        customer = values["customer"]
        moment = _moment(customer, values.get("at"), now)
        vouchers.redeem_voucher(customer_id=customer.id, code=values["code"], actor=LOADER, now=moment)

    def start(values: dict[str, Any]) -> None:
        customer, reference = values["customer"], values["reference"]
        moment = customer_queries.now_of(customer, now)
        started = start_subscription(customer_id=customer.id, command=_start_command(values), now=moment, actor=LOADER)
        index.add(reference, started.id)

    def change_seats(values: dict[str, Any]) -> None:
        subscription_id = index.get(values["subscription"])
        customer = Subscription.objects.select_related("customer__test_clock").get(id=subscription_id).customer
        moment = _moment(customer, values.get("at"), now)
        change = add_seats if values["change"] == ADDED else remove_seats
        change(subscription_id=subscription_id, seats=values["seats"], now=moment, actor=_changer(values["reference"]))

    return [
        TimedTable(Table("cards", CardRow, ("customer", "token"), _is_card_known, add_card, atomic=False)),
        TimedTable(Table("redemptions", RedemptionRow, ("customer", "code"), _is_redeemed, redeem)),
        TimedTable(
            Table(
                "subscriptions",
                SubscriptionRow,
                (REFERENCE,),
                lambda key, values: index.find(key[0]) is not None or _was_declined(values),
                start,
                atomic=False,
            ),
            moment="start_at",
        ),
        TimedTable(
            Table(
                "seat_changes",
                SeatChangeRow,
                (REFERENCE,),
                lambda key, values: _is_seat_change_known(index, key[0], values),
                change_seats,
                atomic=False,
            )
        ),
    ]


def _moment(customer: Customer, at: datetime | None, wall_now: datetime) -> datetime:
    """Return when a row takes effect: now, by the customer's clock. Raises Invalid for a row whose moment is ahead."""
    now = customer_queries.now_of(customer, wall_now)
    if at is not None and at > now:
        raise Invalid("The moment lies ahead.", fields={"at": "lies ahead"})
    return now


def _start_command(values: Mapping[str, Any]) -> StartCommand:
    """Return a row as the command that starts its subscription; its reference is kept in the metadata."""
    return StartCommand(
        plan=str(values["plan"].id),
        price_id=values["price"].id,
        items=tuple(values.get("items", ())),
        seats=values.get("seats", 1),
        trial=values.get("trial"),
        trial_days=values.get("trial_days"),
        start_at=values.get("start_at"),
        bill_from_at=values.get("bill_from_at"),
        alignment=values.get("alignment", ANNIVERSARY),
        billing_day=values.get("billing_day", 1),
        metadata={**values.get("metadata", {}), REFERENCE: values[REFERENCE]},
    )


def _changer(reference: str) -> Actor:
    """Return who makes a change of seats: its name is how the change is known again."""
    return Actor(name=f"{ACTOR_PREFIX} {reference}")


def _is_card_known(key: tuple[str, ...], values: Mapping[str, Any]) -> bool:
    """Tell whether a customer was given the card of a token."""
    methods = PaymentMethod.objects.filter(customer__reference=key[0])
    return any(_is_card_of(key[1], method) for method in methods)


def _is_card_of(token: str, method: PaymentMethod) -> bool:
    """Tell whether a card is the one a token stands for; a sandbox card's reference names its token."""
    if method.provider_reference == token:
        return True
    try:
        facts = card_facts(token, "")
    except TokenRefused:
        return False
    expiry = (method.expiry_month, method.expiry_year)
    return method.provider_reference.startswith(facts.reference) and expiry == (facts.expiry_month, facts.expiry_year)


def _is_redeemed(key: tuple[str, ...], values: Mapping[str, Any]) -> bool:
    """Tell whether a customer has redeemed a voucher."""
    redemptions = VoucherRedemption.objects.filter(customer__reference=key[0], voucher__code__iexact=key[1])
    return redemptions.exists()


def _was_declined(values: Mapping[str, Any]) -> bool:
    """Tell whether a customer on a clock tried to start at that very moment, and the card was declined.

    Nothing of such a start is left but the attempt; its row must not start anything when the files are loaded again.
    """
    started_at = instant_of(values.get("start_at"))
    if started_at is None:
        return False
    declined = PaymentAttempt.objects.filter(status="failed", invoice__isnull=True, created_at=started_at)
    mine = declined.filter(customer__reference=str(values.get("customer")), customer__test_clock__isnull=False)
    return mine.exists()


def _is_seat_change_known(index: SubscriptionIndex, reference: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a change of seats was made."""
    subscription_id = index.find(str(values.get("subscription")))
    if subscription_id is None:
        return False
    changes = ItemTerms.objects.filter(item__subscription_id=subscription_id, actor=_changer(reference).name)
    return changes.exists()
