from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("core", "0007_say_what_was_dispatched")]
    operations = [
        AddIndexConcurrently(
            "outboxevent",
            models.Index(
                condition=models.Q(("dispatched_at__isnull", True)), fields=["id"], name="facts_not_dispatched"
            ),
        )
    ]
