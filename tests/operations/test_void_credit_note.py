"""A credit note by hand is voided: by one of its own series that turns it round (Billing rules, section 8)."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.models import PaymentAttempt
from billing.operations.charging import charge_due
from billing.operations.credits import CreditNoteCommand, make_credit_note, void_credit_note, void_invoice
from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Conflict
from customers.models import Customer
from invoicing.models import CreditNote, Invoice
from invoicing.operations.recognition import recognise_revenue
from invoicing.queries.giving_back import list_line_rests
from invoicing.queries.recomputing import recompute_credit_note
from ledger.models import CustomerBalance, Posting
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db
NOW, FEBRUARY = at("2026-01-16 10:17"), at("2026-02-01")


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


@pytest.fixture(autouse=True)
def sound_books() -> Iterator[None]:
    yield
    assert [breach for breach in check_books(now=NOW) if "agenda" not in breach.proof] == []
    assert all(recompute_credit_note(note).is_equal for note in CreditNote.objects.select_related("brand"))


def billed(company: Company, customer: Customer) -> Invoice:
    """Bill 1000 and 2000 at 19 %: 3570."""
    prices = [company.price(unit_price=1000), company.price(unit_price=2000)]
    company.start(customer, company.plan("Team", *prices), prices[0], items=tuple(prices[1:]), now=at("2026-01-01"))
    return Invoice.objects.get()


def credit(invoice: Invoice, amount_minor: int, **values: Any) -> CreditNote:
    return make_credit_note(CreditNoteCommand(invoice.id, amount_minor, reason="An outage", **values), now=NOW)


def void(note: CreditNote) -> CreditNote:
    return void_credit_note(credit_note_id=note.id, reason="It was none", now=NOW)


def state(invoice: Invoice) -> tuple[str, int, int]:
    invoice.refresh_from_db()
    return str(invoice.status), invoice.amount_due_minor, invoice.amount_credited_minor


def balance_minor() -> int:
    return sum(CustomerBalance.objects.values_list("balance_minor", flat=True))


def refused(note: CreditNote) -> str:
    before = CreditNote.objects.count()
    with pytest.raises(Conflict) as refusal:
        void(note)
    assert CreditNote.objects.count() == before
    return refusal.value.code


def test_the_open_invoice_asks_for_it_again(company: Company) -> None:
    """1190 of 3570 over both lines in proportion: 334 + 63 and 666 + 127; and back."""
    invoice = billed(company, company.customer("Alice"))
    rests = list_line_rests(invoice.id)
    note = credit(invoice, 1190)
    assert state(invoice) == ("open", 2380, 1190)
    reversal = void(note)
    assert state(invoice) == ("open", 3570, 0)
    assert list_line_rests(invoice.id) == rests
    numbers = (reversal.number, reversal.total_minor, reversal.sub_total_minor, reversal.tax_total_minor)
    assert numbers == ("CN-2026-000002", -1190, -1000, -190)
    lines = list(reversal.lines.order_by("position").values_list("net_minor", "tax_minor", "gross_minor"))
    assert lines == [(334, 63, 397), (666, 127, 793)]
    credit(invoice, 3570)
    assert state(invoice) == ("paid", 0, 3570)


def test_what_was_deferred_is_deferred_again(company: Company) -> None:
    """On the 16th 16 of 31 days of 1000 lie ahead: 516 were taken from deferred revenue, 484 from revenue."""
    invoice = billed(company, company.customer("Alice"))
    void(credit(invoice, 1190))
    recognise_revenue(now=at("2026-02-01 12:00"))
    sums = {name: 0 for name in ("revenue", "deferred_revenue", "tax_payable", "receivable")}
    for account, minor in Posting.objects.values_list("account", "amount_minor"):
        sums[account] += minor
    assert sums == {"revenue": -3000, "deferred_revenue": 0, "tax_payable": -570, "receivable": 3570}


def test_a_covered_invoice_is_open_again_and_a_card_is_charged(company: Company) -> None:
    alice = company.customer("Alice")
    invoice = billed(company, alice)
    note = credit(invoice, 3570)
    assert state(invoice) == ("paid", 0, 3570)
    void(note)
    assert (*state(invoice), invoice.paid_at) == ("open", 3570, 0, None)
    assert not PaymentAttempt.objects.exists()


def test_a_card_pays_what_is_asked_for_again(company: Company) -> None:
    """February's 3570: 2380 were paid after the credit note."""
    alice = company.customer("Alice")
    company.card(alice)
    billed(company, alice)
    run_billing(Scope(as_of=FEBRUARY, now=FEBRUARY))
    invoice = Invoice.objects.get(due_moment_at=FEBRUARY)
    note = credit(invoice, 1190)
    charge_due(FEBRUARY)
    assert state(invoice) == ("paid", 0, 1190)
    void(note)
    assert state(invoice) == ("open", 1190, 0)
    charge_due(FEBRUARY)
    assert (*state(invoice), invoice.amount_paid_minor) == ("paid", 0, 0, 3570)


def test_what_went_to_the_balance_is_taken_from_it(company: Company) -> None:
    alice = company.customer("Alice")
    company.card(alice)
    invoice = billed(company, alice)
    charge_due(NOW)
    note = credit(invoice, 1190)
    assert balance_minor() == 1190
    void(note)
    assert (balance_minor(), state(invoice)) == (0, ("paid", 0, 0))


def test_used_credit_is_not_taken_back(company: Company) -> None:
    """The next invoice, 595, took a half of it."""
    alice = company.customer("Alice")
    company.card(alice)
    invoice = billed(company, alice)
    charge_due(NOW)
    note = credit(invoice, 1190)
    company.start(alice, company.plan("Other", other := company.price(unit_price=500)), other, now=NOW)
    assert (balance_minor(), refused(note)) == (595, "credit_used")


def test_money_that_left_stays_given(company: Company) -> None:
    alice = company.customer("Alice")
    company.card(alice)
    invoice = billed(company, alice)
    charge_due(NOW)
    assert refused(credit(invoice, 1190, pay_out=True)) == "credit_note_paid_out"


def test_once_and_only_what_was_made_by_hand(company: Company) -> None:
    invoice = billed(company, company.customer("Alice"))
    note = credit(invoice, 1190)
    reversal = void(note)
    assert (refused(note), refused(reversal)) == ("credit_note_voided", "credit_note_not_voidable")
    second = credit(invoice, 100)
    void_invoice(invoice_id=invoice.id, now=NOW)
    assert refused(second) == "invoice_not_creditable"
    assert refused(CreditNote.objects.get(origin="void")) == "credit_note_not_voidable"
