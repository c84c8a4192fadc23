"""Find the charges that wait for a confirmation; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("billing", "0015_withdraw_charges")]
    operations = [
        AddIndexConcurrently(
            model_name="paymentattempt",
            index=models.Index(
                fields=["id"],
                condition=models.Q(
                    status="failed", failure_reason="authentication_required", withdrawn_at__isnull=True
                ),
                name="payment_attempt_unconfirmed",
            ),
        )
    ]
