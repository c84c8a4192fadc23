"""Payments that a customer's bank takes back, or asks about."""

from django.db import models
from django.db.models import Q

from billing.models.payment import Payment
from core.fields import CurrencyField, id_field
from customers.models import Customer


class Dispute(models.Model):
    """One dispute of one payment, as the provider last told."""

    class Status(models.TextChoices):
        INQUIRY = "inquiry", "Inquiry"
        NEEDS_RESPONSE = "needs_response", "Needs a response"
        UNDER_REVIEW = "under_review", "Under review"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="disputes")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    provider = models.CharField(max_length=20)
    external_reference = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=Status.choices)
    reason = models.CharField(max_length=100, blank=True, help_text="The provider's word for it.")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField(help_text="What is disputed.")
    held_minor = models.BigIntegerField(default=0, help_text="What the provider took back and keeps.")
    fee_minor = models.BigIntegerField(default=0, help_text="What the dispute costs.")
    moves = models.PositiveSmallIntegerField(default=0, help_text="Its entries in the books.")
    respond_by = models.DateTimeField(null=True, blank=True, help_text="Until when the provider takes evidence.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"], name="dispute_status"),
            models.Index(fields=["opened_at"], name="dispute_opened_at"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_reference"], name="one_dispute_per_reference"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="dispute_is_positive"),
            models.CheckConstraint(condition=Q(held_minor__gte=0, fee_minor__gte=0), name="dispute_holds_no_less"),
            models.CheckConstraint(
                condition=Q(status__in=["won", "lost"], closed_at__isnull=False)
                | ~Q(status__in=["won", "lost"]) & Q(closed_at__isnull=True),
                name="dispute_closed_at_fits_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.amount_minor} {self.currency}"
