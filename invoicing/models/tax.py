"""Tax by place and date: countries, their states, and dated rules."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, UUIDField, Value
from django.db.models.functions import Coalesce

from core.fields import CurrencyField, RateField, id_field
from customers.models import Brand
from subscriptions.models import TaxType

_NO_STATE = "00000000-0000-0000-0000-000000000000"


class ThresholdPeriod(models.TextChoices):
    """The days whose sales are compared with a threshold."""

    CALENDAR = "calendar", "Calendar year"
    ROLLING = "rolling", "Rolling twelve months"
    ROLLING_QUARTERS = "rolling_quarters", "This quarter and the three before"
    CURRENT_OR_LAST_YEAR = "current_or_last_year", "This calendar year or the last"


class TaxCountry(models.Model):
    """A country's tax set-up for this seller."""

    id = id_field()
    code = models.CharField(max_length=2, unique=True)
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3, blank=True)
    in_eu = models.BooleanField(default=False)
    b2b_reverse_charge = models.BooleanField(default=False)
    collecting = models.BooleanField(default=False)
    collecting_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When an invoice reached the threshold; empty: set by hand."
    )
    threshold_minor = models.BigIntegerField(
        null=True, blank=True, help_text="In the country's currency; in the first brand's main currency without one."
    )
    threshold_transactions = models.PositiveIntegerField(null=True, blank=True)
    threshold_period = models.CharField(
        max_length=20, choices=ThresholdPeriod.choices, default=ThresholdPeriod.CALENDAR
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "tax countries"
        constraints = [
            models.CheckConstraint(
                condition=Q(collecting=True) | Q(collecting_since__isnull=True),
                name="tax_country_collects_since_it_does",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TaxState(models.Model):
    """A state, province or region with a rate of its own."""

    id = id_field()
    country = models.ForeignKey(TaxCountry, on_delete=models.CASCADE, related_name="states")
    code = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    collecting = models.BooleanField(default=False)
    collecting_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When an invoice reached the threshold; empty: set by hand."
    )
    threshold_minor = models.BigIntegerField(
        null=True, blank=True, help_text="In the country's currency; in the first brand's main currency without one."
    )
    threshold_transactions = models.PositiveIntegerField(null=True, blank=True)
    threshold_period = models.CharField(
        max_length=20, choices=ThresholdPeriod.choices, default=ThresholdPeriod.CALENDAR
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["country", "code"], name="one_state_per_code"),
            models.CheckConstraint(
                condition=Q(collecting=True) | Q(collecting_since__isnull=True), name="tax_state_collects_since_it_does"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TaxRule(models.Model):
    """A rate at one place for one tax type, from a date until another."""

    id = id_field()
    country = models.ForeignKey(TaxCountry, on_delete=models.CASCADE, related_name="rules")
    state = models.ForeignKey(TaxState, null=True, blank=True, on_delete=models.CASCADE, related_name="rules")
    tax_type = models.ForeignKey(TaxType, on_delete=models.PROTECT, related_name="rules")
    rate = RateField(help_text="Percent.")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text="First day it no longer holds; empty: open.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["country", "valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100), name="tax_rate_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=models.F("valid_from")),
                name="tax_rule_ends_after_it_starts",
            ),
            ExclusionConstraint(
                name="one_tax_rule_a_day",
                expressions=[
                    ("country", RangeOperators.EQUAL),
                    (Coalesce("state", Value(_NO_STATE, UUIDField())), RangeOperators.EQUAL),
                    ("tax_type", RangeOperators.EQUAL),
                    (
                        Func(F("valid_from"), F("valid_until"), function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate} % from {self.valid_from}"


class TaxTurnover(models.Model):
    """What was sold to a place on a closed day, by brand and currency: a roll-up of finalised documents.

    Append-only: a document that is issued on a day closed already adds a row of its own. The sum of the rows is the
    turnover. Billing rules, sections 7 (Threshold sums) and 9.
    """

    id = id_field()
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=120, blank=True, help_text="As the address has it, in upper case.")
    day = models.DateField(help_text="Issue date.")
    currency = CurrencyField()
    payments = models.IntegerField(help_text="Invoices with something to pay.")
    net_minor = models.BigIntegerField(help_text="Net of invoices less net of credit notes.")
    consumers_net_minor = models.BigIntegerField(help_text="The part sold to others than checked businesses.")

    class Meta:
        ordering = ["day", "id"]
        verbose_name_plural = "tax turnover"
        indexes = [models.Index(fields=["country", "day"], name="tax_turnover_place_day")]

    def __str__(self) -> str:
        return f"{self.country} {self.day}: {self.net_minor} {self.currency}"


class TaxClosing(models.Model):
    """Up to which day a brand's documents are in the roll-up of tax turnover."""

    brand = models.OneToOneField(Brand, on_delete=models.CASCADE, primary_key=True, related_name="+")
    closed_until = models.DateField(help_text="The first day that is not closed.")

    def __str__(self) -> str:
        return f"{self.brand_id} until {self.closed_until}"
