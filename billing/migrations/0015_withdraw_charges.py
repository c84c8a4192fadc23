"""Which unconfirmed charges were taken back at their provider."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_simulate_payments")]
    operations = [
        migrations.AddField(
            model_name="paymentattempt",
            name="withdrawn_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When its unconfirmed charge was taken back at the provider; wall clock.",
                null=True,
            ),
        )
    ]
