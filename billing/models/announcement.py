"""What was announced before it happened; each once."""

from django.db import models
from django.db.models import Q

from core.fields import id_field
from customers.models import Customer, PaymentMethod
from subscriptions.models import Subscription


class Announcement(models.Model):
    """That a card expires, a trial ends or a subscription renews was told ahead, by a fact of the same moment."""

    class Kind(models.TextChoices):
        CARD_MONTH = "card_month", "Card expires this month"
        CARD_CHARGE = "card_charge", "Card that expires is charged tomorrow"
        TRIAL_ENDING = "trial_ending", "Trial ends"
        RENEWAL = "renewal", "Subscription renews"

    id = id_field()
    kind = models.CharField(max_length=15, choices=Kind.choices)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="announcements")
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.CASCADE, related_name="announcements"
    )
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.CASCADE, related_name="announcements"
    )
    about_at = models.DateTimeField(
        help_text="The end or the renewal; of a card 00:00 UTC on the first of the month in which it expires."
    )
    announced_at = models.DateTimeField(help_text="By the customer's clock.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["payment_method", "kind", "about_at"],
                condition=Q(payment_method__isnull=False),
                name="one_announcement_of_a_card",
            ),
            models.UniqueConstraint(
                fields=["subscription", "kind", "about_at"],
                condition=Q(subscription__isnull=False),
                name="one_announcement_of_a_subscription",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["card_month", "card_charge"], payment_method__isnull=False, subscription__isnull=True
                )
                | Q(kind__in=["trial_ending", "renewal"], payment_method__isnull=True, subscription__isnull=False),
                name="announcement_object_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
