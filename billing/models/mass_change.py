"""One change of plan or price for many subscriptions, and what became of each."""

from django.db import models
from django.db.models import Q

from billing.domain.mass_change import MassStatus
from core.fields import id_field
from core.models import TestClock
from customers.models import Brand
from subscriptions.models import Plan, Price, Subscription


class MassChange(models.Model):
    """Filters, the new plan or price, and the moment; whom it is about is settled when it begins."""

    STATUSES = [(status.value, status.value.capitalize()) for status in MassStatus]

    id = id_field()
    status = models.CharField(max_length=9, choices=STATUSES, default=MassStatus.SCHEDULED.value)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    brand = models.ForeignKey(Brand, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2, blank=True)
    new_plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    new_price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    test_clock = models.ForeignKey(
        TestClock,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose customers it is about; empty: everybody on the wall clock.",
    )
    actor = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(status__in=["scheduled", "running"]), name="mass_changes_to_run"
            ),
            models.Index(fields=["status", "-id"], name="mass_change_status"),
            models.Index(fields=["created_at"], name="mass_change_created_at"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(plan__isnull=False) | Q(price__isnull=False) | Q(brand__isnull=False) | ~Q(country=""),
                name="a_mass_change_is_narrowed",
            ),
            models.CheckConstraint(
                condition=Q(new_plan__isnull=False) | Q(new_price__isnull=False),
                name="a_mass_change_changes_something",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="scheduled", started_at__isnull=True, completed_at__isnull=True, cancelled_at__isnull=True
                )
                | Q(status="running", started_at__isnull=False, completed_at__isnull=True, cancelled_at__isnull=True)
                | Q(status="completed", started_at__isnull=False, completed_at__isnull=False, cancelled_at__isnull=True)
                | Q(status="cancelled", started_at__isnull=True, completed_at__isnull=True, cancelled_at__isnull=False),
                name="a_mass_change_status_has_its_moments",
            ),
        ]

    def __str__(self) -> str:
        return f"mass change of {self.due_at:%Y-%m-%d %H:%M}"


class MassChangePart(models.Model):
    """One subscription of a mass change: it waits, or is settled once."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped: it had ended"

    id = id_field()
    mass_change = models.ForeignKey(MassChange, on_delete=models.CASCADE, related_name="parts")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="mass_change_parts")
    outcome = models.CharField(max_length=7, choices=Outcome.choices, default=Outcome.WAITING)
    reason = models.CharField(max_length=400, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["mass_change", "id"], condition=Q(outcome="waiting"), name="mass_change_parts_waiting")
        ]
        constraints = [
            models.UniqueConstraint(fields=["mass_change", "subscription"], name="one_part_per_subscription"),
            models.CheckConstraint(
                condition=Q(outcome="waiting", settled_at__isnull=True, reason="")
                | Q(outcome="done", settled_at__isnull=False, reason="")
                | (Q(outcome__in=["failed", "skipped"], settled_at__isnull=False) & ~Q(reason="")),
                name="a_settled_part_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.outcome}"
