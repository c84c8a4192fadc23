"""What a customer pays with; the number itself stays with the provider."""

from django.db import models

from core.fields import id_field
from customers.models.customer import Customer


class PaymentMethod(models.Model):
    """A card kept by a payment provider."""

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="payment_methods")
    provider = models.CharField(max_length=20)
    provider_reference = models.CharField(max_length=255)
    name = models.CharField(max_length=200, blank=True)
    brand = models.CharField(max_length=30, blank=True)
    last_four = models.CharField(max_length=4, blank=True)
    expiry_month = models.PositiveSmallIntegerField(null=True, blank=True)
    expiry_year = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Four digits.")
    country = models.CharField(max_length=2, blank=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                models.F("expiry_year") * 12 + models.F("expiry_month"),
                condition=models.Q(removed_at__isnull=True),
                name="cards_by_expiry",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(is_default=True, removed_at__isnull=True),
                name="one_default_payment_method",
            ),
            models.UniqueConstraint(fields=["provider", "provider_reference"], name="one_row_per_provider_card"),
        ]

    def __str__(self) -> str:
        return f"{self.brand} •••• {self.last_four}"
