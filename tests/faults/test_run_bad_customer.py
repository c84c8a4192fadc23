"""One bad customer in a thousand: 999 are billed, the culprit is parked with its reason until it is mended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.db import connection

from billing.models import ParkedCustomer
from billing.operations.doctor import check_books
from billing.run import engine
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from customers.models import Agenda, Customer
from invoicing.models import Invoice
from subscriptions.models import Price
from tests.cast import JANUARY, Company, at, make_company
from tests.faults.run_stage import the_empty_database

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

SIZE = 1_000
NOW = at("2026-01-15 01:00")

# Copies of one customer with everything it has; only the keys differ.
CLONE = """
CREATE TEMPORARY TABLE clone AS
SELECT gen_random_uuid() AS customer_id, gen_random_uuid() AS subscription_id, gen_random_uuid() AS item_id
FROM generate_series(1, 998);
INSERT INTO customers_customer
SELECT (jsonb_populate_record(original, jsonb_build_object('id', clone.customer_id, 'name', 'Clone'))).*
FROM customers_customer original, clone WHERE original.name = 'Alice';
INSERT INTO customers_agenda
SELECT (jsonb_populate_record(original, jsonb_build_object('customer_id', clone.customer_id))).*
FROM customers_agenda original, clone;
INSERT INTO subscriptions_subscription
SELECT (jsonb_populate_record(original, jsonb_build_object(
    'id', clone.subscription_id, 'customer_id', clone.customer_id))).*
FROM subscriptions_subscription original, clone;
INSERT INTO subscriptions_subscriptionterms
SELECT (jsonb_populate_record(original, jsonb_build_object(
    'id', gen_random_uuid(), 'subscription_id', clone.subscription_id))).*
FROM subscriptions_subscriptionterms original, clone;
INSERT INTO subscriptions_subscriptionitem
SELECT (jsonb_populate_record(original, jsonb_build_object(
    'id', clone.item_id, 'subscription_id', clone.subscription_id))).*
FROM subscriptions_subscriptionitem original, clone;
INSERT INTO subscriptions_itemterms
SELECT (jsonb_populate_record(original, jsonb_build_object('id', gen_random_uuid(), 'item_id', clone.item_id))).*
FROM subscriptions_itemterms original, clone;
DROP TABLE clone;
"""


@dataclass(frozen=True, slots=True)
class Harm:
    """What is wrong with Bob: how it came about, what the run says of it, how it is mended."""

    spoil: str
    reason: str
    mend: str


HARMS = {
    "the database refuses his invoice": Harm(
        """
        CREATE FUNCTION refuse_bob() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.buyer->>'name' = 'Bob' THEN RAISE EXCEPTION 'nothing for Bob'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse_bob BEFORE INSERT ON invoicing_invoice FOR EACH ROW EXECUTE FUNCTION refuse_bob();
        """,
        "nothing for Bob",
        "DROP TRIGGER refuse_bob ON invoicing_invoice; DROP FUNCTION refuse_bob",
    ),
    "his bill cannot be computed": Harm(
        """
        ALTER TABLE subscriptions_subscriptionterms DISABLE TRIGGER append_only;
        UPDATE subscriptions_subscriptionterms terms SET time_zone = 'Nowhere'
        FROM subscriptions_plan plan WHERE plan.id = plan_id AND plan.name = 'Plan of Bob';
        """,
        "Nowhere",
        "UPDATE subscriptions_subscriptionterms SET time_zone = 'UTC'",
    ),
    "his terms cannot be read": Harm(
        """
        ALTER TABLE subscriptions_price DISABLE TRIGGER price_is_immutable;
        UPDATE subscriptions_price SET tiers = jsonb_set(tiers, '{0,first_unit}', '2') WHERE tiers <> '[]';
        """,
        "InvalidPrice",
        "UPDATE subscriptions_price SET tiers = jsonb_set(tiers, '{0,first_unit}', '1') WHERE tiers <> '[]'",
    ),
}


@pytest.fixture
def bob(transactional_db: None) -> Iterator[Customer]:
    """Bob, on a price of his own, among 999 others: all are on a trial that ends at one moment."""
    with the_empty_database().copied():
        company = make_company()
        start(company, "Alice", company.price())
        run_sql(CLONE)
        tiers = [{"first_unit": 1, "last_unit": None, "unit_price": "100", "flat_fee": "0"}]
        yield start(company, "Bob", company.price(type="tiered_graduated", tiers=tiers))


def start(company: Company, name: str, price: Price) -> Customer:
    customer = company.customer(name)
    plan = company.plan(f"Plan of {name}", price, has_trial=True, trial_length_days=14)
    company.start(customer, plan, price, now=JANUARY)
    return customer


def run_sql(statements: str) -> None:
    """Run statements as somebody would who writes around the engine."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


def run(now: datetime) -> Tally:
    return run_billing(Scope(as_of=NOW, now=now))


@pytest.mark.parametrize("name", HARMS)
def test_one_bad_customer_in_a_thousand(bob: Customer, name: str) -> None:
    harm = HARMS[name]
    assert Agenda.objects.filter(due_at__lte=NOW).count() == SIZE
    run_sql(harm.spoil)
    # The others are billed at once, by the same run.
    assert run(NOW) == Tally(customers=SIZE - 1, invoices=SIZE - 1, parked=1)
    assert not Invoice.objects.filter(customer=bob).exists()
    parked = ParkedCustomer.objects.get()
    assert (parked.customer_id, parked.failures) == (bob.id, 1)
    assert harm.reason in parked.reason
    # It is out of the claim until its time, then tried again; each time it waits longer.
    assert run(NOW + timedelta(minutes=4)) == Tally()
    assert run(NOW + timedelta(minutes=6)) == Tally(parked=1)
    assert ParkedCustomer.objects.get().failures == 2
    assert run(NOW + timedelta(minutes=15)) == Tally()
    (breach,) = check_books(now=NOW + timedelta(hours=2))
    assert (breach.object_id, harm.reason in breach.detail) == (bob.id, True)
    run_sql(harm.mend)
    assert run(NOW + timedelta(minutes=17)) == Tally(customers=1, invoices=1)
    assert not ParkedCustomer.objects.exists()
    assert Agenda.objects.get(customer=bob).retry_at is None
    assert Invoice.objects.count() == SIZE
    assert check_books(now=NOW + timedelta(hours=2)) == ()


def test_a_fault_of_everybody_parks_everybody_and_ends(bob: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over customers none of whom can be read ends, too: each is parked, none is asked for again and again."""
    Agenda.objects.exclude(customer_id__in=list(Agenda.objects.values_list("customer_id", flat=True)[:10])).update(
        due_at=None
    )

    def fail(customer_ids: object) -> None:
        raise LookupError("nothing can be read")

    monkeypatch.setattr(engine, "read_accounts", fail)
    assert run(NOW) == Tally(parked=10)
    assert set(ParkedCustomer.objects.values_list("reason", flat=True)) == {"LookupError: nothing can be read"}
