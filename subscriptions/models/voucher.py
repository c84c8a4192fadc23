"""Vouchers, and who redeemed them."""

from django.db import models
from django.db.models.functions import Upper

from core.fields import CurrencyField, RateField, id_field
from customers.models import Customer
from subscriptions.models.catalogue import Plan
from subscriptions.models.subscription import Subscription


class Voucher(models.Model):
    """A discount or credit that customers redeem (Billing rules, section 6)."""

    class Type(models.TextChoices):
        PERCENTAGE = "percentage", "Percentage"
        FIXED_DISCOUNT = "fixed_discount", "Fixed discount"
        FIXED_CREDIT = "fixed_credit", "Fixed credit"

    class Entry(models.TextChoices):
        MANUAL = "manual", "Manual"
        AUTOMATIC = "automatic", "Automatic"

    class Duration(models.TextChoices):
        ONCE = "once", "Once"
        REPEATING = "repeating", "Repeating"
        FOREVER = "forever", "Forever"

    id = id_field()
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=20, choices=Type.choices)
    entry = models.CharField(max_length=10, choices=Entry.choices, default=Entry.MANUAL)
    code = models.CharField(max_length=60, blank=True)
    event = models.CharField(max_length=40, blank=True, help_text="What triggers an automatic voucher.")
    percent = RateField(null=True, blank=True)
    duration = models.CharField(max_length=10, choices=Duration.choices, default=Duration.ONCE)
    duration_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Invoices, when repeating.")
    plans = models.ManyToManyField(Plan, blank=True, related_name="vouchers", help_text="Empty: every plan.")
    expires_at = models.DateTimeField(null=True, blank=True)
    maximum_redemptions = models.PositiveIntegerField(null=True, blank=True)
    once_per_customer = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                Upper("code"), condition=~models.Q(code=""), name="voucher_code_is_unique_in_any_case"
            ),
            models.CheckConstraint(
                condition=models.Q(entry="manual", event="") & ~models.Q(code="")
                | models.Q(entry="automatic", code="") & ~models.Q(event=""),
                name="voucher_has_a_code_or_an_event",
            ),
            models.CheckConstraint(
                condition=models.Q(type="percentage", percent__gt=0, percent__lte=100)
                | (~models.Q(type="percentage") & models.Q(percent__isnull=True)),
                name="voucher_percent_fits_type",
            ),
            models.CheckConstraint(
                condition=models.Q(duration="repeating", duration_count__gte=1)
                | (~models.Q(duration="repeating") & models.Q(duration_count__isnull=True)),
                name="voucher_count_fits_duration",
            ),
        ]

    def __str__(self) -> str:
        return self.code or self.name


class VoucherAmount(models.Model):
    """A voucher's amount and minimum in one currency."""

    id = id_field()
    voucher = models.ForeignKey(Voucher, on_delete=models.CASCADE, related_name="amounts")
    currency = CurrencyField()
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True)
    minimum_minor = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Below this discountable sum the voucher waits."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["voucher", "currency"], name="one_voucher_amount_per_currency")]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class VoucherRedemption(models.Model):
    """A customer's use of a voucher, with what is left of it."""

    id = id_field()
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="redemptions")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="redemptions")
    remaining = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Invoices still to discount; empty: forever."
    )
    redeemed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer"], condition=models.Q(ended_at__isnull=True), name="redemption_running")
        ]

    def __str__(self) -> str:
        return f"{self.voucher} by {self.customer}"


class RedemptionPeriod(models.Model):
    """The newest period of a subscription that a repeating voucher counted: invoices inside it share the discount."""

    id = id_field()
    redemption = models.ForeignKey(VoucherRedemption, on_delete=models.CASCADE, related_name="periods")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="+")
    until_at = models.DateTimeField(help_text="The end of the period.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["redemption", "subscription"], name="one_counted_period_per_redemption_and_subscription"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} until {self.until_at:%Y-%m-%d}"
