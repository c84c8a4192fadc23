"""What a mass change says never changes, and each of its parts is settled once."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_mass_change_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status IN ('completed', 'cancelled') OR
       (OLD.id, OLD.plan_id, OLD.price_id, OLD.brand_id, OLD.country, OLD.new_plan_id, OLD.new_price_id, OLD.due_at,
        OLD.test_clock_id, OLD.created_at)
       IS DISTINCT FROM
       (NEW.id, NEW.plan_id, NEW.price_id, NEW.brand_id, NEW.country, NEW.new_plan_id, NEW.new_price_id, NEW.due_at,
        NEW.test_clock_id, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a mass change stands as it was scheduled, and ends once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'mass_change_ends_once';
    END IF;
    IF NEW.status = 'completed' AND EXISTS (
        SELECT FROM billing_masschangepart part WHERE part.mass_change_id = NEW.id AND part.outcome = 'waiting'
    ) THEN
        RAISE EXCEPTION 'mass change % has subscriptions that wait', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mass_change_completes_last';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mass_change_ends_once BEFORE UPDATE OR DELETE ON billing_masschange
    FOR EACH ROW EXECUTE FUNCTION refuse_mass_change_change();

CREATE FUNCTION refuse_mass_change_part_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.outcome <> 'waiting' OR
       (OLD.id, OLD.mass_change_id, OLD.subscription_id) IS DISTINCT FROM
       (NEW.id, NEW.mass_change_id, NEW.subscription_id)
    THEN
        RAISE EXCEPTION 'a subscription is settled once in a mass change'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'mass_change_part_is_settled_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mass_change_part_is_settled_once BEFORE UPDATE OR DELETE ON billing_masschangepart
    FOR EACH ROW EXECUTE FUNCTION refuse_mass_change_part_change();
"""
DROP = """
DROP TRIGGER mass_change_part_is_settled_once ON billing_masschangepart;
DROP FUNCTION refuse_mass_change_part_change;
DROP TRIGGER mass_change_ends_once ON billing_masschange;
DROP FUNCTION refuse_mass_change_change;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_add_mass_changes")]
    operations = [migrations.RunSQL(CREATE, DROP)]
