"""A line that gives back names the invoice it corrects: an empty column, added without reading or rewriting the table.

The foreign key holds for what is written from now on; there is nothing older to check.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0015_void_credit_notes")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="invoiceline",
                    name="corrects",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The invoice whose line is given back or charged again.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="correcting_lines",
                        to="invoicing.invoice",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE invoicing_invoiceline ADD COLUMN corrects_id uuid NULL",
                    "ALTER TABLE invoicing_invoiceline DROP COLUMN corrects_id",
                ),
                migrations.RunSQL(
                    "ALTER TABLE invoicing_invoiceline ADD CONSTRAINT a_line_corrects_an_invoice FOREIGN KEY (corrects_id)"
                    " REFERENCES invoicing_invoice (id) DEFERRABLE INITIALLY DEFERRED NOT VALID",
                    migrations.RunSQL.noop,
                ),
            ],
        ),
    ]
