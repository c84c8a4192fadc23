"""What of the run waits for late usage before it is issued: grace periods (Billing rules, section 8)."""

from django.db import models
from django.db.models import F, Q

from core.fields import id_field
from customers.models import Customer
from subscriptions.models import Subscription


class WaitingStep(models.Model):
    """One due moment of a customer whose documents wait as drafts, until `finalize_at` or until they are finalised.

    The row carries the work: it goes when its documents are issued, in the same transaction. The drafts only show
    what they would be by now; a step that owes nothing yet waits without one.
    """

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="waiting_steps")
    moment = models.DateTimeField(help_text="The due moment its documents answer.")
    finalize_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["moment"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "moment"], name="a_due_moment_waits_once"),
            models.CheckConstraint(condition=Q(finalize_at__gt=F("moment")), name="a_step_waits_for_something"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.moment:%Y-%m-%d %H:%M}"


class WaitingPart(models.Model):
    """A subscription that a waiting step charges, and how far it was billed before."""

    id = id_field()
    step = models.ForeignKey(WaitingStep, on_delete=models.CASCADE, related_name="parts")
    subscription = models.OneToOneField(
        Subscription,
        on_delete=models.PROTECT,
        related_name="waiting_part",
        help_text="A subscription waits in one step at a time: its next one has the first issued.",
    )
    billed_from_at = models.DateTimeField(null=True, blank=True, help_text="Empty: nothing was billed before.")
    dirty_from = models.DateTimeField(null=True, blank=True, help_text="A backdated change that the step answers.")

    class Meta:
        ordering = ["step", "id"]

    def __str__(self) -> str:
        return str(self.subscription_id)
