"""A pending change is settled once; until then only its moment moves, as a pause moves the end of the period."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_pending_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.settled_at IS NOT NULL OR
       (OLD.id, OLD.subscription_id, OLD.kind, OLD.item_id, OLD.at_boundary, OLD.plan_id, OLD.price_id, OLD.quantity,
        OLD.proration, OLD.actor, OLD.created_at)
       IS DISTINCT FROM
       (NEW.id, NEW.subscription_id, NEW.kind, NEW.item_id, NEW.at_boundary, NEW.plan_id, NEW.price_id, NEW.quantity,
        NEW.proration, NEW.actor, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a pending change is settled once, and never becomes another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'pending_change_is_settled_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pending_change_is_settled_once BEFORE UPDATE ON subscriptions_pendingchange
    FOR EACH ROW EXECUTE FUNCTION refuse_pending_change();
"""
DROP = """
DROP TRIGGER pending_change_is_settled_once ON subscriptions_pendingchange;
DROP FUNCTION refuse_pending_change;
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0005_add_pending_changes")]
    operations = [migrations.RunSQL(CREATE, DROP)]
