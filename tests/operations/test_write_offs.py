"""Debts given up, and paid after all: bad debt and the tax in it (Billing rules, sections 8 and 9)."""

from collections import Counter
from collections.abc import Iterator

import pytest

from billing.operations.balance import Adjustment, adjust_balance
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.seats import remove_seats
from billing.operations.write_offs import write_off_invoice
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict
from customers.models import Customer
from invoicing.models import CreditNote, Invoice
from ledger.models import CustomerBalance, Posting
from tests.books import assert_books_balance
from tests.cast import JANUARY, Company, at, make_company
from tests.factories import make_invoice

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
    silent = {"nobody is due and unbilled", "the agenda knows when each customer is due", "what is over is recognised"}
    assert [breach for breach in check_books(now=NOW) if breach.proof not in silent] == []


def accounts() -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for account, country, minor in Posting.objects.values_list("account", "country", "amount_minor"):
        found[account, country] += minor
    return Counter({key: minor for key, minor in found.items() if minor})


def pay(invoice: Invoice, amount_minor: int) -> Invoice:
    record_transfer(
        invoice_id=invoice.id, amount_minor=amount_minor, currency="EUR", paid_at=NOW, reference="", now=NOW
    )
    invoice.refresh_from_db()
    return invoice


def test_what_is_due_is_given_up_with_its_tax(alice: Customer) -> None:
    invoice = make_invoice(alice)
    write_off_invoice(invoice_id=invoice.id, reason="Insolvent", now=NOW)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due_minor, invoice.written_off_minor) == ("uncollectible", 0, 1190)
    assert invoice.uncollectible_at == NOW
    assert accounts() == {("revenue", ""): -1000, ("bad_debt", ""): 1000}
    with pytest.raises(Conflict):
        write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)


def test_only_what_is_unpaid_is_given_up(alice: Customer) -> None:
    invoice = pay(make_invoice(alice), 400)
    write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)
    # 790 of 1190: 126.13 of tax.
    assert accounts()["bad_debt", ""] == 664
    assert accounts()["tax_payable", "DE"] == -190 + 126
    assert Invoice.objects.get().written_off_minor == 790


def test_paid_after_all_it_is_no_bad_debt_and_its_tax_is_owed_again(alice: Customer) -> None:
    invoice = make_invoice(alice)
    write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)
    pay(invoice, 400)
    assert (invoice.status, invoice.amount_paid_minor, invoice.written_off_minor) == ("uncollectible", 400, 790)
    assert accounts()["tax_payable", "DE"] == -64
    assert accounts()["bad_debt", ""] == 1000 - 336
    pay(invoice, 800)
    assert (invoice.status, invoice.amount_paid_minor, invoice.written_off_minor) == ("paid", 1190, 0)
    assert accounts() == {
        ("revenue", ""): -1000,
        ("tax_payable", "DE"): -190,
        ("provider_clearing", ""): 1200,
        ("customer_balance", ""): -10,
    }
    assert CustomerBalance.objects.get().balance_minor == 10


def test_a_debit_in_it_carries_no_tax(company: Company, alice: Customer) -> None:
    adjust_balance(customer_id=alice.id, adjustment=Adjustment("debit", 100, "EUR"), now=JANUARY)
    price = company.price()
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    invoice = Invoice.objects.get()
    assert invoice.amount_due_minor == 3670
    write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)
    assert accounts()["bad_debt", ""] == 3100
    assert accounts()["tax_payable", "DE"] == 0


def test_a_paid_invoice_is_not_given_up(alice: Customer) -> None:
    invoice = pay(make_invoice(alice), 1190)
    with pytest.raises(Conflict):
        write_off_invoice(invoice_id=invoice.id, reason="", now=NOW)


def test_a_credit_for_what_was_given_up_is_no_money_to_use(company: Company, alice: Customer) -> None:
    """Three seats for January given up, two of them removed on the 2nd: nobody paid for them."""
    price = company.price(type="unit", unit_price=1000)
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(alice, team, price, now=at("2026-01-01"), seats=3)
    write_off_invoice(invoice_id=Invoice.objects.get().id, reason="", now=at("2026-01-01 12:00"))
    remove_seats(subscription_id=subscription.id, seats=2, now=at("2026-01-02"))
    run_billing(Scope(as_of=at("2026-02-01"), now=at("2026-02-01")))
    note = CreditNote.objects.get()
    # -19.35 for 30 of 31 days and 10.00 for February, 19 % on top.
    assert (note.sub_total_minor, note.total_minor) == (935, 1113)
    assert (note.to_invoices_minor, note.to_balance_minor) == (1113, 0)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.written_off_minor) == ("uncollectible", 3570 - 1113)
    assert (accounts()["customer_balance", ""], accounts()["receivable", ""]) == (0, 0)
    assert accounts()["bad_debt", ""] == 3000 - 935
    assert accounts()["tax_payable", "DE"] == 0
