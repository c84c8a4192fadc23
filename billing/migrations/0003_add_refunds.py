"""Refunds, and the guard that keeps them within their payment."""

import django.db.models.deletion
from django.db import migrations, models

import core.fields
import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_found_charges"),
        ("customers", "0002_names_and_logos"),
        ("invoicing", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveSmallIntegerField(help_text="1 for the first refund of its payment.")),
                ("provider", models.CharField(max_length=20)),
                (
                    "idempotency_key",
                    models.CharField(help_text="Made from business facts.", max_length=400, unique=True),
                ),
                ("external_reference", models.CharField(blank=True, max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("authorised", "Authorised"),
                            ("issued", "Issued"),
                            ("rejected", "Rejected"),
                        ],
                        max_length=10,
                    ),
                ),
                ("currency", core.fields.CurrencyField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                (
                    "from_balance_minor",
                    models.BigIntegerField(default=0, help_text="The part taken from the customer's balance."),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("failure_message", models.TextField(blank=True)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Wall clock: until then one worker holds it; after it the outcome is asked.",
                        null=True,
                    ),
                ),
                ("calls", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "credit_note",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="invoicing.creditnote",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="customers.customer"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billing.payment"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["customer", "-id"], name="billing_ref_custome_62513f_idx"),
                    models.Index(
                        condition=models.Q(("status__in", ["started", "authorised"])),
                        fields=["lease_until"],
                        name="refund_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("payment", "number"), name="one_refund_per_payment_and_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("external_reference", ""), _negated=True),
                        fields=("provider", "external_reference"),
                        name="one_refund_per_provider_reference",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="refund_is_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("from_balance_minor__gte", 0), ("from_balance_minor__lte", models.F("amount_minor"))
                        ),
                        name="refund_takes_no_more_from_the_balance",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit_note__isnull", False),
                            ("from_balance_minor", models.F("amount_minor")),
                            _connector="OR",
                        ),
                        name="refund_is_given_back_on_paper",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", False), ("status__in", ["issued", "rejected"])),
                            models.Q(("settled_at__isnull", True), ("status__in", ["started", "authorised"])),
                            _connector="OR",
                        ),
                        name="refund_settled_at_fits_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "rejected"), models.Q(("failure_message", ""), _negated=True)),
                            models.Q(models.Q(("status", "rejected"), _negated=True), ("failure_message", "")),
                            _connector="OR",
                        ),
                        name="refund_rejected_has_a_reason",
                    ),
                ],
            },
        ),
    ]
