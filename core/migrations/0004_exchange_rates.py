"""Exchange rates by day, as the operator loads them."""

from django.db import migrations, models

import core.fields
import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_instance_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("currency", core.fields.CurrencyField(max_length=3)),
                ("day", models.DateField()),
                ("per_euro", models.DecimalField(decimal_places=10, max_digits=24)),
                ("source", models.CharField(help_text="Where the rate was taken from.", max_length=200)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-day", "currency"],
                "constraints": [
                    models.UniqueConstraint(fields=("currency", "day"), name="one_exchange_rate_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(("per_euro__gt", 0)), name="exchange_rate_is_above_nought"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency", "EUR"), _negated=True), name="the_euro_needs_no_rate"
                    ),
                ],
            },
        ),
    ]
