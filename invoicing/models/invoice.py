"""Invoices and their lines."""

from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from core.fields import CurrencyField, RateField, UnitPriceField, id_field
from customers.models import Brand, Customer, PaymentMethod
from invoicing.models.numbering import NumberSeries
from subscriptions.models import Subscription, SubscriptionItem


class Invoice(models.Model):
    """What a customer owes for one due moment; once finalised only its payment state moves."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        VOID = "void", "Void"
        UNCOLLECTIBLE = "uncollectible", "Uncollectible"

    class Origin(models.TextChoices):
        START = "start", "Start of a subscription"
        CYCLE = "cycle", "Billing cycle"
        CHANGE = "change", "Change of a subscription"
        FINAL = "final", "End of a subscription"
        MANUAL = "manual", "Made by hand"
        QUOTE = "quote", "Accepted quote"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    status = models.CharField(max_length=15, choices=Status.choices)
    currency = CurrencyField()
    series = models.ForeignKey(NumberSeries, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices")
    number_year = models.PositiveSmallIntegerField(null=True, blank=True)
    sequence = models.PositiveBigIntegerField(null=True, blank=True)
    number = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001 - a draft has none, and many drafts may stand
    due_moment_at = models.DateTimeField(help_text="The due moment this invoice answers.")
    issue_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    supply_start = models.DateTimeField(null=True, blank=True)
    supply_end = models.DateTimeField(null=True, blank=True)
    sub_total_minor = models.BigIntegerField(help_text="Net.")
    discount_total_minor = models.BigIntegerField(default=0)
    tax_total_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    balance_applied_minor = models.BigIntegerField(default=0, help_text="Positive: credit used; negative: debit taken.")
    amount_paid_minor = models.BigIntegerField(default=0)
    amount_credited_minor = models.BigIntegerField(default=0, help_text="Credit notes against what was due.")
    written_off_minor = models.BigIntegerField(
        default=0, db_default=0, help_text="Given up as uncollectible and not paid since."
    )
    amount_due_minor = models.BigIntegerField()
    billing_type = models.CharField(max_length=10, choices=Customer.BillingType.choices)
    payment_method = models.ForeignKey(PaymentMethod, null=True, blank=True, on_delete=models.SET_NULL)
    seller = models.JSONField(help_text="The brand's identity as of issue.")
    buyer = models.JSONField(help_text="The customer's identity as of issue.")
    locale = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=60)
    notes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    finalized_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    uncollectible_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["status", "-id"]),
            BrinIndex(fields=["created_at"], autosummarize=True, name="invoice_created_at"),
            models.Index(fields=["customer"], condition=Q(status="draft"), name="invoice_drafts"),
            models.Index(
                fields=["brand", "issue_date"], condition=Q(issue_date__isnull=False), name="invoice_issued_on"
            ),
            models.Index(fields=["due_date"], condition=Q(status="open"), name="invoice_open_due_date"),
            GinIndex(OpClass(Upper("number"), name="gin_trgm_ops"), name="invoice_number_trgm"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "number_year", "sequence"], name="one_invoice_per_number"),
            models.UniqueConstraint(fields=["brand", "number"], name="invoice_number_is_unique_in_its_brand"),
            models.CheckConstraint(
                condition=Q(status="draft", number__isnull=True, sequence__isnull=True, finalized_at__isnull=True)
                | ~Q(status="draft")
                & Q(number__isnull=False, sequence__isnull=False, finalized_at__isnull=False, issue_date__isnull=False),
                name="invoice_number_fits_status",
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("sub_total_minor") + F("tax_total_minor")),
                name="invoice_total_is_net_and_tax",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_due_minor=F("total_minor")
                    - F("balance_applied_minor")
                    - F("amount_paid_minor")
                    - F("amount_credited_minor")
                    - F("written_off_minor")
                ),
                name="invoice_amount_due_adds_up",
            ),
            models.CheckConstraint(condition=Q(amount_due_minor__gte=0), name="invoice_amount_due_not_negative"),
            models.CheckConstraint(
                condition=(Q(status="paid", paid_at__isnull=False, amount_due_minor=0)) | ~Q(status="paid"),
                name="invoice_paid_has_nothing_due",
            ),
            models.CheckConstraint(
                condition=Q(written_off_minor=0) | Q(written_off_minor__gt=0, status="uncollectible"),
                name="only_an_uncollectible_invoice_is_written_off",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["void", "uncollectible"]) | Q(amount_due_minor=0),
                name="a_closed_invoice_asks_for_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.number or "draft"


class InvoiceLine(models.Model):
    """One charge with its proof."""

    class Kind(models.TextChoices):
        RECURRING = "recurring", "Recurring"
        ONE_OFF = "one_off", "One-off"
        USAGE = "usage", "Usage"
        SEATS = "seats", "Seats"
        MINIMUM = "minimum", "Minimum commitment"
        CREDIT = "credit", "Credit for unused time"
        MANUAL = "manual", "Made by hand"

    id = id_field()
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    subscription = models.ForeignKey(Subscription, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(SubscriptionItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    tier = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    description = models.CharField(max_length=400)
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    unit_price = UnitPriceField(null=True, blank=True, help_text="Minor units; empty when no single price applies.")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField(help_text="Before discount, in the price's own mode (with or without tax).")
    discount_minor = models.BigIntegerField(default=0)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField()
    deferred_minor = models.BigIntegerField(
        db_default=0, default=0, help_text="What of the net went to deferred revenue; the rest is revenue."
    )
    including_tax = models.BooleanField()
    tax_rate = RateField(help_text="Percent.")
    tax_category = models.CharField(max_length=2)
    tax_country = models.CharField(max_length=2, blank=True)
    proof = models.JSONField(help_text="The inputs that make this amount again.")
    corrects = models.ForeignKey(
        Invoice,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="correcting_lines",
        help_text="The invoice whose line is given back or charged again.",
    )

    class Meta:
        ordering = ["invoice", "position"]
        # Who recognises revenue asks for what is not yet over; lines are stored in the order of their periods, nearly.
        indexes = [
            BrinIndex(fields=["period_end"], autosummarize=True, name="invoice_line_period_end"),
            models.Index(fields=["corrects"], condition=Q(corrects__isnull=False), name="invoice_line_corrects"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "period_start", "kind", "tier", "revision"], name="a_charge_is_billed_once"
            ),
            models.CheckConstraint(
                condition=Q(gross_minor=F("net_minor") + F("tax_minor")), name="line_gross_is_net_and_tax"
            ),
            models.CheckConstraint(
                condition=Q(including_tax=False, net_minor=F("amount_minor") - F("discount_minor"))
                | Q(including_tax=True, gross_minor=F("amount_minor") - F("discount_minor")),
                name="line_amount_less_discount_is_charged",
            ),
        ]

    def __str__(self) -> str:
        return self.description
