"""Totals lie within their hour, and are not believed once events were taken away or changed."""

from django.db import migrations

CREATE = """
ALTER TABLE usage_hourtotal
    ADD CONSTRAINT hourtotal_is_of_one_hour CHECK (hour = date_trunc('hour', hour, 'UTC') AND last_at < hour + interval '1 hour');
CREATE FUNCTION forget_hour_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE usage_busysubscription SET totalled_at = NULL;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE usage_busysubscription SET totalled_at = NULL
        WHERE subscription_id IN (SELECT subscription_id FROM gone);
    ELSE
        UPDATE usage_busysubscription SET totalled_at = NULL
        WHERE subscription_id IN (SELECT subscription_id FROM gone UNION ALL SELECT subscription_id FROM come);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_hour_totals_deleted AFTER DELETE ON usage_event
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_hour_totals();
CREATE TRIGGER forget_hour_totals_updated AFTER UPDATE ON usage_event
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION forget_hour_totals();
CREATE TRIGGER forget_hour_totals_truncated AFTER TRUNCATE ON usage_event
    FOR EACH STATEMENT EXECUTE FUNCTION forget_hour_totals();
"""
DROP = """
DROP TRIGGER forget_hour_totals_truncated ON usage_event;
DROP TRIGGER forget_hour_totals_updated ON usage_event;
DROP TRIGGER forget_hour_totals_deleted ON usage_event;
DROP FUNCTION forget_hour_totals;
ALTER TABLE usage_hourtotal DROP CONSTRAINT hourtotal_is_of_one_hour;
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_add_hour_totals")]
    operations = [migrations.RunSQL(CREATE, DROP)]
