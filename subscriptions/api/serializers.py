"""The catalogue as answers hold it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.api.fields import (
    FlagField,
    IdField,
    InstantField,
    MetadataField,
    NumberField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.serializers import AnswerSerializer
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.pending import ChangeKind
from subscriptions.domain.pricing import TIERED, PriceType
from subscriptions.models import Metric, MetricFilter, PendingChange, Plan, Price, Subscription
from subscriptions.queries.subscriptions import running_items, waiting_changes

SCHEDULES = ("week", "month", "year", "one-off")
UNPRICED = TIERED | {PriceType.PERCENTAGE}


class TaxTypeAnswer(AnswerSerializer):
    """A kind of supply that tax rules tell apart."""

    always = frozenset({"name"})

    id = IdField()
    name = TextField()
    default = FlagField()
    digital = FlagField()
    export = TextField()


class ProductAnswer(AnswerSerializer):
    """What is sold."""

    always = frozenset({"name"})
    nullable = frozenset({"external_reference"})

    id = IdField()
    name = TextField()
    external_reference = TextField()
    tax_type = TaxTypeAnswer()
    tax_rate = NumberField(help_text="Percent; the product's own rate for domestic supplies.")
    physical = FlagField()


class MetricFilterAnswer(AnswerSerializer):
    """Keeps or drops events by a property."""

    always = frozenset({"value"})

    id = IdField()
    name = TextField(help_text="The property.")
    code = TextField()
    value = TextField()
    type = WordField(MetricFilter.Type.choices)


class MetricAnswer(AnswerSerializer):
    """How events become a quantity."""

    nullable = frozenset({"aggregation_property"})

    id = IdField()
    name = TextField()
    code = TextField()
    aggregation = WordField(Metric.Aggregation.choices)
    aggregation_method = serializers.SerializerMethodField(
        help_text="The same, left out for weighted_sum, which clients of the first contract do not know."
    )
    aggregation_property = TextField()
    filters = MetricFilterAnswer(many=True)

    def get_aggregation_method(self, metric: Metric) -> str | None:
        """Return the aggregation where the contract has a word for it."""
        return None if metric.aggregation == Metric.Aggregation.WEIGHTED_SUM else metric.aggregation


class TierAnswer(AnswerSerializer):
    """A range of units."""

    nullable = frozenset({"last_unit"})

    first_unit = WholeNumberField()
    last_unit = WholeNumberField(help_text="null: open.")
    unit_price = TextField(help_text="Minor units, a decimal number.")
    flat_fee = TextField(help_text="Minor units, a decimal number.")


class PriceAnswer(AnswerSerializer):
    """An amount for a quantity."""

    always = frozenset({"amount", "currency", "recurring"})
    nullable = frozenset({"external_reference", "schedule", "including_tax", "public"})
    dropped_when_empty = frozenset({"tiers"})

    id = IdField()
    amount = serializers.SerializerMethodField(help_text="Minor units; 0 when tiered or finer than the minor unit.")
    currency = TextField()
    external_reference = TextField()
    recurring = serializers.SerializerMethodField()
    schedule = serializers.SerializerMethodField(help_text="week, month, year, one-off, else null.")
    including_tax = FlagField()
    public = FlagField()
    metric = MetricAnswer()
    type = WordField(Price.Type.choices)
    interval = WordField(Price.Interval.choices)
    interval_count = WholeNumberField()
    unit_price = serializers.SerializerMethodField(help_text="Minor units, a decimal number.")
    tiers = TierAnswer(many=True)
    units = serializers.SerializerMethodField()
    free_units = serializers.SerializerMethodField()
    rate = serializers.SerializerMethodField(help_text="Percent.")
    fixed = serializers.SerializerMethodField(help_text="Minor units for each charged event.")
    free_events = serializers.SerializerMethodField()
    min = WholeNumberField(source="minimum_minor")
    max = WholeNumberField(source="maximum_minor")
    minimum_commitment = WholeNumberField(source="minimum_commitment_minor")
    billing_timing = WordField(Price.Timing.choices)
    usage = FlagField()
    metric_type = serializers.SerializerMethodField()
    proration_up = WordField(Price.Proration.choices)
    proration_down = WordField(Price.Proration.choices)
    active = serializers.SerializerMethodField()
    metadata = MetadataField()

    def get_amount(self, price: Price) -> int:
        """Return the unit price when it is a whole number of minor units."""
        whole = price.unit_price == price.unit_price.to_integral_value()
        return int(price.unit_price) if whole and price.type not in UNPRICED else 0

    def get_recurring(self, price: Price) -> bool:
        """Tell whether the price is charged again and again."""
        return price.interval != Price.Interval.ONE_OFF

    def get_schedule(self, price: Price) -> str | None:
        """Return the interval in the contract's words, or None when it has none for it."""
        word = price.interval.replace("_", "-")
        return word if word in SCHEDULES and price.interval_count == 1 else None

    def get_unit_price(self, price: Price) -> str | None:
        """Return the exact price of a unit."""
        return None if price.type in UNPRICED else _decimal_text(price.unit_price)

    def get_units(self, price: Price) -> int | None:
        """Return the units of a package."""
        return price.units if price.type == PriceType.PACKAGE else None

    def get_free_units(self, price: Price) -> int | None:
        """Return the free units of a package."""
        return price.free_units if price.type == PriceType.PACKAGE else None

    def get_rate(self, price: Price) -> Any:
        """Return the rate of a percentage."""
        return NumberField().to_representation(price.rate) if price.type == PriceType.PERCENTAGE else None

    def get_fixed(self, price: Price) -> Any:
        """Return what a percentage adds for each event."""
        return NumberField().to_representation(price.fixed) if price.type == PriceType.PERCENTAGE else None

    def get_free_events(self, price: Price) -> int | None:
        """Return the free events of a percentage."""
        return price.free_events if price.type == PriceType.PERCENTAGE else None

    def get_metric_type(self, price: Price) -> str | None:
        """Return whether a usage price's metric starts afresh each period."""
        return price.metric_type if price.usage else None

    def get_active(self, price: Price) -> bool:
        """Tell whether the price can be chosen."""
        return price.retired_at is None


def _decimal_text(value: Decimal) -> str:
    return str(NumberField(as_text=True).to_representation(value))


class FeatureAnswer(AnswerSerializer):
    """Something a plan grants or limits."""

    always = frozenset({"name"})
    nullable = frozenset({"code", "description"})

    id = IdField()
    name = TextField()
    code = TextField()
    description = TextField()


class LimitAnswer(AnswerSerializer):
    """How much of a feature a plan allows."""

    always = frozenset({"name"})

    name = TextField(source="feature.name", help_text="The feature's.")
    feature = FeatureAnswer()
    limit = WholeNumberField()


class EntitlementsAnswer(AnswerSerializer):
    """What a customer may use by its active subscriptions."""

    always = frozenset({"limits", "features", "user_count", "userCount"})

    limits = LimitAnswer(many=True, help_text="Added up over the active subscriptions, one for each feature.")
    features = FeatureAnswer(many=True)
    user_count = WholeNumberField(help_text="The users of all plans together.")
    userCount = WholeNumberField(source="user_count", help_text="The same.")


class SubscriptionPlanAnswer(AnswerSerializer):
    """An offer of a product."""

    nullable = frozenset({"trial_length_days"})

    id = IdField()
    name = TextField()
    code_name = TextField()
    user_count = WholeNumberField()
    per_seat = FlagField()
    has_trial = FlagField()
    is_trial_standalone = FlagField()
    trial_length_days = WholeNumberField()
    one_trial_per_customer = FlagField()
    free = FlagField()
    public = FlagField()
    active = serializers.SerializerMethodField()
    limits = LimitAnswer(many=True)
    features = FeatureAnswer(many=True)
    product = ProductAnswer()
    prices = PriceAnswer(many=True)

    def get_active(self, plan: Plan) -> bool:
        """Tell whether the plan can be chosen."""
        return plan.retired_at is None


class SubscriptionItemAnswer(AnswerSerializer):
    """One thing a subscription is charged for."""

    id = IdField()
    price = PriceAnswer()
    quantity = WholeNumberField()


class PlanReferenceAnswer(AnswerSerializer):
    """A plan, by its names."""

    id = IdField()
    name = TextField()
    code_name = TextField()


class WaitingChangeAnswer(AnswerSerializer):
    """A change that waits for its moment; what is left out stays as it is."""

    id = IdField()
    kind = WordField([kind.value for kind in ChangeKind])
    when = serializers.SerializerMethodField(help_text="next-cycle or specific-date.")
    due_at = InstantField(help_text="With next-cycle a pause may move it.")
    plan = PlanReferenceAnswer()
    price = PriceAnswer()
    seat_number = serializers.SerializerMethodField()
    item = IdField(source="item_id")
    quantity = serializers.SerializerMethodField(help_text="Of the item; 0 ends it.")
    proration = WordField(Price.Proration.choices)
    created_at = InstantField()

    def get_when(self, change: PendingChange) -> str:
        """Return what was asked for."""
        return "next-cycle" if change.at_boundary else "specific-date"

    def get_seat_number(self, change: PendingChange) -> int | None:
        """Return the seats there will be, where they change."""
        return change.quantity if change.kind == ChangeKind.SEATS else None

    def get_quantity(self, change: PendingChange) -> int | None:
        """Return how many of an item there will be."""
        return (change.quantity or 0) if change.kind == ChangeKind.ITEM else None


class PendingChangeAnswer(WaitingChangeAnswer):
    """The next change to come, and the others that wait, of other kinds or items."""

    others = WaitingChangeAnswer(many=True, required=False)

    def to_representation(self, instance: Sequence[PendingChange]) -> dict[str, Any]:
        """Return changes that wait, of which there is at least one, the next first."""
        others = [WaitingChangeAnswer().to_representation(change) for change in instance[1:]]
        answer = WaitingChangeAnswer().to_representation(instance[0])
        return {**answer, "others": others} if others else answer


class SubscriptionAnswer(AnswerSerializer):
    """What a customer agreed to."""

    id = IdField()
    customer_id = IdField()
    status = WordField([status.value for status in Status])
    seat_number = WholeNumberField(required=False)
    schedule = TextField(required=False)
    price = PriceAnswer(required=False)
    items = SubscriptionItemAnswer(many=True)
    plan = SubscriptionPlanAnswer()
    current_period_start = InstantField()
    current_period_end = InstantField()
    valid_until = InstantField(source="current_period_end", help_text="Until when it is paid, or the trial runs.")
    trial_end = InstantField(source="trial_end_at")
    pending_change = PendingChangeAnswer(required=False)
    cancel_at = InstantField()
    ended_at = InstantField()
    created_at = InstantField()
    updated_at = InstantField()
    main_external_reference = TextField()
    child_external_reference = TextField()
    metadata = MetadataField()

    def to_representation(self, instance: Subscription) -> dict[str, Any]:
        """Return the subscription; what belongs to the plan's own item stands at the top as well."""
        items = [SubscriptionItemAnswer().to_representation(item) for item in running_items(instance)]
        answer: dict[str, Any] = {}
        for name, field in self.fields.items():
            if name in _MADE_HERE:
                continue
            value = field.get_attribute(instance)
            if value is not None and value != "":
                answer[name] = field.to_representation(value)
        if waiting := waiting_changes(instance):
            answer["pending_change"] = PendingChangeAnswer().to_representation(waiting)
        answer["items"] = items
        if items:
            price = items[0]["price"]
            answer |= {"price": price, "seat_number": items[0]["quantity"]}
            if price["schedule"] is not None:
                answer["schedule"] = price["schedule"]
        return answer


_MADE_HERE = frozenset({"items", "price", "seat_number", "schedule", "pending_change"})


class VoucherAmountAnswer(AnswerSerializer):
    """A voucher's amount and minimum in one currency."""

    currency = TextField()
    amount = WholeNumberField(source="amount_minor", help_text="Minor units.")
    minimum = WholeNumberField(source="minimum_minor", help_text="Minor units; below this sum the voucher waits.")


class VoucherAnswer(AnswerSerializer):
    """A discount or credit that customers redeem."""

    id = IdField()
    name = TextField()
    type = TextField()
    entry = TextField()
    code = TextField()
    event = TextField()
    percent = NumberField()
    duration = TextField()
    duration_count = WholeNumberField()
    amounts = VoucherAmountAnswer(many=True)
    plans = PlanReferenceAnswer(many=True)
    expires_at = InstantField()
    maximum_redemptions = WholeNumberField()
    once_per_customer = FlagField()
    redemptions = WholeNumberField(source="redemption_count")
    status = serializers.SerializerMethodField()
    created_at = InstantField()

    def get_status(self, voucher: Any) -> str:
        """Return active or disabled."""
        return "active" if voucher.disabled_at is None else "disabled"


class RedemptionAnswer(AnswerSerializer):
    """A customer's use of a voucher."""

    id = IdField()
    voucher = IdField(source="voucher_id")
    customer = IdField(source="customer_id")
    remaining = WholeNumberField(help_text="Invoices still to discount; left out: all to come.")
    redeemed_at = InstantField()
    ended_at = InstantField(help_text="When it was used up or taken back; a credit ends at once.")
