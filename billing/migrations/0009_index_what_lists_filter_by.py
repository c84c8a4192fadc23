"""Find attempts, refunds and mass changes by what their lists are narrowed by; built while writers go on."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("billing", "0008_simulations_of_everybody")]
    operations = [
        AddIndexConcurrently(
            model_name="paymentattempt",
            index=models.Index(fields=["status", "-id"], name="payment_attempt_status"),
        ),
        AddIndexConcurrently(
            model_name="paymentattempt",
            index=BrinIndex(autosummarize=True, fields=["created_at"], name="payment_attempt_created_at"),
        ),
        AddIndexConcurrently(
            model_name="refund",
            index=models.Index(fields=["status", "-id"], name="refund_status"),
        ),
        AddIndexConcurrently(
            model_name="refund",
            index=models.Index(fields=["created_at"], name="refund_created_at"),
        ),
        AddIndexConcurrently(
            model_name="masschange",
            index=models.Index(fields=["status", "-id"], name="mass_change_status"),
        ),
        AddIndexConcurrently(
            model_name="masschange",
            index=models.Index(fields=["created_at"], name="mass_change_created_at"),
        ),
    ]
