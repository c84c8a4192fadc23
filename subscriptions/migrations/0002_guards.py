"""Prices keep their numbers; terms are only ever added to."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.product_id, OLD.type, OLD.currency, OLD.unit_price, OLD.tiers, OLD.units, OLD.free_units, OLD.rate,
        OLD.fixed, OLD.free_events, OLD.minimum_minor, OLD.maximum_minor, OLD.minimum_commitment_minor, OLD.interval,
        OLD.interval_count, OLD.including_tax, OLD.billing_timing, OLD.usage, OLD.metric_id, OLD.metric_type,
        OLD.proration_up, OLD.proration_down)
       IS DISTINCT FROM
       (NEW.product_id, NEW.type, NEW.currency, NEW.unit_price, NEW.tiers, NEW.units, NEW.free_units, NEW.rate,
        NEW.fixed, NEW.free_events, NEW.minimum_minor, NEW.maximum_minor, NEW.minimum_commitment_minor, NEW.interval,
        NEW.interval_count, NEW.including_tax, NEW.billing_timing, NEW.usage, NEW.metric_id, NEW.metric_type,
        NEW.proration_up, NEW.proration_down)
    THEN
        RAISE EXCEPTION 'the numbers of a price never change; make a new price'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'price_is_immutable';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER price_is_immutable BEFORE UPDATE ON subscriptions_price
    FOR EACH ROW EXECUTE FUNCTION refuse_price_change();
CREATE TRIGGER append_only BEFORE UPDATE ON subscriptions_itemterms
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE ON subscriptions_subscriptionterms
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
DROP = """
DROP TRIGGER append_only ON subscriptions_subscriptionterms;
DROP TRIGGER append_only ON subscriptions_itemterms;
DROP TRIGGER price_is_immutable ON subscriptions_price;
DROP FUNCTION refuse_price_change;
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
