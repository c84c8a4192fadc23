"""Usage events as rows; the table is made by a migration: 32 hash partitions by subscription."""

from django.db import models


class UsageEvent(models.Model):
    """Something a subscription used, stored once for ever under (subscription, event_id)."""

    pk = models.CompositePrimaryKey("subscription_id", "event_id")
    subscription_id = models.UUIDField()
    event_id = models.CharField(max_length=128)
    metric_id = models.UUIDField()
    value = models.DecimalField(max_digits=28, decimal_places=12)
    properties = models.JSONField(null=True, blank=True)
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "usage_event"

    def __str__(self) -> str:
        return f"{self.event_id} of {self.subscription_id}"
