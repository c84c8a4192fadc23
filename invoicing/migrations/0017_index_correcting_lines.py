"""The few lines that correct an invoice are found by it; the key is validated without holding up who writes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("invoicing", "0016_name_corrected_invoices")]

    operations = [
        AddIndexConcurrently(
            model_name="invoiceline",
            index=models.Index(
                condition=models.Q(("corrects__isnull", False)), fields=["corrects"], name="invoice_line_corrects"
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE invoicing_invoiceline VALIDATE CONSTRAINT a_line_corrects_an_invoice",
            migrations.RunSQL.noop,
        ),
    ]
