"""How much a customer's usage may cost in a period before somebody is told, or the customer is disabled."""

from django.db import models

from core.fields import id_field
from customers.models import Customer


class UsageLimit(models.Model):
    """A bound on what a customer's usage may cost; the row is locked while events are weighed against it."""

    class Action(models.TextChoices):
        WARNING = "warning", "Warn"
        DISABLE = "disable", "Disable"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="usage_limits")
    name = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField(help_text="In each currency by itself.")
    action = models.CharField(max_length=10, choices=Action.choices)
    passed_at = models.DateTimeField(null=True, blank=True, help_text="When it was last passed.")
    silent_until_at = models.DateTimeField(
        null=True, blank=True, help_text="Once passed: when the first period that the cost summed ends."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="usage_limit_above_zero"),
            models.CheckConstraint(
                condition=models.Q(passed_at__isnull=True, silent_until_at__isnull=True)
                | models.Q(silent_until_at__gt=models.F("passed_at")),
                name="usage_limit_is_silent_once_passed",
            ),
            models.CheckConstraint(condition=models.Q(action__in=["warning", "disable"]), name="usage_limit_acts"),
        ]

    def __str__(self) -> str:
        return self.name
