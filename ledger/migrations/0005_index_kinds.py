"""Find entries by their kind; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ledger", "0004_refuse_truncation")]
    operations = [
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(fields=["kind", "-id"], name="entry_kind"),
        ),
    ]
