"""Invoices taken back: a full credit note, balance and vouchers returned, lines waived or billed again (section 8)."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from billing.models import PaymentAttempt
from billing.operations import claiming, plan_changes
from billing.operations.balance import Adjustment, adjust_balance
from billing.operations.charging import charge_due
from billing.operations.credits import CreditNoteCommand, InvoicePaid, make_credit_note, void_invoice
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.write_offs import ChargeOnItsWay, write_off_invoice
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict, Invalid
from core.models import OutboxEvent
from customers.models import Agenda, Customer
from invoicing.domain.charge import CAP, COUNTS, FREED
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.queries.history import list_billed_lines
from ledger.models import CustomerBalance, Posting
from subscriptions.models import Subscription, VoucherRedemption
from tests.books import assert_books_balance
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import make_due_charge, make_invoice

pytestmark = pytest.mark.django_db
NOW = at("2026-01-16 10:17")


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


@pytest.fixture(autouse=True)
def sound_books() -> Iterator[None]:
    yield
    assert_books_balance()
    silent = {"nobody is due and unbilled", "the agenda knows when each customer is due"}
    assert [breach for breach in check_books(now=NOW) if breach.proof not in silent] == []


def billed(company: Company, customer: Customer) -> Invoice:
    """Bill 30.00 a month, 35.70 with tax, for January."""
    price = company.price()
    company.start(customer, company.plan("Team", price), price, now=at("2026-01-01"))
    return Invoice.objects.get()


def test_a_void_is_a_full_credit_note(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    void_invoice(invoice_id=invoice.id, reason="Wrong customer", now=NOW)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due_minor, invoice.voided_at) == ("void", 0, NOW)
    note = CreditNote.objects.get()
    assert (note.origin, note.total_minor, note.to_invoices_minor, note.to_balance_minor) == ("void", 3570, 3570, 0)
    assert (note.reason, note.rebills) == ("Wrong customer", False)
    accounts = Posting.objects.values_list("account", "amount_minor")
    assert sum(minor for account, minor in accounts if account == "receivable") == 0
    assert OutboxEvent.objects.filter(type="invoice.voided", object_id=invoice.id).count() == 1
    with pytest.raises(Conflict):
        void_invoice(invoice_id=invoice.id, now=NOW)
    assert CreditNote.objects.count() == 1


def test_a_credit_by_hand_before_it_is_not_given_twice(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    make_credit_note(CreditNoteCommand(invoice.id, 570), now=NOW)
    void_invoice(invoice_id=invoice.id, now=NOW)
    assert list(CreditNote.objects.order_by("id").values_list("total_minor", flat=True)) == [570, 3000]


def test_the_balance_used_is_returned(company: Company, alice: Customer) -> None:
    adjust_balance(customer_id=alice.id, adjustment=Adjustment("credit", 5000, "EUR"), now=JANUARY)
    invoice = billed(company, alice)
    assert (invoice.status, CustomerBalance.objects.get().balance_minor) == ("paid", 1430)
    void_invoice(invoice_id=invoice.id, now=NOW)
    assert CustomerBalance.objects.get().balance_minor == 5000
    note = CreditNote.objects.get()
    assert (note.to_invoices_minor, note.to_balance_minor) == (0, 3570)


def test_a_debit_taken_comes_back(company: Company, alice: Customer) -> None:
    adjust_balance(customer_id=alice.id, adjustment=Adjustment("debit", 100, "EUR"), now=JANUARY)
    invoice = billed(company, alice)
    assert invoice.amount_due_minor == 3670
    void_invoice(invoice_id=invoice.id, now=NOW)
    note = CreditNote.objects.get()
    assert (note.total_minor, note.to_invoices_minor, note.to_balance_minor) == (3570, 3670, -100)
    assert CustomerBalance.objects.get().balance_minor == -100


def test_vouchers_used_up_are_returned_once(company: Company, alice: Customer) -> None:
    company.voucher(alice)
    invoice = billed(company, alice)
    assert invoice.total_minor == 1785
    assert VoucherRedemption.objects.values_list("remaining", flat=True).get() == 0
    void_invoice(invoice_id=invoice.id, now=NOW)
    redemption = VoucherRedemption.objects.get()
    assert (redemption.remaining, redemption.ended_at) == (1, None)
    assert redemption.uses.get().returned_at == NOW
    assert CreditNote.objects.get().total_minor == 1785


def test_a_period_that_was_opened_by_it_is_counted_no_more(company: Company, alice: Customer) -> None:
    """Two of three months are left after February's; what is added in it has no discount: 14 of 28 days of 1000."""
    company.voucher(alice, duration="repeating", duration_count=3)
    billed(company, alice)
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    first, second = Invoice.objects.order_by("due_moment_at")
    redemption = VoucherRedemption.objects.get()
    void_invoice(invoice_id=first.id, now=at("2026-02-02"))
    assert list(redemption.periods.values_list("until_at", flat=True)) == [at("2026-03-01")]
    void_invoice(invoice_id=second.id, now=at("2026-02-02"))
    redemption.refresh_from_db()
    assert (redemption.remaining, redemption.periods.count()) == (3, 0)
    added = plan_changes.add_item(
        subscription_id=Subscription.objects.get().id,
        price_id=company.price(unit_price=1000).id,
        quantity=1,
        now=at("2026-02-15"),
    )
    assert [one.sub_total_minor for one in added.proposals] == [500]


def test_an_invoice_of_nothing_can_be_taken_back(company: Company, alice: Customer) -> None:
    company.voucher(alice, percent=100)
    invoice = billed(company, alice)
    assert (invoice.status, invoice.total_minor) == ("paid", 0)
    void_invoice(invoice_id=invoice.id, now=NOW)
    assert (CreditNote.objects.get().total_minor, VoucherRedemption.objects.get().remaining) == (0, 1)


def test_what_was_paid_is_not_voided(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    record_transfer(invoice_id=invoice.id, amount_minor=1, currency="EUR", paid_at=NOW, reference="", now=NOW)
    with pytest.raises(InvoicePaid):
        void_invoice(invoice_id=invoice.id, now=NOW)
    assert Invoice.objects.get().status == "open"


def test_neither_drafts_nor_debts_given_up_are_voided(alice: Customer) -> None:
    invoice = make_invoice(alice)
    write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)
    with pytest.raises(Conflict):
        void_invoice(invoice_id=invoice.id, now=NOW)


def test_a_charge_on_its_way_decides_first(company: Company) -> None:
    attempt = make_due_charge(company)
    invoice = Invoice.objects.get()
    with transaction.atomic():
        claiming.claim_attempt(attempt.id, JANUARY)
    with pytest.raises(ChargeOnItsWay):
        void_invoice(invoice_id=invoice.id, now=NOW)
    with pytest.raises(ChargeOnItsWay):
        write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)
    assert Invoice.objects.get().status == "open"


def test_the_scheduled_charge_goes_and_the_subscription_is_overdue_no_more(company: Company) -> None:
    make_due_charge(company, token="tok_declined")
    charge_due(JANUARY)
    assert Subscription.objects.get().status == "overdue_payment_open"
    invoice = Invoice.objects.get()
    void_invoice(invoice_id=invoice.id, now=NOW)
    assert Subscription.objects.get().status == "active"
    assert not PaymentAttempt.objects.filter(status="scheduled").exists()


def test_waived_lines_stay_billed(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    item_id = invoice.lines.get().item_id
    assert item_id is not None
    void_invoice(invoice_id=invoice.id, now=NOW)
    lines = list_billed_lines({item_id: at("2026-01-01")})[item_id]
    assert [(line.amount_minor, line.use) for line in lines] == [(3000, COUNTS), (-3000, CAP)]
    subscription = Subscription.objects.get()
    assert (subscription.dirty_from, subscription.next_due_at) == (None, at("2026-02-01"))


def test_freed_lines_are_taken_back_and_the_customer_is_due(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    item_id = invoice.lines.get().item_id
    assert item_id is not None
    void_invoice(invoice_id=invoice.id, rebill=True, now=NOW)
    lines = list_billed_lines({item_id: at("2026-01-01")})[item_id]
    assert [(line.amount_minor, line.use) for line in lines] == [(3000, FREED), (-3000, FREED)]
    subscription = Subscription.objects.get()
    assert (subscription.dirty_from, subscription.next_due_at) == (at("2026-01-01"), NOW)
    assert Agenda.objects.get().due_at == NOW
    assert CreditNote.objects.get().rebills


def test_the_next_run_bills_freed_lines_again_and_once(company: Company, alice: Customer) -> None:
    invoice = billed(company, alice)
    void_invoice(invoice_id=invoice.id, rebill=True, now=NOW)
    for _ in range(2):
        run_billing(Scope(as_of=NOW, now=NOW))
    again = Invoice.objects.exclude(id=invoice.id).get()
    line = again.lines.get()
    assert (again.total_minor, line.period_start, line.revision) == (3570, at("2026-01-01"), 1)
    subscription = Subscription.objects.get()
    assert (subscription.dirty_from, subscription.next_due_at) == (None, at("2026-02-01"))
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    assert list(Invoice.objects.order_by("id").values_list("total_minor", flat=True)) == [3570, 3570, 3570]


def test_the_next_run_leaves_waived_lines_alone(company: Company, alice: Customer) -> None:
    void_invoice(invoice_id=billed(company, alice).id, now=NOW)
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    (period,) = Invoice.objects.get(status="open").lines.values_list("period_start", flat=True)
    assert period == at("2026-02-01")


def test_an_invoice_billed_again_can_be_taken_back_again(company: Company, alice: Customer) -> None:
    billed(company, alice)
    for _ in range(2):
        void_invoice(invoice_id=Invoice.objects.get(status="open").id, rebill=True, now=NOW)
        run_billing(Scope(as_of=NOW, now=NOW))
    assert [line.revision for line in InvoiceLine.objects.order_by("id")] == [0, 1, 2]
    assert Invoice.objects.filter(status="open").count() == 1


def test_only_a_subscription_s_lines_are_billed_again(alice: Customer) -> None:
    invoice = make_invoice(alice)
    with pytest.raises(Invalid) as refusal:
        void_invoice(invoice_id=invoice.id, rebill=True, now=NOW)
    assert list(refusal.value.fields) == ["rebill"]
    assert Invoice.objects.get().status == "open"
