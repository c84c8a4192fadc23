"""Entries, their postings, and each customer's running balance."""

from django.db import models

from core.fields import CurrencyField, id_field
from customers.models import Customer


class Account(models.TextChoices):
    """The accounts of the books; receivable and balance are kept per customer, tax per country."""

    RECEIVABLE = "receivable", "Receivable"
    REVENUE = "revenue", "Revenue"
    DEFERRED_REVENUE = "deferred_revenue", "Deferred revenue"
    TAX_PAYABLE = "tax_payable", "Tax payable"
    CUSTOMER_BALANCE = "customer_balance", "Customer balance"
    CREDIT_GRANTED = "credit_granted", "Credit granted"
    REFUNDS_PAYABLE = "refunds_payable", "Refunds payable"
    PROVIDER_CLEARING = "provider_clearing", "Provider clearing"
    PROCESSOR_FEES = "processor_fees", "Processor fees"
    BAD_DEBT = "bad_debt", "Bad debt"
    DISPUTED = "disputed", "Disputed"


class Entry(models.Model):
    """One business fact in the books; its postings sum to zero per currency; append-only."""

    id = id_field()
    kind = models.CharField(max_length=30)
    object_kind = models.CharField(max_length=30)
    object_id = models.UUIDField()
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="entries")
    posted_at = models.DateTimeField(help_text="The moment of the fact, by the customer's clock.")
    accounting_date = models.DateField(help_text="The brand's local date of the fact.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["object_id", "kind"], name="one_entry_per_fact"),
        ]
        indexes = [
            models.Index(fields=["accounting_date"]),
            models.Index(fields=["kind", "-id"], name="entry_kind"),
        ]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.object_kind}"


class Posting(models.Model):
    """One side of an entry: debit positive, credit negative, in minor units."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings")
    account = models.CharField(max_length=20, choices=Account.choices)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2, blank=True)
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["account", "currency"], include=["amount_minor"], name="posting_account")]
        constraints = [models.CheckConstraint(condition=~models.Q(amount_minor=0), name="posting_is_not_zero")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


class CustomerBalance(models.Model):
    """A customer's running totals in one currency, moved under the customer's lock."""

    id = id_field()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="balances")
    currency = CurrencyField()
    balance_minor = models.BigIntegerField(default=0, help_text="Positive: credit the customer may use.")
    receivable_minor = models.BigIntegerField(default=0, help_text="Positive: the customer owes.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "currency"], name="one_balance_per_currency")]

    def __str__(self) -> str:
        return f"{self.balance_minor} {self.currency}"
