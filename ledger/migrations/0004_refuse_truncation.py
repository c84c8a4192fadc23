"""The books are never emptied."""

from django.db import migrations

CREATE = """
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
"""
DROP = """
DROP TRIGGER never_emptied ON ledger_posting;
DROP TRIGGER never_emptied ON ledger_entry;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_add_refunds_payable"), ("core", "0005_refuse_truncation")]
    operations = [migrations.RunSQL(CREATE, DROP)]
