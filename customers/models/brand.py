"""The seller as its customers see it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.fields import CurrencyField, id_field
from customers.domain.announcement_policy import RENEWAL_DAYS, TRIAL_DAYS, AnnouncementPolicy
from customers.domain.dunning_policy import (
    DISABLE_AFTER_DAYS,
    REMINDER_DAYS,
    RETRY_DAYS,
    DunningPolicy,
    FinalAction,
)


def default_retry_days() -> list[int]:
    """Return the days after a declined charge at which it is tried again."""
    return list(RETRY_DAYS)


def default_reminder_days() -> list[int]:
    """Return the days after the due date at which an invoice customer is reminded."""
    return list(REMINDER_DAYS)


class Brand(models.Model):
    """A seller: its legal identity, looks, calendar and billing habits."""

    class TaxPoint(models.TextChoices):
        PERIOD_START = "period_start", "Period start"
        PERIOD_END = "period_end", "Period end"
        ISSUE = "issue", "Issue date"
        DEFAULT = "", "Period start in advance, period end in arrears"

    class Export(models.TextChoices):
        ZERO_RATED = "zero_rated", "Zero rated"
        SELLER_RATE = "seller_rate", "Seller's rate"

    class Group(models.TextChoices):
        CUSTOMER = "customer", "One invoice of a customer's day"
        SUBSCRIPTION = "subscription", "One invoice of each subscription"

    class DunningAction(models.TextChoices):
        CANCEL = FinalAction.CANCEL.value, "Cancel, credit the unused days, give up the rest"
        UNCOLLECTIBLE = FinalAction.UNCOLLECTIBLE.value, "Give up the invoice"
        KEEP = FinalAction.KEEP.value, "Keep the invoice open"

    id = id_field()
    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200, blank=True)
    street_line_one = models.CharField(max_length=200, blank=True)
    street_line_two = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=120, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)
    email = models.EmailField(blank=True)
    tax_number = models.CharField(max_length=40, blank=True)
    vat_registered = models.BooleanField(default=True)
    tax_registrations = models.JSONField(default=list, blank=True, help_text="Country codes of further registrations.")
    one_stop_shop = models.BooleanField(default=False)
    tax_point = models.CharField(max_length=12, choices=TaxPoint.choices, default=TaxPoint.DEFAULT, blank=True)
    export = models.CharField(max_length=12, choices=Export.choices, default=Export.ZERO_RATED)
    time_zone = models.CharField(max_length=60, default="UTC")
    locale = models.CharField(max_length=10, default="en")
    currency = CurrencyField(default="EUR", help_text="Main currency, for figures and tax thresholds.")
    payment_terms_days = models.PositiveSmallIntegerField(default=30)
    invoice_group = models.CharField(
        max_length=12, choices=Group.choices, default=Group.CUSTOMER, db_default=Group.CUSTOMER
    )
    grace_days = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How long an invoice of the run waits as a draft for late usage."
    )
    dunning_retry_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=default_retry_days,
        blank=True,
        help_text="Days after a declined charge at which it is tried again.",
    )
    dunning_final_action = models.CharField(
        max_length=15,
        choices=DunningAction.choices,
        default=DunningAction.CANCEL,
        db_default=DunningAction.CANCEL,
        help_text="What is done when no retry has brought the money.",
    )
    overdue_reminder_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=default_reminder_days,
        blank=True,
        help_text="Days after the due date at which an invoice customer is reminded.",
    )
    overdue_disable_days = models.PositiveSmallIntegerField(
        default=DISABLE_AFTER_DAYS,
        db_default=DISABLE_AFTER_DAYS,
        null=True,
        blank=True,
        help_text="Days after the due date at which an invoice customer is disabled; empty: never.",
    )
    announce_trial_days = models.PositiveSmallIntegerField(
        default=TRIAL_DAYS,
        db_default=TRIAL_DAYS,
        help_text="How many days ahead the end of a trial is announced; 0: it is not.",
    )
    announce_renewal_days = models.PositiveSmallIntegerField(
        default=RENEWAL_DAYS,
        db_default=RENEWAL_DAYS,
        help_text="How many days ahead a renewal for a year or longer is announced; 0: it is not.",
    )
    announce_expiring_cards = models.BooleanField(
        default=True, db_default=True, help_text="Whether customers are told that the card they pay with expires."
    )
    logo = models.BinaryField(null=True, blank=True, editable=True)
    logo_type = models.CharField(max_length=40, blank=True)
    colour = models.CharField(max_length=7, default="#1f3a5f")
    accent_colour = models.CharField(max_length=7, default="#2f7f79")
    footer = models.TextField(blank=True)
    payment_instructions = models.TextField(blank=True)
    iban = models.CharField(max_length=34, blank=True)
    bic = models.CharField(max_length=11, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(logo__isnull=True) | ~models.Q(logo_type=""), name="brand_logo_has_a_type"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def dunning_policy(self) -> DunningPolicy:
        """Return what is done about money that does not come."""
        return DunningPolicy(
            retry_days=tuple(self.dunning_retry_days),
            final_action=FinalAction(self.dunning_final_action),
            reminder_days=tuple(self.overdue_reminder_days),
            disable_after_days=self.overdue_disable_days,
        )

    @property
    def announcement_policy(self) -> AnnouncementPolicy:
        """Return what is announced before it happens."""
        return AnnouncementPolicy(
            trial_days=self.announce_trial_days,
            renewal_days=self.announce_renewal_days,
            expiring_cards=self.announce_expiring_cards,
        )
