"""Say of each fact whether it was handed on. Facts of before count as handed on: nobody is told of old ones."""

from django.db import migrations, models

# A constant default for rows that are there is written into the catalogue, not into the rows.
ADD = """
ALTER TABLE core_outboxevent ADD COLUMN dispatched_at timestamptz DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE core_outboxevent ALTER COLUMN dispatched_at DROP DEFAULT;
"""
DROP = "ALTER TABLE core_outboxevent DROP COLUMN dispatched_at"


class Migration(migrations.Migration):
    dependencies = [("core", "0006_let_erasure_blank_the_audit_trail")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, DROP)],
            state_operations=[
                migrations.AddField(
                    model_name="outboxevent",
                    name="dispatched_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When it was handed to webhooks and messages; wall clock.",
                        null=True,
                    ),
                )
            ],
        )
    ]
