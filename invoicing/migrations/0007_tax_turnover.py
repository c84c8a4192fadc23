"""Thresholds of states, since when a place collects, and the roll-up of what was sold to a place on a day."""

import django.db.models.deletion
from django.db import migrations, models

import core.fields
import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0002_names_and_logos"),
        ("invoicing", "0006_guard_recognition"),
        ("subscriptions", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="TaxClosing",
            fields=[
                (
                    "brand",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="customers.brand",
                    ),
                ),
                ("closed_until", models.DateField(help_text="The first day that is not closed.")),
            ],
        ),
        migrations.CreateModel(
            name="TaxTurnover",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("country", models.CharField(blank=True, max_length=2)),
                (
                    "region",
                    models.CharField(blank=True, help_text="As the address has it, in upper case.", max_length=120),
                ),
                ("day", models.DateField(help_text="Issue date.")),
                ("currency", core.fields.CurrencyField(max_length=3)),
                ("payments", models.IntegerField(help_text="Invoices with something to pay.")),
                ("net_minor", models.BigIntegerField(help_text="Net of invoices less net of credit notes.")),
                (
                    "consumers_net_minor",
                    models.BigIntegerField(help_text="The part sold to others than checked businesses."),
                ),
            ],
            options={
                "verbose_name_plural": "tax turnover",
                "ordering": ["day", "id"],
            },
        ),
        migrations.AddField(
            model_name="taxcountry",
            name="collecting_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When an invoice reached the threshold; empty: set by hand.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="taxstate",
            name="collecting_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When an invoice reached the threshold; empty: set by hand.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="taxstate",
            name="threshold_period",
            field=models.CharField(
                choices=[
                    ("calendar", "Calendar year"),
                    ("rolling", "Rolling twelve months"),
                    ("rolling_quarters", "This quarter and the three before"),
                    ("current_or_last_year", "This calendar year or the last"),
                ],
                default="calendar",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="taxcountry",
            name="threshold_minor",
            field=models.BigIntegerField(
                blank=True,
                help_text="In the country's currency; in the first brand's main currency without one.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="taxcountry",
            name="threshold_period",
            field=models.CharField(
                choices=[
                    ("calendar", "Calendar year"),
                    ("rolling", "Rolling twelve months"),
                    ("rolling_quarters", "This quarter and the three before"),
                    ("current_or_last_year", "This calendar year or the last"),
                ],
                default="calendar",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="taxstate",
            name="threshold_minor",
            field=models.BigIntegerField(
                blank=True,
                help_text="In the country's currency; in the first brand's main currency without one.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="taxcountry",
            constraint=models.CheckConstraint(
                condition=models.Q(("collecting", True), ("collecting_since__isnull", True), _connector="OR"),
                name="tax_country_collects_since_it_does",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("collecting", True), ("collecting_since__isnull", True), _connector="OR"),
                name="tax_state_collects_since_it_does",
            ),
        ),
        migrations.AddField(
            model_name="taxturnover",
            name="brand",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.brand"
            ),
        ),
        migrations.AddIndex(
            model_name="taxturnover",
            index=models.Index(fields=["country", "day"], name="tax_turnover_place_day"),
        ),
    ]
