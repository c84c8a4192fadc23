"""One rate for each day of a place and tax type, and a roll-up of tax turnover that only grows."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.functions.comparison
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

CREATE = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON invoicing_taxturnover
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
DROP = "DROP TRIGGER append_only ON invoicing_taxturnover;"


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0008_index_issue_dates"), ("core", "0002_append_only")]
    operations = [
        migrations.RunSQL(CREATE, DROP),
        BtreeGistExtension(),
        migrations.AddConstraint(
            model_name="taxrule",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("country", "="),
                    (
                        django.db.models.functions.comparison.Coalesce(
                            "state", models.Value("00000000-0000-0000-0000-000000000000", models.UUIDField())
                        ),
                        "=",
                    ),
                    ("tax_type", "="),
                    (
                        models.Func(
                            models.F("valid_from"),
                            models.F("valid_until"),
                            function="daterange",
                            output_field=django.contrib.postgres.fields.ranges.DateRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="one_tax_rule_a_day",
            ),
        ),
    ]
