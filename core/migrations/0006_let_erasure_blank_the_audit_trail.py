"""The audit trail lets somebody be erased: values and reasons may be blanked, by who says so, and nothing else.

`SET LOCAL reckoner.may_erase = 'on'` says so, for one transaction.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_change_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('reckoner.may_erase', true) = 'on' THEN
        IF NEW.before IS NULL AND NEW.after IS NULL AND NEW.reason = ''
            AND to_jsonb(NEW) - '{before,after,reason}'::text[] = to_jsonb(OLD) - '{before,after,reason}'::text[]
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
DROP TRIGGER append_only ON core_auditentry;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasure();
"""
DROP = """
DROP TRIGGER append_only ON core_auditentry;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_change_but_erasure;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0005_refuse_truncation")]
    operations = [migrations.RunSQL(CREATE, DROP)]
