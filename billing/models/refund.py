"""Money given back from a payment."""

from django.db import models
from django.db.models import F, Q

from billing.models.payment import Payment
from core.fields import CurrencyField, id_field
from customers.models import Customer
from invoicing.models import CreditNote


class Refund(models.Model):
    """One amount given back from one payment: the row that carries the work, from before the call until it is settled.

    What it pays out was given back on paper before: by the credit note named, and by the customer's balance for
    `from_balance_minor` of it.
    """

    class Status(models.TextChoices):
        STARTED = "started", "Started"
        AUTHORISED = "authorised", "Authorised"
        ISSUED = "issued", "Issued"
        REJECTED = "rejected", "Rejected"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    credit_note = models.ForeignKey(CreditNote, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    number = models.PositiveSmallIntegerField(help_text="1 for the first refund of its payment.")
    provider = models.CharField(max_length=20)
    idempotency_key = models.CharField(max_length=400, unique=True, help_text="Made from business facts.")
    external_reference = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    from_balance_minor = models.BigIntegerField(default=0, help_text="The part taken from the customer's balance.")
    reason = models.CharField(max_length=200, blank=True)
    failure_message = models.TextField(blank=True)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Wall clock: until then one worker holds it; after it the outcome is asked."
    )
    calls = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"], name="refund_status"),
            models.Index(fields=["created_at"], name="refund_created_at"),
            models.Index(fields=["lease_until"], condition=Q(status__in=["started", "authorised"]), name="refund_open"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["payment", "number"], name="one_refund_per_payment_and_number"),
            models.UniqueConstraint(
                fields=["provider", "external_reference"],
                condition=~Q(external_reference=""),
                name="one_refund_per_provider_reference",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_is_positive"),
            models.CheckConstraint(
                condition=Q(from_balance_minor__gte=0, from_balance_minor__lte=F("amount_minor")),
                name="refund_takes_no_more_from_the_balance",
            ),
            models.CheckConstraint(
                condition=Q(credit_note__isnull=False) | Q(from_balance_minor=F("amount_minor")),
                name="refund_is_given_back_on_paper",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["issued", "rejected"], settled_at__isnull=False)
                | Q(status__in=["started", "authorised"], settled_at__isnull=True),
                name="refund_settled_at_fits_status",
            ),
            models.CheckConstraint(
                condition=Q(status="rejected") & ~Q(failure_message="") | ~Q(status="rejected") & Q(failure_message=""),
                name="refund_rejected_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
