"""A finalised invoice never changes: only its payment state moves; its lines and credit notes stand for ever."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_finalised_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' OR NEW.status = 'draft' OR
       (OLD.id, OLD.customer_id, OLD.brand_id, OLD.origin, OLD.currency, OLD.series_id, OLD.number_year, OLD.sequence,
        OLD.number, OLD.issue_date, OLD.due_date, OLD.supply_start, OLD.supply_end, OLD.sub_total_minor,
        OLD.discount_total_minor, OLD.tax_total_minor, OLD.total_minor, OLD.balance_applied_minor, OLD.seller,
        OLD.buyer, OLD.locale, OLD.time_zone, OLD.notes, OLD.finalized_at)
       IS DISTINCT FROM
       (NEW.id, NEW.customer_id, NEW.brand_id, NEW.origin, NEW.currency, NEW.series_id, NEW.number_year, NEW.sequence,
        NEW.number, NEW.issue_date, NEW.due_date, NEW.supply_start, NEW.supply_end, NEW.sub_total_minor,
        NEW.discount_total_minor, NEW.tax_total_minor, NEW.total_minor, NEW.balance_applied_minor, NEW.seller,
        NEW.buyer, NEW.locale, NEW.time_zone, NEW.notes, NEW.finalized_at)
    THEN
        RAISE EXCEPTION 'a finalised invoice never changes'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalised_invoice_is_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER finalised_invoice_is_fixed BEFORE UPDATE OR DELETE ON invoicing_invoice
    FOR EACH ROW EXECUTE FUNCTION refuse_finalised_invoice_change();

CREATE FUNCTION refuse_finalised_line_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invoicing_invoice WHERE id = OLD.invoice_id AND status <> 'draft') THEN
        RAISE EXCEPTION 'a finalised invoice never changes'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalised_invoice_is_fixed';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER finalised_invoice_is_fixed BEFORE UPDATE OR DELETE ON invoicing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION refuse_finalised_line_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON invoicing_creditnote
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON invoicing_creditnoteline
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
DROP = """
DROP TRIGGER append_only ON invoicing_creditnoteline;
DROP TRIGGER append_only ON invoicing_creditnote;
DROP TRIGGER finalised_invoice_is_fixed ON invoicing_invoiceline;
DROP FUNCTION refuse_finalised_line_change;
DROP TRIGGER finalised_invoice_is_fixed ON invoicing_invoice;
DROP FUNCTION refuse_finalised_invoice_change;
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0001_initial"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
