"""The customer: the row that is locked for everything that touches that customer's money."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from core.fields import RateField, id_field
from core.models import TestClock
from customers.models.brand import Brand


def _trigram(name: str) -> GinIndex:
    """Return a trigram index for a case-insensitive search anywhere in a column."""
    return GinIndex(OpClass(Upper(name), name="gin_trgm_ops"), name=f"customer_{name[:15]}_trgm")


class Customer(models.Model):
    """Somebody who is billed."""

    class BillingType(models.TextChoices):
        CARD = "card", "Card"
        INVOICE = "invoice", "Invoice"

    class Type(models.TextChoices):
        INDIVIDUAL = "individual", "Individual"
        BUSINESS = "business", "Business"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Disabled"

    class TaxNumberCheck(models.TextChoices):
        NONE = "", "No tax number"
        MALFORMED = "malformed", "Malformed"
        FORMAT = "format", "Format passes"
        CONFIRMED = "confirmed", "Confirmed online"
        REFUSED = "refused", "Refused online"

    id = id_field()
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="customers")
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    billing_type = models.CharField(max_length=10, choices=BillingType.choices, default=BillingType.CARD)
    type = models.CharField(max_length=10, choices=Type.choices, default=Type.INDIVIDUAL)
    reference = models.CharField(max_length=255, blank=True)
    external_reference = models.CharField(max_length=255, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    street_line_one = models.CharField(max_length=200, blank=True)
    street_line_two = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=120, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    tax_number = models.CharField(max_length=40, blank=True)
    tax_number_check = models.CharField(
        max_length=10, choices=TaxNumberCheck.choices, default=TaxNumberCheck.NONE, blank=True
    )
    tax_exempt = models.BooleanField(default=False)
    standard_tax_rate = RateField(null=True, blank=True)
    digital_tax_rate = RateField(null=True, blank=True)
    locale = models.CharField(max_length=10, default="en")
    time_zone = models.CharField(max_length=60, blank=True, help_text="Empty: the brand's.")
    invoice_format = models.CharField(max_length=10, default="pdf")
    buyer_reference = models.CharField(max_length=100, blank=True)
    marketing_opt_in = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
    test_clock = models.ForeignKey(TestClock, null=True, blank=True, on_delete=models.PROTECT, related_name="customers")
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_by = models.CharField(
        max_length=20,
        blank=True,
        db_default="",
        help_text="What disabled it: usage_limit, overdue; empty: a person.",
    )
    erased_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing here tells who it was.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            _trigram("email"),
            _trigram("reference"),
            _trigram("external_reference"),
            _trigram("company_name"),
            _trigram("name"),
            models.Index(fields=["country", "-id"]),
            models.Index(fields=["reference"], name="customer_reference", condition=~models.Q(reference="")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="active", disabled_at__isnull=True, disabled_by="")
                | models.Q(status="disabled", disabled_at__isnull=False),
                name="customer_disabled_at_fits_status",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True)
                | models.Q(
                    email="", name="", company_name="", reference="", street_line_one="", city="", tax_number=""
                ),
                name="an_erased_customer_is_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.company_name or self.name or self.email or str(self.id)

    @property
    def zone(self) -> str:
        """Return the zone in which this customer's calendar runs."""
        return self.time_zone or self.brand.time_zone


class DisabledStretch(models.Model):
    """A time in which a customer was disabled and charged nothing: boundaries passed meanwhile are never billed."""

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="disabled_stretches")
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(to_at__gte=models.F("from_at")), name="disabled_before_enabled")
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d} - {self.to_at:%Y-%m-%d}"
