"""Overdue invoices whose dunning could not begin, with the reason."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0012_add_announcements"),
        ("invoicing", "0018_index_what_lists_filter_by"),
    ]

    operations = [
        migrations.CreateModel(
            name="ParkedInvoice",
            fields=[
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="parked",
                        serialize=False,
                        to="invoicing.invoice",
                    ),
                ),
                ("reason", models.TextField()),
                ("failures", models.PositiveIntegerField(default=1)),
                ("first_failed_at", models.DateTimeField()),
                ("last_failed_at", models.DateTimeField()),
                ("retry_at", models.DateTimeField(help_text="Wall clock: not tried before.")),
            ],
            options={
                "ordering": ["-last_failed_at"],
            },
        ),
    ]
