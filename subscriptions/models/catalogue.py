"""What is for sale: products, plans, prices, features, and the metrics that usage prices measure."""

from decimal import Decimal

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from core.fields import CurrencyField, RateField, UnitPriceField, id_field


class TaxType(models.Model):
    """A kind of supply that tax rules tell apart."""

    id = id_field()
    name = models.CharField(max_length=100, unique=True)
    default = models.BooleanField(default=False)
    digital = models.BooleanField(default=False, help_text="Digital services have their own place of supply.")
    export = models.CharField(max_length=12, blank=True, help_text="Overrides the brand's export rule when set.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["default"], condition=models.Q(default=True), name="only_one_default_tax_type"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold, and how it is taxed."""

    id = id_field()
    name = models.CharField(max_length=200)
    external_reference = models.CharField(max_length=255, blank=True)
    tax_type = models.ForeignKey(TaxType, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    tax_rate = RateField(null=True, blank=True, help_text="The product's own rate in percent, for domestic supplies.")
    physical = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="product_name_trgm")]

    def __str__(self) -> str:
        return self.name


class Metric(models.Model):
    """How usage events of one code become a quantity (Billing rules, section 4)."""

    class Aggregation(models.TextChoices):
        COUNT = "count", "Count"
        SUM = "sum", "Sum"
        MAX = "max", "Maximum"
        LATEST = "latest", "Latest"
        UNIQUE_COUNT = "unique_count", "Unique count"
        WEIGHTED_SUM = "weighted_sum", "Weighted sum"

    id = id_field()
    name = models.CharField(max_length=200)
    code = models.CharField(max_length=100, unique=True)
    aggregation = models.CharField(max_length=20, choices=Aggregation.choices)
    aggregation_property = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class MetricFilter(models.Model):
    """Keeps or drops events by a property; several are combined with AND."""

    class Type(models.TextChoices):
        INCLUSIVE = "inclusive", "Keep only"
        EXCLUSIVE = "exclusive", "Drop"

    id = id_field()
    metric = models.ForeignKey(Metric, on_delete=models.CASCADE, related_name="filters")
    name = models.CharField(max_length=100, help_text="The property.")
    code = models.CharField(max_length=100, blank=True)
    value = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=Type.choices)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} {self.name}={self.value}"


class Price(models.Model):
    """An amount for a quantity; its numbers never change (Billing rules, section 3)."""

    class Type(models.TextChoices):
        FIXED_PRICE = "fixed_price", "Fixed price"
        ONE_OFF = "one_off", "One-off"
        UNIT = "unit", "Per unit"
        PACKAGE = "package", "Package"
        TIERED_VOLUME = "tiered_volume", "Tiered, volume"
        TIERED_GRADUATED = "tiered_graduated", "Tiered, graduated"
        PERCENTAGE = "percentage", "Percentage"

    class Interval(models.TextChoices):
        DAY = "day", "Day"
        WEEK = "week", "Week"
        MONTH = "month", "Month"
        YEAR = "year", "Year"
        ONE_OFF = "one_off", "One-off"

    class Timing(models.TextChoices):
        ADVANCE = "advance", "In advance"
        ARREARS = "arrears", "In arrears"

    class MetricType(models.TextChoices):
        RESETTABLE = "resettable", "Resettable"
        CONTINUOUS = "continuous", "Continuous"

    class Proration(models.TextChoices):
        DAY = "day", "By day"
        SECOND = "second", "By second"
        THIRTY_360 = "thirty_360", "30/360"
        NONE = "none", "None"
        FULL = "full", "Full"

    id = id_field()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    external_reference = models.CharField(max_length=255, blank=True)
    type = models.CharField(max_length=20, choices=Type.choices)
    currency = CurrencyField()
    unit_price = UnitPriceField(default=Decimal(0), help_text="Minor units.")
    tiers = models.JSONField(default=list, blank=True)
    units = models.PositiveBigIntegerField(default=1, help_text="Units in a package.")
    free_units = models.PositiveBigIntegerField(default=0)
    rate = RateField(default=Decimal(0), help_text="Percent of the events' values.")
    fixed = UnitPriceField(default=Decimal(0), help_text="Minor units for each charged event.")
    free_events = models.PositiveBigIntegerField(default=0)
    minimum_minor = models.BigIntegerField(null=True, blank=True)
    maximum_minor = models.BigIntegerField(null=True, blank=True)
    minimum_commitment_minor = models.BigIntegerField(null=True, blank=True)
    interval = models.CharField(max_length=10, choices=Interval.choices)
    interval_count = models.PositiveSmallIntegerField(default=1)
    including_tax = models.BooleanField(default=False)
    billing_timing = models.CharField(max_length=10, choices=Timing.choices, default=Timing.ADVANCE)
    usage = models.BooleanField(default=False, help_text="Whether the quantity is measured by the metric.")
    metric = models.ForeignKey(Metric, null=True, blank=True, on_delete=models.PROTECT, related_name="prices")
    metric_type = models.CharField(max_length=12, choices=MetricType.choices, default=MetricType.RESETTABLE)
    proration_up = models.CharField(max_length=12, choices=Proration.choices, default=Proration.DAY)
    proration_down = models.CharField(max_length=12, choices=Proration.choices, default=Proration.DAY)
    public = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(usage=True, metric__isnull=False) | models.Q(usage=False, metric__isnull=True),
                name="usage_price_has_a_metric",
            ),
            models.CheckConstraint(condition=models.Q(interval_count__gte=1), name="price_interval_count_from_one"),
            models.CheckConstraint(
                condition=~models.Q(usage=True) | models.Q(billing_timing="arrears"), name="usage_is_in_arrears"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.type} {self.currency}"


class Feature(models.Model):
    """Something a plan grants or limits."""

    id = id_field()
    name = models.CharField(max_length=200)
    code = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class Plan(models.Model):
    """An offer of a product: its prices, features, limits and trial."""

    id = id_field()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="plans")
    name = models.CharField(max_length=200)
    code_name = models.CharField(max_length=100, unique=True)
    prices = models.ManyToManyField(Price, related_name="plans", blank=True)
    features = models.ManyToManyField(Feature, related_name="plans", blank=True)
    per_seat = models.BooleanField(default=False)
    user_count = models.PositiveIntegerField(default=1)
    free = models.BooleanField(default=False)
    public = models.BooleanField(default=True)
    has_trial = models.BooleanField(default=False)
    is_trial_standalone = models.BooleanField(default=False)
    trial_length_days = models.PositiveSmallIntegerField(null=True, blank=True)
    one_trial_per_customer = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(has_trial=False) | models.Q(trial_length_days__gte=1),
                name="plan_with_trial_has_a_length",
            )
        ]

    def __str__(self) -> str:
        return self.name


class PlanLimit(models.Model):
    """How much of a feature a plan allows."""

    id = id_field()
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+")
    limit = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "feature"], name="one_limit_per_feature")]

    def __str__(self) -> str:
        return f"{self.feature}: {self.limit}"
