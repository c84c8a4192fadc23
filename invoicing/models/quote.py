"""Quotes, and the lines somebody asked for by hand: on a quote, or on a draft that is not finalised yet."""

from django.db import models
from django.db.models import F, Q

from core.fields import CurrencyField, id_field
from customers.models import Customer
from invoicing.models.invoice import Invoice
from subscriptions.models import Plan, Price, Subscription, TaxType


class Quote(models.Model):
    """An offer to one customer: priced like an invoice, accepted once.

    The amounts are those of the last time it was written; accepting proposes it afresh, by the rules of then.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="quotes")
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    currency = CurrencyField()
    sub_total_minor = models.BigIntegerField(help_text="Net.")
    tax_total_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    lines = models.JSONField(help_text="What the invoice would say, as priced when the quote was written.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    invoice = models.OneToOneField(
        Invoice,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="quote",
        help_text="What accepting made: a draft until its charge succeeds.",
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    expiry_told_at = models.DateTimeField(null=True, blank=True, help_text="When the fact that it expired was told.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"], name="quote_status"),
            models.Index(fields=["created_at"], name="quote_created_at"),
            models.Index(
                fields=["expires_at"],
                condition=Q(status="open", expiry_told_at__isnull=True),
                name="quote_open_expiry",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(total_minor=F("sub_total_minor") + F("tax_total_minor")), name="quote_total_is_net_and_tax"
            ),
            models.CheckConstraint(
                condition=Q(status="open", accepted_at__isnull=True)
                | Q(status="accepted", accepted_at__isnull=False, invoice__isnull=False),
                name="an_accepted_quote_has_its_invoice",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)


class RequestedLine(models.Model):
    """A line asked for by hand: a plan's price with seats, or an item with an amount of its own."""

    id = id_field()
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.CASCADE, related_name="requested_lines"
    )
    quote = models.ForeignKey(Quote, null=True, blank=True, on_delete=models.CASCADE, related_name="requested_lines")
    position = models.PositiveSmallIntegerField()
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField(null=True, blank=True)
    subscription = models.ForeignKey(
        Subscription,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="What an accepted quote started.",
    )
    description = models.CharField(max_length=400, blank=True)
    currency = CurrencyField()
    amount_minor = models.BigIntegerField(null=True, blank=True)
    including_tax = models.BooleanField(default=False)
    tax_type = models.ForeignKey(TaxType, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="one_requested_line_per_place_of_a_draft"),
            models.UniqueConstraint(fields=["quote", "position"], name="one_requested_line_per_place_of_a_quote"),
            models.CheckConstraint(
                condition=Q(invoice__isnull=True, quote__isnull=False) | Q(invoice__isnull=False, quote__isnull=True),
                name="a_requested_line_is_on_one_paper",
            ),
            models.CheckConstraint(
                condition=Q(
                    plan__isnull=False, price__isnull=False, seats__gt=0, amount_minor__isnull=True, description=""
                )
                | Q(plan__isnull=True, price__isnull=True, seats__isnull=True, amount_minor__gt=0) & ~Q(description=""),
                name="a_requested_line_is_a_price_or_an_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.description or f"{self.plan} x {self.seats}"
