"""Totals by the hour, kept of subscriptions with many events."""

from django.db import models


class BusySubscription(models.Model):
    """A subscription with so many events that totals by the hour are kept of them.

    From the commit of its row on, whoever stores its events stores their totals too. `totalled_at` is when those of
    all earlier events had been added up; until then, and after events were taken away, questions read the events.
    """

    subscription_id = models.UUIDField(primary_key=True)
    noted_at = models.DateTimeField()
    totalled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "usage_busysubscription"

    def __str__(self) -> str:
        return f"busy subscription {self.subscription_id}"


class HourTotal(models.Model):
    """What some events of a subscription, metric and hour (of UTC) come to; an hour may have many, which add up."""

    subscription_id = models.UUIDField()
    metric_id = models.UUIDField()
    hour = models.DateTimeField()
    event_count = models.BigIntegerField()
    total = models.DecimalField(max_digits=40, decimal_places=12)
    greatest = models.DecimalField(max_digits=28, decimal_places=12)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "usage_hourtotal"
        indexes = [models.Index(fields=["subscription_id", "metric_id", "hour"], name="hourtotal_question")]
        constraints = [
            models.CheckConstraint(condition=models.Q(event_count__gt=0), name="hourtotal_counts_events"),
            models.CheckConstraint(
                condition=models.Q(first_at__gte=models.F("hour"), last_at__gte=models.F("first_at")),
                name="hourtotal_begins_in_its_hour",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_count} events of {self.subscription_id} from {self.hour}"
