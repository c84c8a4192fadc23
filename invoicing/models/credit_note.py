"""Credit notes and the lines they reverse."""

from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from core.fields import CurrencyField, RateField, id_field
from customers.models import Brand, Customer
from invoicing.models.invoice import Invoice, InvoiceLine
from invoicing.models.numbering import NumberSeries
from subscriptions.models import Subscription, SubscriptionItem


class CreditNote(models.Model):
    """An amount given back on paper; never changed once issued. Amounts are positive.

    One that `voids` another is that one turned round: its amounts are negative.
    """

    class Origin(models.TextChoices):
        CHANGE = "change", "Change of a subscription"
        CYCLE = "cycle", "Billing cycle"
        VOID = "void", "Voided invoice"
        REFUND = "refund", "Refund"
        MANUAL = "manual", "Made by hand"
        REVERSAL = "reversal", "Voided credit note"

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="credit_notes")
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    currency = CurrencyField()
    series = models.ForeignKey(NumberSeries, on_delete=models.PROTECT, related_name="credit_notes")
    number_year = models.PositiveSmallIntegerField()
    sequence = models.PositiveBigIntegerField()
    number = models.CharField(max_length=80)
    issue_date = models.DateField()
    sub_total_minor = models.BigIntegerField()
    tax_total_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    to_invoices_minor = models.BigIntegerField(help_text="What lowered open invoices.")
    to_balance_minor = models.BigIntegerField(help_text="What went to the customer's balance.")
    refunded_minor = models.BigIntegerField(default=0, help_text="What was paid out.")
    seller = models.JSONField()
    buyer = models.JSONField()
    locale = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    rebills = models.BooleanField(
        default=False, db_default=False, help_text="A void whose lines the next run bills again."
    )
    voids = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="voided_by",
        help_text="The credit note that this one takes back.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["customer", "-id"]),
            models.Index(fields=["origin", "-id"], name="credit_note_origin"),
            models.Index(fields=["created_at"], name="credit_note_created_at"),
            GinIndex(OpClass(Upper("number"), name="gin_trgm_ops"), name="credit_note_number_trgm"),
            models.Index(fields=["brand", "issue_date"], name="credit_note_issued_on"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "number_year", "sequence"], name="one_credit_note_per_number"),
            models.UniqueConstraint(fields=["brand", "number"], name="credit_note_number_is_unique_in_its_brand"),
            models.CheckConstraint(
                condition=Q(total_minor=F("sub_total_minor") + F("tax_total_minor")),
                name="credit_note_total_is_net_and_tax",
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("to_invoices_minor") + F("to_balance_minor") + F("refunded_minor")),
                name="credit_note_is_given_back_whole",
            ),
            models.CheckConstraint(condition=Q(rebills=False) | Q(origin="void"), name="only_a_void_bills_again"),
            models.CheckConstraint(
                condition=Q(origin="reversal", voids__isnull=False) | ~Q(origin="reversal") & Q(voids__isnull=True),
                name="only_a_reversal_voids_a_credit_note",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class CreditNoteLine(models.Model):
    """One reversed charge; amounts carry the sign of what was proposed (a credit is negative).

    A credit that a proposal made is a charge of its own, with a key of its own. One made by hand, by a refund or by a
    void names the line of the invoice that it gives back, whole or in part, under that line's key: it is no charge.
    """

    id = id_field()
    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    invoice = models.ForeignKey(
        Invoice,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="credit_lines",
        help_text="The invoice whose line is reversed.",
    )
    invoice_line = models.ForeignKey(
        InvoiceLine,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="credit_lines",
        help_text="The line given back; empty for a credit that a proposal made.",
    )
    position = models.PositiveIntegerField()
    subscription = models.ForeignKey(Subscription, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(SubscriptionItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    tier = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    description = models.CharField(max_length=400)
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField()
    deferred_minor = models.BigIntegerField(
        db_default=0, default=0, help_text="What of the net went to deferred revenue; the rest is revenue."
    )
    including_tax = models.BooleanField()
    tax_rate = RateField()
    tax_category = models.CharField(max_length=2)
    tax_country = models.CharField(max_length=2, blank=True)
    proof = models.JSONField()

    class Meta:
        ordering = ["credit_note", "position"]
        indexes = [BrinIndex(fields=["period_end"], autosummarize=True, name="credit_line_period_end")]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "period_start", "kind", "tier", "revision"],
                condition=Q(invoice_line__isnull=True),
                name="a_charge_is_credited_once",
            ),
            models.CheckConstraint(
                condition=Q(gross_minor=F("net_minor") + F("tax_minor")), name="credit_line_gross_is_net_and_tax"
            ),
        ]

    def __str__(self) -> str:
        return self.description
