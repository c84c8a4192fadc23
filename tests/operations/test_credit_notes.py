"""Credit notes by hand: over an invoice's lines, never beyond its rest, booked and numbered (section 8)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import Refund
from billing.operations.charging import charge_due
from billing.operations.credits import CreditNoteCommand, make_credit_note
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.refunding import pay_out_due
from core.errors import Conflict, Invalid
from core.models import OutboxEvent
from customers.models import Customer
from invoicing.domain.charge import CAP, COUNTS
from invoicing.models import CreditNote, CreditNoteLine, Invoice
from invoicing.queries.giving_back import list_line_rests
from invoicing.queries.history import list_billed_lines
from ledger.models import CustomerBalance, Entry
from tests.books import assert_books_balance
from tests.cast import Company, at, make_company
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
    assert [breach for breach in check_books(now=NOW) if "agenda" not in breach.proof] == []


def three_lines(company: Company, customer: Customer) -> Invoice:
    """Bill 999 three times at 19 %: tax of 569, on lines of 190, 190 and 189."""
    prices = [company.price(unit_price=999) for _ in range(3)]
    company.start(customer, company.plan("Team", *prices), prices[0], items=tuple(prices[1:]), now=at("2026-01-01"))
    return Invoice.objects.get()


def credit(invoice: Invoice, amount_minor: int | None = None, **values: Any) -> CreditNote:
    command = CreditNoteCommand(invoice.id, amount_minor, **{"reason": "An outage", **values})
    return make_credit_note(command, now=NOW)


def lines_of(note: CreditNote) -> list[tuple[int, int]]:
    return [(-line.net_minor, -line.tax_minor) for line in note.lines.order_by("position")]


def balance_minor() -> int:
    return CustomerBalance.objects.values_list("balance_minor", flat=True).get()


def test_a_gross_is_spread_over_all_lines_with_their_stored_tax(company: Company, alice: Customer) -> None:
    invoice = three_lines(company, alice)
    note = credit(invoice, 100)
    # 100 x 569 / 3566 = 15.96 of tax; 34, 33 and 33 gross.
    assert (note.sub_total_minor, note.tax_total_minor, note.total_minor) == (84, 16, 100)
    assert lines_of(note) == [(28, 6), (28, 5), (28, 5)]
    assert (note.origin, note.number, note.reason) == ("manual", "CN-2026-000001", "An outage")
    assert (note.seller, note.buyer) == (invoice.seller, invoice.buyer)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due_minor, invoice.amount_credited_minor) == ("open", 3466, 100)
    assert list(Entry.objects.filter(kind="credit_note").values_list("customer_id", flat=True)) == [alice.id]
    assert OutboxEvent.objects.filter(type="credit_note.created", object_id=note.id).count() == 1


def test_many_parts_give_back_exactly_what_the_lines_charged(company: Company, alice: Customer) -> None:
    invoice = three_lines(company, alice)
    for amount in (1, 100, 777, 1001, 3566 - 1879):
        credit(invoice, amount)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due_minor) == ("paid", 0)
    assert [(rest.gross_minor, rest.tax_minor) for rest in list_line_rests(invoice.id)] == [(0, 0)] * 3
    assert sum(CreditNote.objects.values_list("tax_total_minor", flat=True)) == 569
    with pytest.raises(Invalid) as refusal:
        credit(invoice, 1)
    assert list(refusal.value.fields) == ["amount"]


def test_chosen_lines_are_given_back_up_to_what_they_charge(company: Company, alice: Customer) -> None:
    invoice = three_lines(company, alice)
    note = credit(invoice, lines_minor={2: 1189, 3: 88})
    assert lines_of(note) == [(999, 190), (74, 14)]
    with pytest.raises(Invalid) as refusal:
        credit(invoice, lines_minor={2: 1, 3: 1101, 4: 1})
    assert list(refusal.value.fields) == ["lines.0.amount", "lines.1.amount", "lines.2.line"]
    assert CreditNote.objects.count() == 1


def test_what_an_open_invoice_does_not_take_goes_to_the_balance(company: Company, alice: Customer) -> None:
    invoice = three_lines(company, alice)
    record_transfer(invoice_id=invoice.id, amount_minor=3000, currency="EUR", paid_at=NOW, reference="BANK-1", now=NOW)
    note = credit(invoice, 1000)
    assert (note.to_invoices_minor, note.to_balance_minor, note.refunded_minor) == (566, 434, 0)
    invoice.refresh_from_db()
    assert (invoice.status, balance_minor()) == ("paid", 434)
    assert set(OutboxEvent.objects.values_list("type", flat=True)) >= {"invoice.paid"}


def test_what_is_over_may_be_paid_out(company: Company) -> None:
    attempt = make_due_charge(company)
    charge_due(NOW)
    invoice = Invoice.objects.get()
    note = credit(invoice, 500, pay_out=True)
    assert (note.to_balance_minor, note.refunded_minor) == (0, 500)
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_minor, refund.credit_note_id) == ("started", 500, note.id)
    assert pay_out_due(NOW, limit=10, customer_id=attempt.customer_id).issued == 1


def test_what_was_never_paid_is_not_paid_out(company: Company, alice: Customer) -> None:
    note = credit(make_invoice(alice), 1190, pay_out=True)
    assert (note.to_invoices_minor, note.refunded_minor) == (1190, 0)
    assert not Refund.objects.exists()


@pytest.mark.parametrize("amount", [0, -5, 1191])
def test_the_invoice_s_rest_is_the_bound(alice: Customer, amount: int) -> None:
    with pytest.raises(Invalid):
        credit(make_invoice(alice), amount)
    assert not CreditNote.objects.exists()


def test_a_void_invoice_takes_no_credit_note(alice: Customer) -> None:
    from billing.operations.credits import void_invoice

    invoice = make_invoice(alice)
    void_invoice(invoice_id=invoice.id, now=NOW)
    with pytest.raises(Conflict):
        credit(invoice, 1)


def test_the_database_refuses_a_line_given_back_twice(alice: Customer) -> None:
    invoice = make_invoice(alice)
    credit(invoice, 700)
    row = CreditNoteLine.objects.values().get()
    with pytest.raises(IntegrityError, match="beyond what it charged"), transaction.atomic():
        CreditNoteLine.objects.create(**{**row, "id": invoice.id})


def test_what_counts_as_billed_is_not_changed(company: Company, alice: Customer) -> None:
    invoice = three_lines(company, alice)
    horizons = {line.item_id: at("2026-01-01") for line in invoice.lines.all() if line.item_id is not None}
    before = list_billed_lines(horizons)
    credit(invoice, 100)
    after = list_billed_lines(horizons)
    counted = {item_id: tuple(line for line in lines if line.use == COUNTS) for item_id, lines in after.items()}
    assert counted == before
    caps = [line.amount_minor for lines in after.values() for line in lines if line.use == CAP]
    assert sorted(caps) == [-28, -28, -28]


def test_a_credit_taxed_inclusively_keeps_the_line_s_mode(company: Company, alice: Customer) -> None:
    price = company.price(unit_price=1199, including_tax=True)
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    note = credit(Invoice.objects.get(), 600)
    # 191 of 1199: 95.58 of tax.
    assert lines_of(note) == [(504, 96)]
    line = note.lines.get()
    assert (line.including_tax, line.amount_minor, line.discount_minor) == (True, -600, 0)
    assert line.proof["tax"]["parts"][0][-1] == -96
    assert (line.deferred_minor, line.net_minor) == (-260, -504)


def test_a_discount_is_given_back_with_its_line(company: Company, alice: Customer) -> None:
    company.voucher(alice)
    price = company.price()
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    note = credit(Invoice.objects.get(), 1785)
    line = note.lines.get()
    assert (line.amount_minor, line.discount_minor, line.net_minor) == (-3000, -1500, -1500)
