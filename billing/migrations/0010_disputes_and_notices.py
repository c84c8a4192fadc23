"""Disputes, and what providers tell of their own accord."""

import django.db.models.deletion
from django.db import migrations, models

import core.fields
import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0009_index_what_lists_filter_by"),
        ("customers", "0007_add_dunning"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("event_id", models.CharField(help_text="The provider's.", max_length=255)),
                ("type", models.CharField(help_text="The provider's word.", max_length=100)),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("charge", "Charge"),
                            ("refund", "Refund"),
                            ("dispute", "Dispute"),
                            ("card", "Card"),
                            ("mandate", "Mandate"),
                            ("other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True, help_text="The provider's, of the object it is about.", max_length=255
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("handled", "Handled"),
                            ("ignored", "Nothing to do"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("failure", models.CharField(blank=True, help_text="Why the last try failed.", max_length=500)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Wall clock: until then one worker holds it, or it waits for its next try.",
                        null=True,
                    ),
                ),
                ("happened_at", models.DateTimeField(help_text="The provider's clock.")),
                ("received_at", models.DateTimeField(help_text="Wall clock.")),
                ("settled_at", models.DateTimeField(blank=True, help_text="Wall clock.", null=True)),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "received")), fields=["lease_until"], name="notice_waiting"
                    ),
                    models.Index(
                        condition=models.Q(("status", "failed")), fields=["received_at"], name="notice_failed"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "event_id"), name="one_notice_per_event"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("status", "received")),
                            models.Q(models.Q(("status", "received"), _negated=True), ("settled_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="notice_settled_at_fits_status",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("external_reference", models.CharField(max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("inquiry", "Inquiry"),
                            ("needs_response", "Needs a response"),
                            ("under_review", "Under review"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="The provider's word for it.", max_length=100)),
                ("currency", core.fields.CurrencyField(max_length=3)),
                ("amount_minor", models.BigIntegerField(help_text="What is disputed.")),
                ("held_minor", models.BigIntegerField(default=0, help_text="What the provider took back and keeps.")),
                ("fee_minor", models.BigIntegerField(default=0, help_text="What the dispute costs.")),
                ("moves", models.PositiveSmallIntegerField(default=0, help_text="Its entries in the books.")),
                (
                    "respond_by",
                    models.DateTimeField(blank=True, help_text="Until when the provider takes evidence.", null=True),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="customers.customer"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="billing.payment"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["customer", "-id"], name="billing_dis_custome_2523c9_idx"),
                    models.Index(fields=["status", "-id"], name="dispute_status"),
                    models.Index(fields=["opened_at"], name="dispute_opened_at"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "external_reference"), name="one_dispute_per_reference"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="dispute_is_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("fee_minor__gte", 0), ("held_minor__gte", 0)), name="dispute_holds_no_less"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", False), ("status__in", ["won", "lost"])),
                            models.Q(
                                models.Q(("status__in", ["won", "lost"]), _negated=True), ("closed_at__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="dispute_closed_at_fits_status",
                    ),
                ],
            },
        ),
    ]
