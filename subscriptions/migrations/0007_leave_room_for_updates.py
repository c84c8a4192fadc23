"""Every bill rewrites its subscription's row: with room on the page no index learns of it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0006_guard_pending_changes")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE subscriptions_subscription SET (fillfactor = 50)",
            "ALTER TABLE subscriptions_subscription RESET (fillfactor)",
        )
    ]
