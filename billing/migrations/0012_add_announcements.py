"""What was announced before it happened."""

import django.db.models.deletion
from django.db import migrations, models

import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0011_dunning"),
        ("customers", "0010_add_announcements"),
        ("subscriptions", "0009_index_long_terms"),
    ]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("card_month", "Card expires this month"),
                            ("card_charge", "Card that expires is charged tomorrow"),
                            ("trial_ending", "Trial ends"),
                            ("renewal", "Subscription renews"),
                        ],
                        max_length=15,
                    ),
                ),
                (
                    "about_at",
                    models.DateTimeField(
                        help_text="The end or the renewal; of a card 00:00 UTC on the first of the month in which it expires."
                    ),
                ),
                ("announced_at", models.DateTimeField(help_text="By the customer's clock.")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="announcements",
                        to="customers.customer",
                    ),
                ),
                (
                    "payment_method",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="announcements",
                        to="customers.paymentmethod",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="announcements",
                        to="subscriptions.subscription",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("payment_method__isnull", False)),
                        fields=("payment_method", "kind", "about_at"),
                        name="one_announcement_of_a_card",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("subscription__isnull", False)),
                        fields=("subscription", "kind", "about_at"),
                        name="one_announcement_of_a_subscription",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ["card_month", "card_charge"]),
                                ("payment_method__isnull", False),
                                ("subscription__isnull", True),
                            ),
                            models.Q(
                                ("kind__in", ["trial_ending", "renewal"]),
                                ("payment_method__isnull", True),
                                ("subscription__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="announcement_object_fits_kind",
                    ),
                ],
            },
        ),
    ]
