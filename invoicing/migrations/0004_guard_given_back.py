"""No line is given back beyond what it charged, whoever writes the credit."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_excessive_credit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    breach uuid;
BEGIN
    SELECT line.id INTO breach
        FROM (SELECT DISTINCT invoice_line_id FROM inserted WHERE invoice_line_id IS NOT NULL) touched
        JOIN invoicing_invoiceline line ON line.id = touched.invoice_line_id
        JOIN LATERAL (
            SELECT sum(net_minor) AS net, sum(tax_minor) AS tax, sum(gross_minor) AS gross
            FROM invoicing_creditnoteline credit WHERE credit.invoice_line_id = line.id
        ) given ON true
        WHERE given.net NOT BETWEEN least(0, -line.net_minor) AND greatest(0, -line.net_minor)
           OR given.tax NOT BETWEEN least(0, -line.tax_minor) AND greatest(0, -line.tax_minor)
           OR given.gross NOT BETWEEN least(0, -line.gross_minor) AND greatest(0, -line.gross_minor)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % is given back beyond what it charged', breach
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_stays_within_its_line';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_stays_within_its_line AFTER INSERT ON invoicing_creditnoteline
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION refuse_excessive_credit();
"""
DROP = """
DROP TRIGGER credit_stays_within_its_line ON invoicing_creditnoteline;
DROP FUNCTION refuse_excessive_credit;
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0003_add_given_back")]
    operations = [migrations.RunSQL(CREATE, DROP)]
