"""What a brand announces before it happens, and how long before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_remove_renewal_notice")]
    operations = [
        migrations.AddField(
            model_name="brand",
            name="announce_trial_days",
            field=models.PositiveSmallIntegerField(
                db_default=7,
                default=7,
                help_text="How many days ahead the end of a trial is announced; 0: it is not.",
            ),
        ),
        migrations.AddField(
            model_name="brand",
            name="announce_renewal_days",
            field=models.PositiveSmallIntegerField(
                db_default=30,
                default=30,
                help_text="How many days ahead a renewal for a year or longer is announced; 0: it is not.",
            ),
        ),
        migrations.AddField(
            model_name="brand",
            name="announce_expiring_cards",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Whether customers are told that the card they pay with expires.",
            ),
        ),
    ]
