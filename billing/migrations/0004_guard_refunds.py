"""A refund is settled once and never changes then; a payment's refunds stay within it."""

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_refund_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status IN ('issued', 'rejected') OR
       (OLD.id, OLD.customer_id, OLD.payment_id, OLD.credit_note_id, OLD.number, OLD.provider, OLD.idempotency_key,
        OLD.currency, OLD.amount_minor, OLD.from_balance_minor, OLD.created_at)
       IS DISTINCT FROM
       (NEW.id, NEW.customer_id, NEW.payment_id, NEW.credit_note_id, NEW.number, NEW.provider, NEW.idempotency_key,
        NEW.currency, NEW.amount_minor, NEW.from_balance_minor, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a refund is settled once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_is_settled_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_is_settled_once BEFORE UPDATE OR DELETE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION refuse_refund_change();

CREATE FUNCTION refuse_excessive_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM billing_payment payment
        WHERE payment.id = NEW.payment_id AND (
            payment.currency <> NEW.currency OR payment.amount_minor < (
                SELECT sum(amount_minor) FROM billing_refund WHERE payment_id = payment.id AND status <> 'rejected'
            )
        )
    ) THEN
        RAISE EXCEPTION 'payment % has refunds beyond its amount, or in another currency', NEW.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_stay_within_their_payment';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_stay_within_their_payment AFTER INSERT ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION refuse_excessive_refund();
"""
DROP = """
DROP TRIGGER refunds_stay_within_their_payment ON billing_refund;
DROP FUNCTION refuse_excessive_refund;
DROP TRIGGER refund_is_settled_once ON billing_refund;
DROP FUNCTION refuse_refund_change;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_add_refunds")]
    operations = [migrations.RunSQL(CREATE, DROP)]
