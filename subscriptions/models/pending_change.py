"""Changes that wait for their moment."""

from django.db import models
from django.db.models import Q

from core.fields import id_field
from subscriptions.domain.pending import ChangeKind
from subscriptions.models.catalogue import Plan, Price
from subscriptions.models.subscription import Subscription, SubscriptionItem


class PendingChange(models.Model):
    """A change of plan and price, of seats or of an add-on that waits until `due_at`; then it is settled once."""

    class Outcome(models.TextChoices):
        APPLIED = "applied", "Applied"
        REVOKED = "revoked", "Revoked"
        REPLACED = "replaced", "Replaced by a newer one"
        FAILED = "failed", "The terms could not take it"

    KINDS = [(kind.value, kind.value.capitalize()) for kind in ChangeKind]

    id = id_field()
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="pending_changes")
    kind = models.CharField(max_length=5, choices=KINDS)
    item = models.ForeignKey(SubscriptionItem, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField()
    at_boundary = models.BooleanField(help_text="At the end of the period, wherever a pause moves it.")
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: as it is; 0 ends an add-on.")
    proration = models.CharField(max_length=12, choices=Price.Proration.choices, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    failure = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "kind", "item"],
                condition=Q(settled_at__isnull=True),
                nulls_distinct=False,
                name="one_pending_change_per_kind",
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, outcome="") | (Q(settled_at__isnull=False) & ~Q(outcome="")),
                name="a_settled_change_says_how",
            ),
            models.CheckConstraint(
                condition=Q(kind="plan", plan__isnull=False, price__isnull=False)
                | Q(kind="seats", quantity__gte=1)
                | Q(kind="item", item__isnull=False),
                name="a_pending_change_names_what_changes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subscription_id} on {self.due_at:%Y-%m-%d}"
