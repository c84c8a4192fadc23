"""When each customer is due next."""

from django.db import models

from core.models import TestClock
from customers.models.customer import Customer


class Agenda(models.Model):
    """One narrow row a customer: what the billing run claims (Billing rules, section 10)."""

    customer = models.OneToOneField(Customer, primary_key=True, on_delete=models.CASCADE, related_name="agenda")
    due_at = models.DateTimeField(null=True, blank=True, help_text="Empty: nothing is ahead.")
    test_clock = models.ForeignKey(TestClock, null=True, blank=True, on_delete=models.PROTECT)
    retry_at = models.DateTimeField(
        null=True, blank=True, help_text="Set while the customer is parked after a failure: not claimed before it."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="agenda_due",
                condition=models.Q(test_clock__isnull=True, due_at__isnull=False),
            ),
            models.Index(
                fields=["test_clock", "due_at"],
                name="agenda_due_on_clock",
                condition=models.Q(test_clock__isnull=False, due_at__isnull=False),
            ),
        ]
        verbose_name_plural = "agenda"

    def __str__(self) -> str:
        return f"{self.customer_id} due {self.due_at}"
