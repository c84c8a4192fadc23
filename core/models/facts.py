"""Facts written beside the change that made them true: the outbox and the audit trail."""

from django.db import models

from core.fields import id_field


class OutboxEvent(models.Model):
    """A fact for the rooms above and for webhooks, written in the transaction that made it true."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    type = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40)
    object_id = models.UUIDField()
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(help_text="The moment of the fact, by the object's clock.")
    dispatched_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was handed to webhooks and messages; wall clock."
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["object_kind", "object_id", "id"]),
            models.Index(fields=["id"], name="facts_not_dispatched", condition=models.Q(dispatched_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class AuditEntry(models.Model):
    """Who did what, when and why; append-only."""

    class ActorKind(models.TextChoices):
        STAFF = "staff", "Staff"
        API_KEY = "api_key", "API key"
        CUSTOMER = "customer", "Customer"
        SYSTEM = "system", "System"

    id = id_field()
    recorded_at = models.DateTimeField(help_text="Wall clock.")
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True, blank=True)
    actor_name = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=80)
    object_kind = models.CharField(max_length=40)
    object_id = models.UUIDField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["object_kind", "object_id", "id"])]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind}"
