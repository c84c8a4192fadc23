"""What a provider charged and restored rows do not show."""

import django.db.models.deletion
from django.db import migrations, models

import core.fields
import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_initial"),
        ("customers", "0002_names_and_logos"),
    ]

    operations = [
        migrations.CreateModel(
            name="FoundCharge",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("idempotency_key", models.CharField(max_length=255, unique=True)),
                ("external_reference", models.CharField(blank=True, max_length=255)),
                (
                    "finding",
                    models.CharField(
                        choices=[
                            ("without_money", "Took no money"),
                            ("ahead", "Taken up by the next run"),
                            ("unknown", "Unknown here"),
                            ("different", "Differs"),
                        ],
                        max_length=20,
                    ),
                ),
                ("outcome", models.CharField(help_text="What the provider said.", max_length=30)),
                ("currency", core.fields.CurrencyField(max_length=3)),
                ("amount_minor", models.BigIntegerField(help_text="What was taken, or may yet be.")),
                (
                    "wanted_minor",
                    models.BigIntegerField(blank=True, help_text="What the rows here will ask for.", null=True),
                ),
                ("charged_at", models.DateTimeField(help_text="The provider's clock.")),
                ("found_at", models.DateTimeField(help_text="Wall clock.")),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["customer", "-id"], name="billing_fou_custome_fa3160_idx")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0)), name="found_charge_is_not_negative"
                    )
                ],
            },
        ),
    ]
