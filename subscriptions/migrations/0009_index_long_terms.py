"""Find what renews for a year or longer; built while writers go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0008_credit_without_paying_out")]
    operations = [
        AddIndexConcurrently(
            model_name="subscriptionterms",
            index=models.Index(
                fields=["subscription"],
                name="terms_of_a_year_or_longer",
                condition=models.Q(phase="paid")
                & (
                    models.Q(interval="year")
                    | models.Q(interval="month", interval_count__gte=12)
                    | models.Q(interval="week", interval_count__gte=52)
                    | models.Q(interval="day", interval_count__gte=365)
                ),
            ),
        )
    ]
