"""Find invoices, credit notes and quotes by what their lists are narrowed by; built while writers go on."""

from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("invoicing", "0017_index_correcting_lines")]
    operations = [
        AddIndexConcurrently(
            model_name="invoice",
            index=BrinIndex(autosummarize=True, fields=["created_at"], name="invoice_created_at"),
        ),
        AddIndexConcurrently(
            model_name="creditnote",
            index=models.Index(fields=["origin", "-id"], name="credit_note_origin"),
        ),
        AddIndexConcurrently(
            model_name="creditnote",
            index=models.Index(fields=["created_at"], name="credit_note_created_at"),
        ),
        AddIndexConcurrently(
            model_name="creditnote",
            index=GinIndex(OpClass(Upper("number"), name="gin_trgm_ops"), name="credit_note_number_trgm"),
        ),
        AddIndexConcurrently(
            model_name="quote",
            index=models.Index(fields=["status", "-id"], name="quote_status"),
        ),
        AddIndexConcurrently(
            model_name="quote",
            index=models.Index(fields=["created_at"], name="quote_created_at"),
        ),
    ]
