"""Moving a customer's balance by hand, and what it does to the next invoice (Billing rules, section 6)."""

import uuid

import pytest

from billing.operations.balance import Adjustment, adjust_balance
from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from core.errors import Invalid, NotFound
from core.models import AuditEntry
from core.operations import Actor
from customers.models import Customer
from invoicing.models import Invoice
from ledger.models import CustomerBalance, Entry, Posting
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db

NOW = at("2026-01-31 23:30")


@pytest.fixture
def company() -> Company:
    return make_company(time_zone="Europe/Berlin")


@pytest.fixture
def alice(company: Company) -> Customer:
    return company.customer("Alice")


def adjust(customer: Customer, type_: str, amount: int, currency: str = "EUR", reason: str = "") -> int:
    balance = adjust_balance(
        customer_id=customer.id, adjustment=Adjustment(type_, amount, currency, reason), now=NOW, actor=Actor("staff")
    )
    return balance.balance_minor


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def papers() -> list[tuple[int, int, int, str]]:
    columns = ("total_minor", "balance_applied_minor", "amount_due_minor", "status")
    return list(Invoice.objects.order_by("sequence").values_list(*columns))


def test_credits_and_debits_add_up_per_currency(alice: Customer) -> None:
    assert adjust(alice, "credit", 1100) == 1100
    assert adjust(alice, "debit", 1500) == -400
    assert adjust(alice, "credit", 700, "USD") == 700
    assert dict(CustomerBalance.objects.values_list("currency", "balance_minor")) == {"EUR": -400, "USD": 700}
    assert check_books(now=NOW) == ()


def test_a_movement_is_an_entry_at_the_brands_date(alice: Customer) -> None:
    """23:30 UTC is the next day in Berlin."""
    adjust(alice, "credit", 1100)
    entry = Entry.objects.get()
    assert (entry.kind, entry.posted_at, entry.accounting_date) == ("balance", NOW, at("2026-02-01").date())
    postings = Posting.objects.order_by("id").values_list("account", "amount_minor", "customer_id")
    assert list(postings) == [("credit_granted", 1100, None), ("customer_balance", -1100, alice.id)]


def test_who_did_it_and_why_is_kept(alice: Customer) -> None:
    adjust(alice, "debit", 5, reason="agreed by phone")
    entry = AuditEntry.objects.get(action="customer.balance")
    assert (entry.actor_kind, entry.object_id, entry.reason) == ("staff", alice.id, "agreed by phone")
    assert entry.after == {"type": "debit", "amount": 5, "currency": "EUR"}


@pytest.mark.parametrize(
    ("type_", "amount", "field"), [("gift", 5, "type"), ("credit", 0, "amount"), ("debit", -5, "amount")]
)
def test_what_moves_nothing_is_refused(alice: Customer, type_: str, amount: int, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        adjust(alice, type_, amount)
    assert field in refusal.value.fields
    assert not Entry.objects.exists()


def test_nobody_has_no_balance() -> None:
    with pytest.raises(NotFound):
        adjust(Customer(id=uuid.UUID(int=1)), "credit", 5)


@pytest.mark.parametrize(
    ("moved", "expected", "left"),
    [
        (("credit", 100), (1000, 100, 900, "open"), 0),
        (("credit", 1100), (1000, 1000, 0, "paid"), 100),
        (("credit", 1000), (1000, 1000, 0, "paid"), 0),
        (("debit", 100), (1000, -100, 1100, "open"), 0),
    ],
)
def test_the_next_invoice_settles_with_it(
    company: Company, alice: Customer, moved: tuple[str, int], expected: tuple[int, int, int, str], left: int
) -> None:
    price = company.price(unit_price=1000)
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    adjust(alice, *moved)
    run("2026-02-01")
    assert papers() == [(1000, 0, 1000, "open"), expected]
    assert CustomerBalance.objects.get().balance_minor == left
    assert check_books(now=at("2026-02-01")) == ()


def test_missed_months_use_it_up_in_turn(company: Company, alice: Customer) -> None:
    price = company.price(unit_price=1000)
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    adjust(alice, "credit", 1700)
    run("2026-04-01")
    assert [paper[1:3] for paper in papers()] == [(0, 1000), (1000, 0), (700, 300), (0, 1000)]
    assert CustomerBalance.objects.get().balance_minor == 0
    assert check_books(now=at("2026-04-01")) == ()


def test_another_currencys_balance_waits(company: Company, alice: Customer) -> None:
    price = company.price(unit_price=1000)
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    adjust(alice, "credit", 500, "USD")
    run("2026-02-01")
    assert [paper[1] for paper in papers()] == [0, 0]
