"""Documents and recognised months are never emptied."""

from django.db import migrations

CREATE = """
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_invoiceline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_creditnote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_creditnoteline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_revenuerecognition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON invoicing_schedulerow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
"""
DROP = """
DROP TRIGGER never_emptied ON invoicing_schedulerow;
DROP TRIGGER never_emptied ON invoicing_revenuerecognition;
DROP TRIGGER never_emptied ON invoicing_creditnoteline;
DROP TRIGGER never_emptied ON invoicing_creditnote;
DROP TRIGGER never_emptied ON invoicing_invoiceline;
DROP TRIGGER never_emptied ON invoicing_invoice;
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0013_index_drafts"), ("core", "0005_refuse_truncation")]
    operations = [migrations.RunSQL(CREATE, DROP)]
