"""Find the cards that expire in a month; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0010_add_announcements")]
    operations = [
        AddIndexConcurrently(
            model_name="paymentmethod",
            index=models.Index(
                models.F("expiry_year") * 12 + models.F("expiry_month"),
                condition=models.Q(removed_at__isnull=True),
                name="cards_by_expiry",
            ),
        )
    ]
