"""What payment providers tell of their own accord."""

from django.db import models
from django.db.models import Q

from core.fields import id_field


class ProviderNotice(models.Model):
    """One webhook received: which object something happened to. The row carries the work until it is handled.

    Its body is not kept: it names the customer and holds secrets, and what became of the object is asked of the
    provider.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", "Received"
        HANDLED = "handled", "Handled"
        IGNORED = "ignored", "Nothing to do"
        FAILED = "failed", "Failed"

    class Subject(models.TextChoices):
        CHARGE = "charge", "Charge"
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Dispute"
        CARD = "card", "Card"
        MANDATE = "mandate", "Mandate"
        OTHER = "other", "Other"

    id = id_field()
    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=255, help_text="The provider's.")
    type = models.CharField(max_length=100, help_text="The provider's word.")
    subject = models.CharField(max_length=10, choices=Subject.choices)
    reference = models.CharField(max_length=255, blank=True, help_text="The provider's, of the object it is about.")
    status = models.CharField(max_length=10, choices=Status.choices)
    tries = models.PositiveSmallIntegerField(default=0)
    failure = models.CharField(max_length=500, blank=True, help_text="Why the last try failed.")
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Wall clock: until then one worker holds it, or it waits for its next try."
    )
    happened_at = models.DateTimeField(help_text="The provider's clock.")
    received_at = models.DateTimeField(help_text="Wall clock.")
    settled_at = models.DateTimeField(null=True, blank=True, help_text="Wall clock.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(status="received"), name="notice_waiting"),
            models.Index(fields=["received_at"], condition=Q(status="failed"), name="notice_failed"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="one_notice_per_event"),
            models.CheckConstraint(
                condition=Q(status="received", settled_at__isnull=True)
                | ~Q(status="received") & Q(settled_at__isnull=False),
                name="notice_settled_at_fits_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.type}"
