"""Billing runs, and customers a run had to leave out."""

from django.db import models

from core.fields import id_field
from customers.models import Customer


class BillingRun(models.Model):
    """One run over the agenda and what it made; one asked for over the API waits for a worker."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"

    id = id_field()
    as_of = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    trigger = models.CharField(max_length=20)
    created_at = models.DateTimeField(help_text="Wall clock.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it waits.")
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(help_text="The last sign of life.")
    customers = models.PositiveIntegerField(default=0)
    invoices = models.PositiveIntegerField(default=0)
    parked = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="waiting", started_at__isnull=True)
                | ~models.Q(status="waiting") & models.Q(started_at__isnull=False),
                name="billing_run_that_waits_has_not_started",
            )
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="billing_run_status"),
            models.Index(fields=["created_at"], name="billing_run_created_at"),
        ]

    def __str__(self) -> str:
        return f"run as of {self.as_of:%Y-%m-%d %H:%M}"


class ParkedCustomer(models.Model):
    """A customer whose billing failed, with the reason; tried again at the agenda's `retry_at`."""

    customer = models.OneToOneField(Customer, primary_key=True, on_delete=models.CASCADE, related_name="parked")
    reason = models.TextField()
    failures = models.PositiveIntegerField(default=1)
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_failed_at"]

    def __str__(self) -> str:
        return f"{self.customer}: {self.reason[:80]}"
