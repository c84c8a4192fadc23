"""What is append-only is not emptied either: TRUNCATE passes the guards of rows by.

Who owns the tables and means it says so first, for its session: `SET reckoner.may_truncate = 'on'`. The tests' clean-up
does.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_truncation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('reckoner.may_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
"""
DROP = """
DROP TRIGGER never_emptied ON core_auditentry;
DROP FUNCTION refuse_truncation;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0004_exchange_rates")]
    operations = [migrations.RunSQL(CREATE, DROP)]
