"""Tax by place and date: countries, their states, and dated rules."""

from django.db import models
from django.db.models import Q

from core.fields import RateField, id_field
from subscriptions.models import TaxType


class TaxCountry(models.Model):
    """A country's tax set-up for this seller."""

    class ThresholdPeriod(models.TextChoices):
        CALENDAR = "calendar", "Calendar year"
        ROLLING = "rolling", "Rolling twelve months"

    id = id_field()
    code = models.CharField(max_length=2, unique=True)
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3, blank=True)
    in_eu = models.BooleanField(default=False)
    b2b_reverse_charge = models.BooleanField(default=False)
    collecting = models.BooleanField(default=False)
    threshold_minor = models.BigIntegerField(null=True, blank=True, help_text="In the brand's main currency.")
    threshold_transactions = models.PositiveIntegerField(null=True, blank=True)
    threshold_period = models.CharField(
        max_length=10, choices=ThresholdPeriod.choices, default=ThresholdPeriod.CALENDAR
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "tax countries"

    def __str__(self) -> str:
        return self.name


class TaxState(models.Model):
    """A state, province or region with a rate of its own."""

    id = id_field()
    country = models.ForeignKey(TaxCountry, on_delete=models.CASCADE, related_name="states")
    code = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    collecting = models.BooleanField(default=False)
    threshold_minor = models.BigIntegerField(null=True, blank=True)
    threshold_transactions = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["country", "code"], name="one_state_per_code")]

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
        ]

    def __str__(self) -> str:
        return f"{self.rate} % from {self.valid_from}"
