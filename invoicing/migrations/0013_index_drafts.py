"""Find a customer's drafts whatever its number of invoices; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("invoicing", "0012_add_waiting_steps")]
    operations = [
        AddIndexConcurrently(
            model_name="invoice",
            index=models.Index(condition=models.Q(("status", "draft")), fields=["customer"], name="invoice_drafts"),
        ),
    ]
