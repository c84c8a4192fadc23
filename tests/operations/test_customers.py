"""Customers and brands as the operations leave them."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent, TestClock
from core.operations import SYSTEM
from customers import operations, queries
from customers.domain.customer import CustomerDraft
from customers.models import Agenda, Brand, Customer

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = datetime(2020, 1, 1, tzinfo=UTC)
ALICE = CustomerDraft(email="alice@example.org", country="DE", tax_number="DE136695976")


def create(draft: CustomerDraft = ALICE) -> Customer:
    """Make a customer."""
    return operations.create_customer(draft, actor=SYSTEM, now=NOW)


def test_a_customer_has_one_row_of_the_agenda_with_nothing_due() -> None:
    customer = create()
    agenda = Agenda.objects.get()
    assert (agenda.customer_id, agenda.due_at, agenda.test_clock_id) == (customer.id, None, None)
    assert customer.tax_number_check == Customer.TaxNumberCheck.FORMAT


def test_the_default_brand_is_made_once() -> None:
    first, second = create(), create()
    assert first.brand_id == second.brand_id == Brand.objects.get(code="default").id


def test_a_customer_on_a_clock_is_made_at_its_moment() -> None:
    clock = TestClock.objects.create(now_at=CLOCK, created_at=NOW)
    customer = create(CustomerDraft(email="a@example.org", test_clock_id=clock.id))
    assert customer.created_at == OutboxEvent.objects.get().created_at == CLOCK
    assert AuditEntry.objects.get().recorded_at == NOW
    assert queries.now_of(queries.get_customer(customer.id), NOW) == CLOCK
    assert queries.now_of(create(), NOW) == NOW


def test_a_clock_under_way_takes_no_customers() -> None:
    clock = TestClock.objects.create(now_at=CLOCK, target_at=NOW, status="advancing", created_at=NOW)
    with pytest.raises(Conflict):
        create(CustomerDraft(test_clock_id=clock.id))
    with pytest.raises(Invalid):
        create(CustomerDraft(test_clock_id=uuid.uuid4()))
    assert not Customer.objects.exists()


def test_a_change_is_written_with_what_was_there_before() -> None:
    customer = create()
    changes = {"name": "Alice", "standard_tax_rate": Decimal("7.5"), "address": {"country": "FR"}}
    changed = operations.update_customer(customer.id, changes, actor=SYSTEM, now=NOW)
    assert (changed.country, changed.tax_number_check) == ("FR", Customer.TaxNumberCheck.MALFORMED)
    entry = AuditEntry.objects.get(action="customer.updated")
    assert entry.before == {"name": "", "standard_tax_rate": None, "country": "DE", "tax_number_check": "format"}
    assert entry.after == {
        "name": "Alice",
        "standard_tax_rate": "7.5",
        "country": "FR",
        "tax_number_check": "malformed",
    }


def test_a_change_to_what_is_there_writes_nothing() -> None:
    customer = create()
    operations.update_customer(customer.id, {"email": ALICE.email, "brand_id": None}, actor=SYSTEM, now=NOW)
    assert OutboxEvent.objects.count() == AuditEntry.objects.count() == 1


def test_none_clears_to_the_default() -> None:
    customer = create(CustomerDraft(billing_type="invoice", locale="de", standard_tax_rate=Decimal(7)))
    cleared = {"billing_type": None, "locale": None, "standard_tax_rate": None, "tax_number": None}
    changed = operations.update_customer(customer.id, cleared, actor=SYSTEM, now=NOW)
    assert (changed.billing_type, changed.locale, changed.standard_tax_rate, changed.tax_number) == (
        "card",
        "en",
        None,
        "",
    )


def test_an_unknown_customer_is_not_found() -> None:
    for ask in (queries.get_customer, queries.lock_customer, queries.require_customer, queries.list_payment_methods):
        with pytest.raises(NotFound):
            ask(uuid.uuid4())
    with pytest.raises(NotFound):
        operations.update_customer(uuid.uuid4(), {}, actor=SYSTEM, now=NOW)


def test_a_brand_goes_only_when_nobody_has_it() -> None:
    used = create().brand
    free = operations.create_brand({"code": "free", "name": "Free", "country": "DE"}, actor=SYSTEM, now=NOW)
    with pytest.raises(Conflict):
        operations.create_brand({"code": "free", "name": "Again", "country": "DE"}, actor=SYSTEM, now=NOW)
    with pytest.raises(Conflict):
        operations.delete_brand(used.id, actor=SYSTEM, now=NOW)
    operations.delete_brand(free.id, actor=SYSTEM, now=NOW)
    assert list(Brand.objects.values_list("code", flat=True)) == ["default"]
