"""Gapless number series and where each stands."""

from django.db import models

from core.fields import id_field
from customers.models import Brand


class NumberSeries(models.Model):
    """A format of numbers for one kind of document of one brand (Billing rules, section 8, Numbering)."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoices"
        CREDIT_NOTE = "credit_note", "Credit notes"
        RECEIPT = "receipt", "Receipts"

    class Reset(models.TextChoices):
        YEARLY = "yearly", "Yearly"
        NEVER = "never", "Never"

    id = id_field()
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="number_series")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    format = models.CharField(max_length=60, default="INV-{year}-{seq:06}")
    reset = models.CharField(max_length=10, choices=Reset.choices, default=Reset.YEARLY)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "kind"], name="one_series_per_brand_and_kind")]
        verbose_name_plural = "number series"

    def __str__(self) -> str:
        return self.format


class NumberCounter(models.Model):
    """The last number given in a series' year (year 0 for a series that never resets)."""

    id = id_field()
    series = models.ForeignKey(NumberSeries, on_delete=models.PROTECT, related_name="counters")
    year = models.PositiveSmallIntegerField()
    last_sequence = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="one_counter_per_year")]

    def __str__(self) -> str:
        return f"{self.series} {self.year}: {self.last_sequence}"
