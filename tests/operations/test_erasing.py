"""Erasing a customer: what runs ends, cards are forgotten, who it was is blanked; issued paper stays."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.operations.cards import add_card
from billing.operations.erasing import erase_customer
from billing.operations.start import StartCommand, start_subscription
from core.errors import Conflict
from core.models import AuditEntry, OutboxEvent
from core.operations import SYSTEM, Actor
from customers import operations as customer_operations
from customers.domain.customer import CustomerDraft
from customers.models import Customer, PaymentMethod
from invoicing.models import Invoice
from notifications.operations import sending
from notifications.operations.dispatching import dispatch_facts
from subscriptions.models import Plan, Subscription
from tests.cast import JANUARY, Company, make_company
from tests.hooks import make_endpoint

pytestmark = pytest.mark.django_db

PLANTED = "Wilhelmine"
STAFF = Actor("staff", None, "Grace", "req-1")


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def flat(company: Company) -> Plan:
    return company.plan("Flat", company.price())


@pytest.fixture
def planted(company: Company, flat: Plan) -> Customer:
    """Return a customer who told a rare name everywhere, with a card and a paid subscription."""
    draft = CustomerDraft(
        email=f"{PLANTED}@example.org",
        name=PLANTED,
        reference=f"user-{PLANTED}",
        company_name=f"{PLANTED} Ltd",
        street_line_one=f"{PLANTED} Street 1",
        city=f"Port {PLANTED}",
        country="US",
        metadata={"nick": PLANTED},
        brand_id=company.brand.id,
    )
    customer = customer_operations.create_customer(draft, actor=STAFF, now=JANUARY)
    add_card(customer_id=customer.id, token="tok_visa", now=JANUARY)
    start(customer, flat)
    return customer


def start(customer: Customer, plan: Plan) -> Subscription:
    price = plan.prices.get()
    command = StartCommand(plan=plan.code_name, price_id=price.id)
    return start_subscription(customer_id=customer.id, command=command, now=JANUARY)


def places_with(word: str) -> set[str]:
    """Return the columns of any table of ours that hold a word."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND data_type IN ('text', 'character varying', 'jsonb') AND table_name ~ "
            "'^(core|customers|ledger|subscriptions|usage|invoicing|billing|notifications|integrations)_'"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE %s)', [f"%{word}%"])  # noqa: S608 - names of our own tables
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
    return found


def test_a_planted_name_is_found_only_on_paper_that_was_issued(planted: Customer) -> None:
    make_endpoint()
    customer_operations.update_customer(planted.id, {"name": f"{PLANTED} II"}, actor=STAFF, now=JANUARY)
    dispatch_facts(JANUARY)
    assert sending.send_due(JANUARY, limit=100) > 0
    before = places_with(PLANTED)
    told = {"notifications_webhookbody.text", "notifications_message.recipient", "notifications_message.text"}
    assert {"customers_customer.name", "core_auditentry.after", "core_outboxevent.payload"} | told < before
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    # What tells others is blanked by whoever hands facts on.
    dispatch_facts(JANUARY)
    assert sending.send_due(JANUARY, limit=100) == 0
    assert places_with(PLANTED) == {"invoicing_invoice.buyer"}


def test_what_ran_has_ended_and_paper_is_whole(planted: Customer) -> None:
    paid = Invoice.objects.get(customer=planted)
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    assert Subscription.objects.get(customer=planted).status == "cancelled"
    card = PaymentMethod.objects.get(customer=planted)
    assert (card.removed_at, card.is_default, card.last_four) == (JANUARY, False, "")
    kept = Invoice.objects.get(customer=planted)
    assert (kept.number, kept.total_minor, kept.buyer) == (paid.number, 3000, paid.buyer)
    planted.refresh_from_db()
    assert (planted.email, planted.reference, planted.country, planted.erased_at) == ("", "", "US", JANUARY)
    assert OutboxEvent.objects.filter(type="customer.erased", object_id=planted.id).count() == 1


def test_the_trail_still_says_what_was_done_and_by_whom(planted: Customer) -> None:
    before = set(AuditEntry.objects.values_list("action", "actor_name"))
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    after = set(AuditEntry.objects.values_list("action", "actor_name"))
    assert before < after
    assert ("customer.erased", "Grace") in after


def test_a_second_time_nothing_happens(planted: Customer) -> None:
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    entries = AuditEntry.objects.count()
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    assert AuditEntry.objects.count() == entries


def test_an_erased_customer_is_sold_nothing_and_told_nothing(planted: Customer, flat: Plan) -> None:
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    asked: list[Any] = [
        lambda: start(planted, flat),
        lambda: add_card(customer_id=planted.id, token="tok_visa", now=JANUARY),
        lambda: customer_operations.update_customer(planted.id, {"name": PLANTED}, actor=STAFF, now=JANUARY),
    ]
    for ask in asked:
        with pytest.raises(Conflict) as refused:
            ask()
        assert refused.value.code == "customer_erased"


def test_others_keep_everything(company: Company, planted: Customer) -> None:
    bob = customer_operations.create_customer(
        CustomerDraft(email="bob@example.org", name="Bob", brand_id=company.brand.id), actor=SYSTEM, now=JANUARY
    )
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    bob.refresh_from_db()
    assert (bob.name, bob.erased_at) == ("Bob", None)
    assert AuditEntry.objects.get(object_id=bob.id).after is not None


def test_nothing_is_erased_while_a_first_charge_is_open(planted: Customer) -> None:
    Subscription.objects.update(status="incomplete")
    with pytest.raises(Conflict):
        erase_customer(planted.id, actor=STAFF, now=JANUARY)
    planted.refresh_from_db()
    assert planted.name == PLANTED
    assert not PaymentMethod.objects.filter(removed_at__isnull=False).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditentry SET actor_name = 'Mallory'",
        "UPDATE core_auditentry SET before = NULL, after = NULL, reason = '', action = 'nothing'",
        "UPDATE core_auditentry SET before = '{}'",
        "DELETE FROM core_auditentry",
    ],
)
def test_erasing_lets_the_trail_be_blanked_and_nothing_else(planted: Customer, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL reckoner.may_erase = 'on'")
        with pytest.raises(DatabaseError, match="append-only"):
            cursor.execute(statement)


def test_the_database_holds_an_erased_customer_to_be_nobody(planted: Customer) -> None:
    erase_customer(planted.id, actor=STAFF, now=JANUARY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.filter(id=planted.id).update(name=PLANTED)
