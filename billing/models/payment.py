"""Payments, the attempts that lead to them, and receipts."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from core.fields import CurrencyField, id_field
from customers.models import Brand, Customer, PaymentMethod
from invoicing.models import Invoice, NumberSeries


class Payment(models.Model):
    """Money received, or on its way: recorded before the provider is called, settled after."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        COMPLETED = "completed", "Completed"
        DISPUTED = "disputed", "Disputed"
        PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
        FULLY_REFUNDED = "fully_refunded", "Fully refunded"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="payments")
    payment_method = models.ForeignKey(PaymentMethod, null=True, blank=True, on_delete=models.SET_NULL)
    provider = models.CharField(max_length=20)
    external_reference = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices)
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_reference"],
                condition=~Q(external_reference=""),
                name="one_payment_per_provider_reference",
            ),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status="pending"), name="one_pending_payment_per_invoice"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_is_positive"),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("amount_minor")),
                name="refunds_stay_within_the_payment",
            ),
            models.CheckConstraint(
                condition=Q(status="pending", completed_at__isnull=True)
                | ~Q(status="pending") & Q(completed_at__isnull=False),
                name="payment_completed_at_fits_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class PaymentAttempt(models.Model):
    """One try to charge an invoice: the row that carries the work, from before the call until its outcome is known."""

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        CALLING = "calling", "Calling the provider"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class FailureReason(models.TextChoices):
        EXPIRED_CARD = "expired_card", "Expired card"
        INVALID_DETAILS = "invalid_details", "Invalid details"
        FRAUD = "fraud", "Fraud"
        AUTHENTICATION_REQUIRED = "authentication_required", "Authentication required"
        INVALID_CARD = "invalid_card", "Invalid card"
        GENERAL_DECLINE = "general_decline", "General decline"
        CONTACT_PROVIDER = "contact_provider", "Contact the provider"
        LACK_OF_FUNDS = "lack_of_funds", "Lack of funds"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payment_attempts")
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts")
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts")
    payment_method = models.ForeignKey(PaymentMethod, null=True, blank=True, on_delete=models.SET_NULL)
    number = models.PositiveSmallIntegerField(help_text="1 for the first try of its invoice.")
    provider = models.CharField(max_length=20)
    idempotency_key = models.CharField(max_length=255, unique=True, help_text="Made from business facts.")
    status = models.CharField(max_length=10, choices=Status.choices)
    failure_reason = models.CharField(max_length=30, choices=FailureReason.choices, blank=True)
    failure_message = models.TextField(blank=True)
    is_hard = models.BooleanField(default=False, db_default=False, help_text="This card will never pay.")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    due_at = models.DateTimeField(help_text="When to try, by the customer's clock.")
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Wall clock: until then one worker holds it; after it the outcome is asked."
    )
    calls = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="When its unconfirmed charge was taken back at the provider; wall clock."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status="failed", failure_reason="authentication_required", withdrawn_at__isnull=True),
                name="payment_attempt_unconfirmed",
            ),
            models.Index(
                fields=["due_at"], condition=Q(status__in=["scheduled", "calling"]), name="payment_attempt_open"
            ),
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"], name="payment_attempt_status"),
            BrinIndex(fields=["created_at"], autosummarize=True, name="payment_attempt_created_at"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "number"], name="one_attempt_per_invoice_and_number"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=["scheduled", "calling"]),
                name="one_open_attempt_per_invoice",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="attempt_is_positive"),
            models.CheckConstraint(
                condition=Q(status="failed") & ~Q(failure_reason="") | ~Q(status="failed") & Q(failure_reason=""),
                name="attempt_failure_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.amount_minor} {self.currency}"


class FoundCharge(models.Model):
    """A charge that a provider has and the rows here do not show, as `reconcile` found it after a restore.

    Whoever claims the attempt with this key asks the provider first.
    """

    class Finding(models.TextChoices):
        WITHOUT_MONEY = "without_money", "Took no money"
        AHEAD = "ahead", "Taken up by the next run"
        UNKNOWN = "unknown", "Unknown here"
        DIFFERENT = "different", "Differs"

    id = id_field()
    provider = models.CharField(max_length=20)
    idempotency_key = models.CharField(max_length=255, unique=True)
    external_reference = models.CharField(max_length=255, blank=True)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    finding = models.CharField(max_length=20, choices=Finding.choices)
    outcome = models.CharField(max_length=30, help_text="What the provider said.")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField(help_text="What was taken, or may yet be.")
    wanted_minor = models.BigIntegerField(null=True, blank=True, help_text="What the rows here will ask for.")
    charged_at = models.DateTimeField(help_text="The provider's clock.")
    found_at = models.DateTimeField(help_text="Wall clock.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["customer", "-id"])]
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gte=0), name="found_charge_is_not_negative")]

    def __str__(self) -> str:
        return f"{self.finding} {self.amount_minor} {self.currency}"


class Receipt(models.Model):
    """Proof of a payment for the customer."""

    id = id_field()
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")
    series = models.ForeignKey(NumberSeries, on_delete=models.PROTECT, related_name="receipts")
    number_year = models.PositiveSmallIntegerField()
    sequence = models.PositiveBigIntegerField()
    number = models.CharField(max_length=80)
    issue_date = models.DateField()
    valid = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["series", "number_year", "sequence"], name="one_receipt_per_number"),
        ]

    def __str__(self) -> str:
        return self.number
