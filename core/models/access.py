"""Who may do something: staff, API keys, and the requests they already made."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from core.fields import id_field


class StaffUser(AbstractUser):
    """A person of the billing staff."""

    id = id_field()

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class ApiKey(models.Model):
    """A key of the REST API; only its keyed hash is kept."""

    class Scope(models.TextChoices):
        ADMIN = "admin", "Admin"
        WRITE = "write", "Write"
        READ = "read", "Read"
        USAGE_WRITE = "usage:write", "Usage write"

    id = id_field()
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=20, help_text="The key's first characters, to recognise it by.")
    key_hash = models.CharField(max_length=64, unique=True)
    pepper_name = models.CharField(max_length=40, help_text="Which pepper the hash was made with.")
    scope = models.CharField(max_length=20, choices=Scope.choices, default=Scope.WRITE)
    rate_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Requests a second; empty: no limit.")
    rate_burst = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    rotated_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="rotations")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    """The first request made with an Idempotency-Key, and its answer."""

    id = id_field()
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    body_hash = models.CharField(max_length=64)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="While set and ahead, the first is running.")
    resource_ids = models.JSONField(default=dict, help_text="Rows the operation made before it called a provider.")
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_headers = models.JSONField(default=dict)
    response_body = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["api_key", "key"], name="one_record_per_idempotency_key")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
