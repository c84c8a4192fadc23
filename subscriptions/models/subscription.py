"""Subscriptions with their items, and the versions of their terms."""

from typing import ClassVar

from django.db import models

from core.fields import CurrencyField, WallTimeField, id_field
from customers.models import Customer, PaymentMethod
from subscriptions.domain.lifecycle import Status
from subscriptions.models.catalogue import Plan, Price


class Subscription(models.Model):
    """What one customer agreed to; its history stands in its terms."""

    class CancelRefund(models.TextChoices):
        NONE = "none", "Nothing"
        FULL = "full", "What was paid for the period"
        PRORATE = "prorate", "What is unused of it"
        CREDIT = "credit", "What is unused of it, not paid out"

    STATUSES: ClassVar = [(status.value, status.value.replace("_", " ").capitalize()) for status in Status]

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    currency = CurrencyField()
    status = models.CharField(max_length=30, choices=STATUSES)
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.SET_NULL, help_text="Empty: the customer's default."
    )
    started_at = models.DateTimeField()
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField(null=True, blank=True, help_text="Empty: nothing recurs.")
    billed_to_at = models.DateTimeField(
        null=True, blank=True, help_text="The last due moment whose charges are on an invoice."
    )
    next_due_at = models.DateTimeField(null=True, blank=True, help_text="Empty: nothing is ahead.")
    dirty_from = models.DateTimeField(null=True, blank=True, help_text="Start of a backdated change not yet billed.")
    trial_end_at = models.DateTimeField(null=True, blank=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    cancel_refund = models.CharField(
        max_length=8,
        choices=CancelRefund.choices,
        blank=True,
        default="",
        db_default="",
        help_text="What its end gives back.",
    )
    cancelled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    main_external_reference = models.CharField(max_length=255, blank=True)
    child_external_reference = models.CharField(max_length=255, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"]),
            models.Index(fields=["plan", "-id"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="cancelled", ended_at__isnull=False)
                | (~models.Q(status="cancelled") & models.Q(cancelled_at__isnull=True)),
                name="subscription_cancelled_has_ended",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="pending_cancel") | models.Q(cancel_at__isnull=False),
                name="subscription_pending_cancel_has_a_date",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="trial_active") | models.Q(trial_end_at__isnull=False),
                name="subscription_trial_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} of {self.customer}"


class SubscriptionTerms(models.Model):
    """One version of when a subscription runs: its phase, plan and calendar; append-only.

    A version holds from `from_at` until the next version's. Boundaries are `anchor_wall + n intervals` in `time_zone`.
    """

    class Phase(models.TextChoices):
        TRIAL = "trial", "Trial"
        PAID = "paid", "Paid"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"

    class Alignment(models.TextChoices):
        ANNIVERSARY = "anniversary", "Anniversary"
        CALENDAR = "calendar", "Calendar"

    class Resumption(models.TextChoices):
        SHIFT = "shift", "Boundaries move by the days paused"
        KEEP = "keep", "Boundaries stay"

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="terms")
    version = models.PositiveIntegerField()
    from_at = models.DateTimeField()
    phase = models.CharField(max_length=10, choices=Phase.choices)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    anchor_wall = WallTimeField()
    interval = models.CharField(max_length=10, choices=Price.Interval.choices)
    interval_count = models.PositiveSmallIntegerField()
    time_zone = models.CharField(max_length=60)
    alignment = models.CharField(max_length=12, choices=Alignment.choices, default=Alignment.ANNIVERSARY)
    resumes = models.CharField(
        max_length=5,
        choices=Resumption.choices,
        blank=True,
        default="",
        db_default="",
        help_text="How the pause before it ends.",
    )
    credits_unused = models.BooleanField(
        default=False, db_default=False, help_text="What was paid beyond this end is given back."
    )
    reason = models.CharField(max_length=60)
    actor = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["subscription", "version"]
        indexes = [
            models.Index(
                fields=["subscription"],
                name="terms_of_a_year_or_longer",
                condition=models.Q(phase="paid")
                & (
                    models.Q(interval="year")
                    | models.Q(interval="month", interval_count__gte=12)
                    | models.Q(interval="week", interval_count__gte=52)
                    | models.Q(interval="day", interval_count__gte=365)
                ),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "version"], name="one_version_of_subscription_terms")
        ]
        verbose_name_plural = "subscription terms"

    def __str__(self) -> str:
        return f"{self.phase} from {self.from_at:%Y-%m-%d}"


class SubscriptionItem(models.Model):
    """One thing charged by a subscription: its plan price (position 0) or an add-on."""

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["subscription", "position"]
        constraints = [models.UniqueConstraint(fields=["subscription", "position"], name="one_item_per_position")]

    def __str__(self) -> str:
        return f"item {self.position} of {self.subscription_id}"


class ItemTerms(models.Model):
    """One version of what an item costs: price and quantity; append-only. Seat changes are rows of it."""

    class Change(models.TextChoices):
        STARTED = "started", "Started"
        PRICE = "price", "Price changed"
        SEATS_ADDED = "added", "Seats added"
        SEATS_REMOVED = "removed", "Seats removed"
        ENDED = "ended", "Ended"

    id = id_field()
    item = models.ForeignKey(SubscriptionItem, on_delete=models.CASCADE, related_name="terms")
    version = models.PositiveIntegerField()
    from_at = models.DateTimeField()
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(help_text="Seats from this moment on; 0 once ended.")
    delta = models.IntegerField(help_text="Seats added or removed by this change.")
    change = models.CharField(max_length=10, choices=Change.choices)
    proration = models.CharField(max_length=12, choices=Price.Proration.choices, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["item", "version"]
        constraints = [models.UniqueConstraint(fields=["item", "version"], name="one_version_of_item_terms")]
        verbose_name_plural = "item terms"

    def __str__(self) -> str:
        return f"{self.quantity} x {self.price_id} from {self.from_at:%Y-%m-%d}"


class SubscriptionEvent(models.Model):
    """A status that was left for another: what was done, when, by whom."""

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="events")
    from_status = models.CharField(max_length=30, blank=True)
    to_status = models.CharField(max_length=30)
    action = models.CharField(max_length=40)
    actor = models.CharField(max_length=200, blank=True)
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["subscription", "id"])]

    def __str__(self) -> str:
        return f"{self.action}: {self.from_status} → {self.to_status}"
