"""What a simulation assumes of payments."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_park_invoices")]
    operations = [
        migrations.AddField(
            model_name="simulationrun",
            name="payments",
            field=models.CharField(
                choices=[("made", "made"), ("fail", "fail")], db_default="made", default="made", max_length=4
            ),
        )
    ]
