"""Overdue invoices of invoice customers: reminders, disabling, and what paying brings back."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.models import DunningProcess, DunningStep, ParkedInvoice
from billing.operations import dunning, dunning_cards, standing
from billing.operations.clocks import advance_clock
from billing.operations.customers import enable_customer
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.write_offs import write_off_invoice
from core.errors import Conflict
from core.models import OutboxEvent, TestClock
from core.operations import SYSTEM
from customers.models import Customer
from customers.operations import disable_customer
from invoicing.models import Invoice, InvoiceLine
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from tests.sandbox import records

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN = at("2026-01-10 10:00")
END = at("2026-12-01")


@pytest.fixture
def clock() -> TestClock:
    return TestClock.objects.create(now_at=BEGIN, created_at=BEGIN)


@pytest.fixture
def company() -> Company:
    return make_company(payment_terms_days=10)


@pytest.fixture
def bob(company: Company, clock: TestClock) -> Customer:
    """Bob pays by invoice, within ten days: the first is due on 20 January, overdue from the 21st."""
    customer = company.customer("Bob", test_clock=clock)
    price = company.price()
    company.start(customer, company.plan("Team", price), price, now=BEGIN)
    return customer


def advance(moment: str) -> None:
    clock = TestClock.objects.get()
    advance_clock(clock_id=clock.id, to_at=at(moment), now=BEGIN)


def pay(invoice: Invoice, moment: str) -> None:
    record_transfer(
        invoice_id=invoice.id,
        amount_minor=invoice.amount_due_minor,
        currency="EUR",
        paid_at=at(moment),
        reference=f"t-{invoice.number}",
        now=at(moment),
    )


def told() -> list[tuple[str, datetime, Any]]:
    facts = OutboxEvent.objects.filter(type__in=["invoice.overdue", "customer.disabled", "customer.enabled"])
    return [(one.type, one.created_at, one.payload.get("reminder_number")) for one in facts.order_by("id")]


def first() -> Invoice:
    return Invoice.objects.order_by("id")[0]


def status_of() -> tuple[str, str]:
    return Customer.objects.get().status, Subscription.objects.get().status


def test_three_reminders_and_disabled_after_thirty_days(bob: Customer) -> None:
    advance("2026-02-21")
    assert told()[:3] == [
        ("invoice.overdue", at("2026-01-21"), 1),
        ("invoice.overdue", at("2026-01-28"), 2),
        ("invoice.overdue", at("2026-02-04"), 3),
    ]
    assert ("customer.disabled", at("2026-02-20"), None) in told()
    assert status_of() == ("disabled", "overdue_payment_disabled")
    assert Customer.objects.get().disabled_by == "overdue"
    payload = OutboxEvent.objects.filter(type="invoice.overdue").order_by("id")[0].payload
    assert (payload["amount_due"], payload["due_date"]) == (3000, "2026-01-20")
    assert payload["disabled_at"] == at("2026-02-20").isoformat()
    assert not check_books(now=END)


def test_overdue_from_the_day_after_and_active_again_when_paid(bob: Customer) -> None:
    advance("2026-01-20 23:59")
    assert (status_of()[1], told()) == ("active", [])
    advance("2026-01-21")
    assert status_of() == ("active", "overdue_payment_open")
    pay(first(), "2026-01-21")
    assert status_of() == ("active", "active")
    advance("2026-02-09")
    assert len(told()) == 1
    assert DunningProcess.objects.get().status == "recovered"


def test_a_disabled_customer_is_charged_nothing_and_starts_nothing(company: Company, bob: Customer) -> None:
    advance("2026-04-20")
    assert Invoice.objects.count() == 2
    plan, price = company.plans["Team"], company.plans["Team"].prices.get()
    with pytest.raises(Conflict):
        company.start(bob, plan, price, now=at("2026-04-20"))
    assert not records().count_captures(customer=str(bob.id))


def test_paying_enables_and_boundaries_passed_are_not_billed(bob: Customer) -> None:
    advance("2026-04-20")
    for invoice in Invoice.objects.filter(status="open").order_by("id"):
        pay(invoice, "2026-04-20")
    assert status_of() == ("active", "active")
    assert told()[-1] == ("customer.enabled", at("2026-04-20"), None)
    advance("2026-05-20")
    lines = InvoiceLine.objects.order_by("period_start").values_list("period_start", flat=True)
    assert list(lines) == [at("2026-01-10 10:00"), at("2026-02-10 10:00"), at("2026-05-10 10:00")]
    assert not check_books(now=END)


def test_while_another_invoice_disables_paying_one_is_not_enough(bob: Customer) -> None:
    advance("2026-04-20")
    both = Invoice.objects.filter(status="open").order_by("id")
    assert DunningProcess.objects.filter(status="finished").count() == 2
    pay(both[0], "2026-04-20")
    assert status_of() == ("disabled", "overdue_payment_disabled")
    assert not check_books(now=END)


def test_paying_what_disabled_leaves_it_overdue_over_what_is_only_reminded_of(bob: Customer) -> None:
    advance("2026-02-25")
    pay(first(), "2026-02-25")
    assert status_of() == ("active", "overdue_payment_open")
    assert not check_books(now=END)


def test_enabling_by_hand_is_for_good(bob: Customer) -> None:
    advance("2026-02-21")
    enable_customer(bob.id, actor=SYSTEM, now=BEGIN)
    assert status_of() == ("active", "active")
    assert not check_books(now=END)


def test_whom_a_person_disabled_paying_does_not_enable(bob: Customer) -> None:
    disable_customer(bob.id, actor=SYSTEM, now=BEGIN)
    advance("2026-02-21")
    pay(first(), "2026-02-21")
    assert Customer.objects.get().status == "disabled"


def test_a_debt_given_up_does_not_enable(bob: Customer) -> None:
    advance("2026-02-21")
    write_off_invoice(invoice_id=first().id, reason="gone", now=BEGIN)
    assert Customer.objects.get().status == "disabled"


def test_nobody_is_disabled_where_the_brand_says_never(company: Company, bob: Customer) -> None:
    type(company.brand).objects.update(overdue_disable_days=None, overdue_reminder_days=[0])
    advance("2026-03-20")
    assert status_of() == ("active", "overdue_payment_open")
    assert Invoice.objects.count() == 3
    assert set(DunningProcess.objects.values_list("status", flat=True)) == {"finished"}


def test_a_brand_that_neither_reminds_nor_disables_begins_nothing(company: Company, bob: Customer) -> None:
    type(company.brand).objects.update(overdue_disable_days=None, overdue_reminder_days=[])
    advance("2026-03-01")
    assert status_of() == ("active", "active")
    assert not DunningProcess.objects.exists()


def test_what_cannot_begin_is_parked_stops_no_other_and_begins_later(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Bob", "Carol"):
        price = company.price()
        company.start(company.customer(name), company.plan(name, price), price, now=BEGIN)
    now = at("2026-01-22")
    broken, mark_unpaid = first().id, standing.mark_unpaid

    def break_the_first(invoice_ids: list[uuid.UUID], moment: datetime) -> Any:
        if broken in invoice_ids:
            raise LookupError("no such zone")
        return mark_unpaid(invoice_ids, moment)

    with monkeypatch.context() as patch:
        patch.setattr(standing, "mark_unpaid", break_the_first)
        for minutes in (0, 1, 6):
            dunning.run_everywhere(now=now + timedelta(minutes=minutes))
    parked = ParkedInvoice.objects.get()
    assert (parked.invoice_id, parked.reason, parked.failures) == (broken, "LookupError: no such zone", 2)
    assert parked.retry_at == now + timedelta(minutes=16)
    assert [one.invoice_id == broken for one in DunningProcess.objects.all()] == [False]
    assert [breach.object_id for breach in check_books(now=now)] == [broken]
    dunning.run_everywhere(now=now + timedelta(minutes=17))
    assert DunningProcess.objects.count() == 2
    assert not ParkedInvoice.objects.exists()


def test_a_parked_invoice_that_is_paid_is_forgotten(bob: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(standing, "mark_unpaid", {}.pop)
        advance("2026-01-22")
    assert ParkedInvoice.objects.count() == 1
    pay(first(), "2026-01-22")
    dunning.run_everywhere(now=BEGIN)
    assert not ParkedInvoice.objects.exists()


def test_a_person_stops_it(bob: Customer) -> None:
    advance("2026-01-22")
    process = DunningProcess.objects.get()
    with pytest.raises(Conflict):
        dunning_cards.retry_now(process.id, actor=SYSTEM, now=BEGIN)
    dunning_cards.stop_process(process.id, actor=SYSTEM, now=BEGIN)
    advance("2026-02-19")
    assert len(told()) == 1
    assert list(DunningStep.objects.order_by("id").values_list("kind", flat=True)) == ["begin", "remind", "stop"]


def test_a_scheduled_end_comes_while_it_is_disabled(bob: Customer) -> None:
    advance("2026-02-21")
    subscription = Subscription.objects.get()
    Subscription.objects.update(cancel_at=subscription.next_due_at)
    advance("2026-03-20")
    assert Subscription.objects.get().status == "cancelled"
    assert Invoice.objects.count() == 2
