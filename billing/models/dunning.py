"""What is done about an invoice that is not paid: one process, and the steps it took."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from billing.domain.dunning import FinishWith, Plan, ProcessKind
from billing.models.payment import PaymentAttempt
from core.fields import id_field
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice


class DunningProcess(models.Model):
    """The row that carries the work on one unpaid invoice; it keeps the policy that it began with."""

    class Kind(models.TextChoices):
        CARD = "card", "Declined card"
        OVERDUE = "overdue", "Overdue invoice"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        RECOVERED = "recovered", "Recovered"
        CLOSED = "closed", "Closed: void or given up"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"

    class FinishWith(models.TextChoices):
        CANCEL = "cancel", "Cancel, credit the unused days, give up the rest"
        UNCOLLECTIBLE = "uncollectible", "Give up the invoice"
        KEEP = "keep", "Keep the invoice open"
        DISABLE = "disable", "Disable the customer"

    class NextStep(models.TextChoices):
        NONE = "", "Nothing: an outcome is waited for, or it is over"
        RETRY = "retry", "Try the card again"
        REMIND = "remind", "Remind"
        FINISH = "finish", "Finish"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="dunning_processes")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="dunning_processes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=10, choices=Status.choices)
    days = ArrayField(
        models.PositiveSmallIntegerField(), blank=True, help_text="Of retries or reminders, after its start."
    )
    finish_with = models.CharField(max_length=15, choices=FinishWith.choices)
    finish_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days to the end; empty: with the last retry or reminder."
    )
    time_zone = models.CharField(max_length=60, help_text="Whose days they are.")
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.SET_NULL, help_text="The card that is tried next."
    )
    last_reason = models.CharField(max_length=30, choices=PaymentAttempt.FailureReason.choices, blank=True)
    next_step = models.CharField(max_length=10, choices=NextStep.choices, blank=True)
    next_number = models.PositiveSmallIntegerField(default=0, help_text="Which retry or reminder comes next.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="By the customer's clock.")
    started_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="How often its step could not be done.")
    failure = models.TextField(blank=True)
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Wall clock: set after a failure; not tried before."
    )

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "dunning processes"
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="dunning_due"),
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["invoice"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status="open"), name="one_open_dunning_process_per_invoice"
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True)
                | ~Q(status="open") & Q(closed_at__isnull=False, next_at__isnull=True),
                name="dunning_closed_at_fits_status",
            ),
            models.CheckConstraint(
                condition=Q(next_step="", next_at__isnull=True) | ~Q(next_step="") & Q(next_at__isnull=False),
                name="dunning_next_at_fits_next_step",
            ),
            models.CheckConstraint(
                condition=Q(kind="card", finish_with__in=["cancel", "uncollectible", "keep"])
                | Q(kind="overdue", finish_with__in=["disable", "keep"]),
                name="dunning_finish_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.invoice}"

    @property
    def plan(self) -> Plan:
        """Return what it is going to do, as the pure code takes it."""
        return Plan(
            ProcessKind(self.kind),
            self.started_at,
            self.time_zone,
            tuple(self.days),
            FinishWith(self.finish_with),
            self.finish_days,
        )


class ParkedInvoice(models.Model):
    """An overdue invoice whose process could not begin, with the reason; tried again at `retry_at`."""

    invoice = models.OneToOneField(Invoice, primary_key=True, on_delete=models.CASCADE, related_name="parked")
    reason = models.TextField()
    failures = models.PositiveIntegerField(default=1)
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    retry_at = models.DateTimeField(help_text="Wall clock: not tried before.")

    class Meta:
        ordering = ["-last_failed_at"]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.reason[:80]}"


class DunningStep(models.Model):
    """One thing a process did: each retry with its attempt, each reminder, its end; none twice."""

    class Kind(models.TextChoices):
        BEGIN = "begin", "Began"
        RETRY = "retry", "Card tried again"
        NEW_CARD = "new_card", "New card tried"
        HAND = "hand", "Tried by hand"
        REMIND = "remind", "Reminded"
        FINISH = "finish", "Finished"
        RECOVER = "recover", "Paid"
        CLOSE = "close", "Closed"
        STOP = "stop", "Stopped"

    id = id_field()
    process = models.ForeignKey(DunningProcess, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    number = models.PositiveSmallIntegerField(default=0, help_text="Of the retry or reminder; 0 for what has none.")
    attempt = models.OneToOneField(
        PaymentAttempt, null=True, blank=True, on_delete=models.PROTECT, related_name="dunning_step"
    )
    details = models.CharField(max_length=200, blank=True)
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["process", "kind", "number"],
                condition=~Q(kind__in=["new_card", "hand"]),
                name="no_dunning_step_twice",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["retry", "new_card", "hand"], attempt__isnull=False)
                | ~Q(kind__in=["retry", "new_card", "hand"]) & Q(attempt__isnull=True),
                name="every_dunning_retry_has_its_attempt",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
