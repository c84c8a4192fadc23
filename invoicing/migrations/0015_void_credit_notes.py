"""A credit note can be voided by another; the new column is empty, so its index and check are made in a moment."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0006_add_erasure"),
        ("invoicing", "0014_refuse_truncation"),
    ]

    operations = [
        migrations.AddField(
            model_name="creditnote",
            name="voids",
            field=models.OneToOneField(
                blank=True,
                help_text="The credit note that this one takes back.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="voided_by",
                to="invoicing.creditnote",
            ),
        ),
        migrations.AlterField(
            model_name="creditnote",
            name="origin",
            field=models.CharField(
                choices=[
                    ("change", "Change of a subscription"),
                    ("cycle", "Billing cycle"),
                    ("void", "Voided invoice"),
                    ("refund", "Refund"),
                    ("manual", "Made by hand"),
                    ("reversal", "Voided credit note"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("origin", "reversal"), ("voids__isnull", False)),
                    models.Q(models.Q(("origin", "reversal"), _negated=True), ("voids__isnull", True)),
                    _connector="OR",
                ),
                name="only_a_reversal_voids_a_credit_note",
            ),
        ),
    ]
