"""Find a brand's documents by their issue date, for tax turnover and the tax report; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("invoicing", "0007_tax_turnover")]
    operations = [
        AddIndexConcurrently(
            model_name="creditnote",
            index=models.Index(fields=["brand", "issue_date"], name="credit_note_issued_on"),
        ),
        AddIndexConcurrently(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("issue_date__isnull", False)),
                fields=["brand", "issue_date"],
                name="invoice_issued_on",
            ),
        ),
    ]
