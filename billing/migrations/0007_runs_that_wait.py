"""A run may wait for a worker: when it was asked for and when it began are two moments."""

from django.db import migrations, models

STATUSES = [("waiting", "Waiting"), ("running", "Running"), ("finished", "Finished"), ("stopped", "Stopped")]


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_guard_mass_changes")]

    operations = [
        migrations.AddField("billingrun", "created_at", models.DateTimeField(null=True)),
        migrations.RunSQL("UPDATE billing_billingrun SET created_at = started_at", migrations.RunSQL.noop),
        migrations.AlterField("billingrun", "created_at", models.DateTimeField(help_text="Wall clock.")),
        migrations.AlterField(
            "billingrun",
            "started_at",
            models.DateTimeField(blank=True, help_text="Empty while it waits.", null=True),
        ),
        migrations.AlterField("billingrun", "heartbeat_at", models.DateTimeField(help_text="The last sign of life.")),
        migrations.AlterField(
            "billingrun", "status", models.CharField(choices=STATUSES, default="running", max_length=10)
        ),
        migrations.AddConstraint(
            "billingrun",
            models.CheckConstraint(
                condition=models.Q(("started_at__isnull", True), ("status", "waiting"))
                | models.Q(models.Q(("status", "waiting"), _negated=True), ("started_at__isnull", False)),
                name="billing_run_that_waits_has_not_started",
            ),
        ),
        migrations.AddIndex("billingrun", models.Index(fields=["status", "id"], name="billing_run_status")),
        migrations.AddIndex("billingrun", models.Index(fields=["created_at"], name="billing_run_created_at")),
    ]
