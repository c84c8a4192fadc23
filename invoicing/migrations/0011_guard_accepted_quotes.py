"""An accepted quote never changes, nor what was asked for on it."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_accepted_quote_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'accepted' THEN
        RAISE EXCEPTION 'an accepted quote never changes'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'accepted_quote_is_fixed';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER accepted_quote_is_fixed BEFORE UPDATE OR DELETE ON invoicing_quote
    FOR EACH ROW EXECUTE FUNCTION refuse_accepted_quote_change();

CREATE FUNCTION refuse_accepted_request_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invoicing_quote WHERE id IN (NEW.quote_id, OLD.quote_id) AND status = 'accepted') THEN
        RAISE EXCEPTION 'an accepted quote never changes'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'accepted_quote_is_fixed';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER accepted_quote_is_fixed BEFORE INSERT OR UPDATE OR DELETE ON invoicing_requestedline
    FOR EACH ROW EXECUTE FUNCTION refuse_accepted_request_change();
"""
DROP = """
DROP TRIGGER accepted_quote_is_fixed ON invoicing_requestedline;
DROP FUNCTION refuse_accepted_request_change;
DROP TRIGGER accepted_quote_is_fixed ON invoicing_quote;
DROP FUNCTION refuse_accepted_quote_change;
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0010_add_quotes_and_requested_lines")]
    operations = [migrations.RunSQL(CREATE, DROP)]
