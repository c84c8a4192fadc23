"""Nothing tells of renewals ahead yet: a brand has no days for it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("customers", "0008_tell_overdue")]
    operations = [migrations.RemoveField(model_name="brand", name="renewal_notice_days")]
