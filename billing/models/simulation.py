"""Simulations of everybody: what was asked, and what it came to."""

from django.db import models
from django.db.models import Q

from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from core.fields import id_field
from subscriptions.models import Plan, Price


class SimulationRun(models.Model):
    """One simulation of everybody on the wall clock, which waits for a worker; kept for a time, then deleted.

    `plan`, `new_plan`, `new_price` and `change_at` are a change in thought. `begun` counts how often it was begun: a
    worker that dies leaves it to the next.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"

    ASSUMPTIONS = [(one.value, one.value) for one in Assumption]
    PAYMENTS = [(one.value, one.value) for one in Payments]
    MADE = Payments.MADE.value

    id = id_field()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    months = models.PositiveSmallIntegerField()
    usage = models.CharField(max_length=11, choices=ASSUMPTIONS)
    payments = models.CharField(max_length=4, choices=PAYMENTS, default=MADE, db_default=MADE)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    new_plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    new_price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    change_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    begun = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True, help_text="The moment the forecast begins at.")
    finished_at = models.DateTimeField(null=True, blank=True)
    customers = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0, help_text="Customers whose future could not be computed.")
    result = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True, help_text="Why it stopped.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(status__in=["waiting", "running"]), name="simulations_to_run"),
            models.Index(fields=["finished_at"], name="simulations_finished_at"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="waiting", started_at__isnull=True, finished_at__isnull=True)
                | Q(status="running", started_at__isnull=False, finished_at__isnull=True)
                | Q(status__in=["finished", "stopped"], started_at__isnull=False, finished_at__isnull=False),
                name="a_simulation_status_has_its_moments",
            ),
            models.CheckConstraint(
                condition=Q(status="finished", result__isnull=False, reason="")
                | (Q(status="stopped", result__isnull=True) & ~Q(reason=""))
                | Q(status__in=["waiting", "running"], result__isnull=True, reason=""),
                name="a_simulation_ends_with_a_result_or_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(plan__isnull=True, new_plan__isnull=True, new_price__isnull=True, change_at__isnull=True)
                | Q(plan__isnull=False, new_price__isnull=False),
                name="a_simulated_change_says_whose_and_what",
            ),
        ]

    def __str__(self) -> str:
        return f"simulation of {self.months} months, asked for at {self.created_at:%Y-%m-%d %H:%M}"
