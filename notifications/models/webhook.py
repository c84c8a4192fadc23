"""Webhook endpoints, what is sent to them, and what became of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.fields import id_field
from core.models import OutboxEvent
from core.sealing import SealedField


class WebhookEndpoint(models.Model):
    """An address of the product that is told what happens."""

    class Status(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        DISABLED = "disabled", "Disabled"

    class DisabledReason(models.TextChoices):
        ASKED = "asked", "Somebody disabled it"
        GONE = "gone", "It answered 410"
        FAILING = "failing", "It failed for days"

    id = id_field()
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, help_text="Events, or noun.*; empty: every one."
    )
    secret = SealedField(help_text="The secret that signs, encrypted.")
    former_secret = SealedField(blank=True, help_text="The secret before, while it is valid.")
    former_secret_until = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ENABLED)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason.choices, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Tries that failed since the last success.")
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True, help_text="It asked to be left alone until then.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="enabled", disabled_at__isnull=True, disabled_reason="")
                | models.Q(~models.Q(disabled_reason=""), status="disabled", disabled_at__isnull=False),
                name="disabled_endpoints_say_why",
            ),
            models.CheckConstraint(
                condition=models.Q(former_secret="", former_secret_until__isnull=True)
                | models.Q(~models.Q(former_secret=""), former_secret_until__isnull=False),
                name="a_former_secret_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookBody(models.Model):
    """What is sent about a fact, the same for every endpoint and every try."""

    fact = models.OneToOneField(OutboxEvent, on_delete=models.CASCADE, primary_key=True, related_name="webhook_body")
    customer_id = models.UUIDField(null=True, blank=True, db_index=True, help_text="Whom it tells of.")
    text = models.TextField(blank=True, help_text="JSON; empty once its customer was erased.")
    drawn_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "webhook bodies"

    def __str__(self) -> str:
        return f"body of {self.fact_id}"


class WebhookDelivery(models.Model):
    """A fact on its way to an endpoint."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = id_field()
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    fact = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="webhook_deliveries")
    event_id = models.UUIDField(help_text="The webhook-id.")
    type = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40)
    object_id = models.UUIDField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    is_replay = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True, help_text="The last try.")
    first_tried_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the last try.")
    answer_body = models.TextField(blank=True, help_text="The first 2 KiB of its answer.")
    failure = models.CharField(max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "fact"], name="one_delivery_under_way", condition=models.Q(status="pending")
            ),
            models.CheckConstraint(
                condition=models.Q(status="pending", settled_at__isnull=True)
                | models.Q(~models.Q(status="pending"), settled_at__isnull=False, lease_until__isnull=True),
                name="deliveries_settled_have_a_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="deliveries_due", condition=models.Q(status="pending")),
            models.Index(
                fields=["endpoint", "object_id", "fact"],
                name="deliveries_in_order",
                condition=models.Q(status="pending"),
            ),
            models.Index(fields=["settled_at"], name="deliveries_settled"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint_id}"
