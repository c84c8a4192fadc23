"""What happened to the instance: restored, reconciled; its worker seen, its books proved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="books_breaches",
            field=models.PositiveIntegerField(blank=True, help_text="How many breaches were found then.", null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="books_checked_at",
            field=models.DateTimeField(blank=True, help_text="When the books were last proved.", null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="reconciled_at",
            field=models.DateTimeField(
                blank=True, help_text="When the providers' charges were matched with the restored rows.", null=True
            ),
        ),
        migrations.AddField(
            model_name="instance",
            name="restored_from_at",
            field=models.DateTimeField(
                blank=True, help_text="When the backup was taken that this database was restored from.", null=True
            ),
        ),
        migrations.AddField(
            model_name="instance",
            name="worker_seen_at",
            field=models.DateTimeField(blank=True, help_text="When a worker last did a tick.", null=True),
        ),
    ]
