"""Recognised revenue never changes; lines finalised before know what of them was deferred."""

from django.db import migrations

GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON invoicing_revenuerecognition
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON invoicing_schedulerow
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
UNGUARD = """
DROP TRIGGER append_only ON invoicing_schedulerow;
DROP TRIGGER append_only ON invoicing_revenuerecognition;
"""
# Until now every recurring line in advance was posted to deferred revenue whole, and nothing else was.
FILL = """
ALTER TABLE invoicing_invoiceline DISABLE TRIGGER finalised_invoice_is_fixed;
ALTER TABLE invoicing_creditnoteline DISABLE TRIGGER append_only;
UPDATE invoicing_invoiceline line SET deferred_minor = line.net_minor FROM subscriptions_price price
    WHERE line.kind = 'recurring' AND line.net_minor <> 0
      AND price.id = (line.proof ->> 'price')::uuid AND price.billing_timing = 'advance';
UPDATE invoicing_creditnoteline line SET deferred_minor = line.net_minor FROM subscriptions_price price
    WHERE line.kind = 'recurring' AND line.net_minor <> 0
      AND price.id = (line.proof ->> 'price')::uuid AND price.billing_timing = 'advance';
ALTER TABLE invoicing_creditnoteline ENABLE TRIGGER append_only;
ALTER TABLE invoicing_invoiceline ENABLE TRIGGER finalised_invoice_is_fixed;
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0005_add_revenue_recognition"), ("subscriptions", "0001_initial")]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
