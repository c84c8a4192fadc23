"""The catalogue as requests hold it."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.api.fields import (
    LARGEST_AMOUNT,
    AmountField,
    CurrencyField,
    FlagField,
    IdField,
    InstantField,
    MetadataField,
    NumberField,
    PercentField,
    ReferenceField,
    SlugField,
    TextField,
    WholeNumberField,
    WordField,
)
from core.api.pages import ListParameters
from core.api.serializers import InputSerializer
from subscriptions.domain.lifecycle import Status
from subscriptions.domain.offer import INTERVAL_SPELLINGS, OPEN_END, TYPE_SPELLINGS, PriceWanted
from subscriptions.domain.pricing import Tier
from subscriptions.domain.voucher import EVENTS
from subscriptions.models import Metric, MetricFilter, Price, Voucher
from subscriptions.queries import catalogue

LARGEST_UNITS = 10**12
LONGEST_LIST = 200


def product_reference(**options: Any) -> ReferenceField:
    """Return a field that names a product."""
    return ReferenceField(noun="product", find=catalogue.find_product, names=("id",), **options)


def price_reference(**options: Any) -> ReferenceField:
    """Return a field that names a price."""
    return ReferenceField(noun="price", find=catalogue.find_price, names=("id",), **options)


def plan_reference(**options: Any) -> ReferenceField:
    """Return a field that names a plan by id or code name."""
    return ReferenceField(
        noun="plan",
        find=catalogue.find_plan,
        find_by_word=catalogue.find_plan_by_code,
        names=("id", "code_name"),
        **options,
    )


def feature_reference(**options: Any) -> ReferenceField:
    """Return a field that names a feature by id or code."""
    return ReferenceField(
        noun="feature",
        find=catalogue.find_feature,
        find_by_word=catalogue.find_feature_by_code,
        names=("id", "code"),
        **options,
    )


def tax_type_reference(**options: Any) -> ReferenceField:
    """Return a field that names a tax type by id or name."""
    return ReferenceField(
        noun="tax type",
        find=catalogue.find_tax_type,
        find_by_word=catalogue.find_tax_type_by_name,
        names=("id", "name"),
        **options,
    )


class NameParameters(ListParameters):
    """What a list is narrowed by."""

    name = TextField(required=False, allow_blank=True)


class TaxTypeInput(InputSerializer):
    """What a tax type can be told to be."""

    answered = frozenset({"id"})

    name = TextField(max_length=100)
    default = FlagField(required=False)
    digital = FlagField(required=False)
    export = WordField(["", "zero_rated", "seller_rate"], required=False)


class ProductInput(InputSerializer):
    """What a product can be told to be."""

    answered = frozenset({"id"})

    name = TextField(max_length=200)
    external_reference = TextField(required=False, allow_blank=True, allow_null=True)
    tax_type = tax_type_reference(required=False, allow_null=True)
    tax_rate = PercentField(required=False, allow_null=True)
    physical = FlagField(required=False)


class MetricFilterInput(InputSerializer):
    """Keeps or drops events by a property."""

    answered = frozenset({"id"})

    name = TextField(max_length=100, help_text="The property.")
    code = TextField(max_length=100, required=False, allow_blank=True)
    value = TextField(max_length=200, allow_blank=True)
    type = WordField(MetricFilter.Type.choices)


class MetricInput(InputSerializer):
    """What a metric can be told to be."""

    aliases = {"aggregation_method": "aggregation"}
    answered = frozenset({"id"})

    name = TextField(max_length=200)
    code = TextField(max_length=100)
    aggregation = WordField(Metric.Aggregation.choices)
    aggregation_property = TextField(max_length=100, required=False, allow_blank=True, allow_null=True)
    filters = serializers.ListField(child=MetricFilterInput(), required=False, max_length=LONGEST_LIST)


class OpenEndField(WholeNumberField):
    """The last unit of a tier: a whole number, or -1 for an open tier."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=OPEN_END, max_value=LARGEST_UNITS, **options)


class TierInput(InputSerializer):
    """A range of units."""

    first_unit = WholeNumberField(max_value=LARGEST_UNITS)
    last_unit = OpenEndField(required=False, help_text="null, left out or -1: open.")
    unit_price = NumberField(minimum=0, required=False, help_text="Minor units.")
    flat_fee = NumberField(minimum=0, required=False, help_text="Minor units.")


class PriceInput(InputSerializer):
    """A price: `amount`, or `unit_price` when it is finer than the minor unit, or `tiers`."""

    answered = frozenset({"id"})

    amount = AmountField(required=False, help_text="Minor units.")
    unit_price = NumberField(minimum=0, required=False, help_text="Minor units, at most 12 places.")
    currency = CurrencyField()
    external_reference = TextField(required=False, allow_blank=True)
    recurring = FlagField(required=False)
    schedule = WordField(["week", "month", "year", "one-off"], required=False, spellings={"one_off": "one-off"})
    interval = WordField(Price.Interval.choices, required=False, spellings=INTERVAL_SPELLINGS)
    interval_count = WholeNumberField(min_value=1, max_value=1000, required=False)
    including_tax = FlagField(required=False)
    public = FlagField(required=False)
    active = FlagField(required=False)
    metric = ReferenceField(
        noun="metric",
        find=catalogue.find_metric,
        find_by_word=catalogue.find_metric_by_word,
        required=False,
    )
    type = WordField(Price.Type.choices, required=False, spellings=TYPE_SPELLINGS)
    tiers = serializers.ListField(child=TierInput(), required=False, max_length=LONGEST_LIST)
    units = WholeNumberField(min_value=1, max_value=LARGEST_UNITS, required=False)
    free_units = WholeNumberField(max_value=LARGEST_UNITS, required=False)
    rate = NumberField(minimum=0, maximum=100_000, places=6, required=False, help_text="Percent.")
    fixed = NumberField(minimum=0, required=False, help_text="Minor units for each charged event.")
    free_events = WholeNumberField(max_value=LARGEST_UNITS, required=False)
    min = AmountField(required=False)
    max = AmountField(required=False)
    minimum_commitment = AmountField(required=False)
    billing_timing = WordField(Price.Timing.choices, required=False)
    usage = FlagField(required=False)
    metric_type = WordField(Price.MetricType.choices, required=False)
    proration_up = WordField(Price.Proration.choices, required=False)
    proration_down = WordField(Price.Proration.choices, required=False)
    metadata = MetadataField(required=False)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return where two spellings of one thing disagree."""
        faults: dict[str, str] = {}
        amount, unit_price = values.get("amount"), values.get("unit_price")
        if amount and unit_price is not None and unit_price != amount:
            faults["unit_price"] = "differs from amount"
        schedule, interval = values.get("schedule"), values.get("interval")
        if schedule and interval and schedule.replace("-", "_") != interval:
            faults["interval"] = "differs from schedule"
        if unit_price is not None and unit_price >= LARGEST_AMOUNT:
            faults["unit_price"] = f"must be below {LARGEST_AMOUNT}"
        return faults


_RENAMED = {"min": "minimum", "max": "maximum"}
_APART = frozenset({"amount", "unit_price", "schedule", "interval", "metric", "tiers", "active"})


def price_wanted(product_id: uuid.UUID, values: Mapping[str, Any]) -> PriceWanted:
    """Return a validated request as the price it asks for."""
    facts = {_RENAMED.get(name, name): value for name, value in values.items() if name not in _APART}
    unit_price, amount = values.get("unit_price"), values.get("amount")
    if unit_price is not None or amount is not None:
        facts["amount"] = unit_price if unit_price is not None else Decimal(amount or 0)
    metric = values.get("metric")
    return PriceWanted(
        product_id=product_id,
        interval=values.get("interval") or values.get("schedule") or "",
        metric_id=metric.id if metric is not None else None,
        tiers=tuple(
            Tier(
                tier["first_unit"],
                tier.get("last_unit", OPEN_END),
                tier.get("unit_price", Decimal(0)),
                tier.get("flat_fee", Decimal(0)),
            )
            for tier in values.get("tiers", ())
        ),
        **facts,
    )


class PriceChanges(InputSerializer):
    """What can be changed of a price; its numbers are passed over: they never change."""

    answered = frozenset({"id", *PriceInput().fields}) - {"public", "active", "metadata"}

    public = FlagField(required=False)
    active = FlagField(required=False, help_text="false retires the price: subscriptions that have it keep it.")
    metadata = MetadataField(required=False)


class FeatureInput(InputSerializer):
    """What a feature can be told to be."""

    answered = frozenset({"id"})

    name = TextField(max_length=200)
    code = SlugField(max_length=100, required=False)
    description = TextField(max_length=2000, required=False, allow_blank=True, allow_null=True)


class LimitInput(InputSerializer):
    """How much of a feature a plan allows."""

    answered = frozenset({"name"})

    feature = feature_reference()
    limit = WholeNumberField(max_value=LARGEST_AMOUNT)


class PlanInput(InputSerializer):
    """What a plan can be told to be."""

    answered = frozenset({"id"})

    product = product_reference()
    name = TextField(max_length=200)
    code_name = TextField(max_length=100)
    user_count = WholeNumberField(required=False)
    per_seat = FlagField(required=False)
    has_trial = FlagField(required=False)
    is_trial_standalone = FlagField(required=False)
    trial_length_days = WholeNumberField(min_value=1, max_value=3650, required=False, allow_null=True)
    one_trial_per_customer = FlagField(required=False)
    free = FlagField(required=False)
    public = FlagField(required=False)
    active = FlagField(required=False, help_text="false retires the plan: subscriptions that have it keep it.")
    limits = serializers.ListField(child=LimitInput(), required=False, max_length=LONGEST_LIST)
    features = serializers.ListField(child=feature_reference(), required=False, max_length=LONGEST_LIST)
    prices = serializers.ListField(child=price_reference(), required=False, max_length=LONGEST_LIST)

    def breaches(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the limits of one feature given twice."""
        faults: dict[str, str] = {}
        seen: set[uuid.UUID] = set()
        for position, limit in enumerate(values.get("limits", ())):
            if limit["feature"].id in seen:
                faults[f"limits.{position}.feature"] = "has a limit already"
            seen.add(limit["feature"].id)
        return faults


class VoucherAmountInput(InputSerializer):
    """A voucher's amount and minimum in one currency."""

    currency = CurrencyField()
    amount = AmountField(min_value=1, required=False)
    minimum = AmountField(required=False)


class VoucherInput(InputSerializer):
    """A voucher: a percentage, a discount or a credit."""

    answered = frozenset({"id", "redemptions", "status", "created_at"})

    name = TextField(max_length=200)
    type = WordField(Voucher.Type.choices)
    entry = WordField(Voucher.Entry.choices, required=False)
    code = TextField(max_length=60, required=False)
    event = WordField(sorted(EVENTS), required=False)
    percent = PercentField(required=False)
    duration = WordField(Voucher.Duration.choices, required=False)
    duration_count = WholeNumberField(min_value=1, max_value=1200, required=False)
    amounts = serializers.ListField(child=VoucherAmountInput(), required=False, max_length=LONGEST_LIST)
    plans = serializers.ListField(child=plan_reference(), required=False, max_length=LONGEST_LIST)
    expires_at = InstantField(required=False)
    maximum_redemptions = WholeNumberField(min_value=1, required=False)
    once_per_customer = FlagField(required=False)


class RedeemInput(InputSerializer):
    """The code of a voucher."""

    code = TextField(max_length=60)


class SubscriptionListParameters(ListParameters):
    """What a list of subscriptions is narrowed by."""

    status = WordField([status.value for status in Status], required=False)
    customer = IdField(required=False)
    plan = TextField(required=False, max_length=100, help_text="Id or code name.")
