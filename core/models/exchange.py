"""Exchange rates by day, as the operator loads them."""

from django.db import models
from django.db.models import Q

from core.fields import CurrencyField, id_field


class ExchangeRate(models.Model):
    """How much of a currency one euro bought on a day; until the next day with a rate it is the last one known."""

    id = id_field()
    currency = CurrencyField()
    day = models.DateField()
    per_euro = models.DecimalField(max_digits=24, decimal_places=10)
    source = models.CharField(max_length=200, help_text="Where the rate was taken from.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-day", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="one_exchange_rate_a_day"),
            models.CheckConstraint(condition=Q(per_euro__gt=0), name="exchange_rate_is_above_nought"),
            models.CheckConstraint(condition=~Q(currency="EUR"), name="the_euro_needs_no_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.per_euro} {self.currency} on {self.day}"
