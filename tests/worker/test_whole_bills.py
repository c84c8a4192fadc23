"""The run against the database, where cards, currencies, credit and catching up meet on one occasion."""

from decimal import Decimal

import pytest

from billing.operations.cards import add_card, remove_card
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from invoicing.models import Invoice, InvoiceLine
from ledger.models import CustomerBalance
from tests.cast import JANUARY, Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> Tally:
    return run_billing(Scope(as_of=at(moment), now=at(moment)))


def papers() -> list[tuple[int, int, int]]:
    """Total, balance applied and due of each invoice, in the order of their numbers."""
    invoices = Invoice.objects.order_by("sequence")
    return list(invoices.values_list("total_minor", "balance_applied_minor", "amount_due_minor"))


def test_a_trial_whose_own_card_was_removed_ends_without_a_paper(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    card = company.card(alice)
    plan = company.plan("Team", price, has_trial=True, trial_length_days=14)
    subscription = company.start(alice, plan, price, now=at("2026-01-01"), payment_method_id=card.id)
    remove_card(payment_method_id=card.id, now=at("2026-01-05"))
    run("2026-01-15")
    subscription.refresh_from_db()
    assert (subscription.status, Invoice.objects.count()) == ("trial_ended", 0)


def test_a_subscription_whose_own_card_was_removed_shares_the_paper_of_the_default(company: Company) -> None:
    price = company.price()
    team = company.plan("Team", price)
    alice = company.customer("Alice")
    default = company.card(alice)
    own = add_card(customer_id=alice.id, token="tok_visa", now=JANUARY)
    for method in (default, own):
        company.start(alice, team, price, now=at("2026-01-01"), payment_method_id=method.id)
    assert run("2026-02-01").invoices == 2
    remove_card(payment_method_id=own.id, now=at("2026-02-05"))
    assert run("2026-03-01").invoices == 1
    newest = Invoice.objects.order_by("sequence").last()
    assert newest is not None
    assert (newest.total_minor, newest.payment_method) == (6000, default)


def test_two_currencies_are_two_papers_and_a_voucher_is_spent_once(company: Company) -> None:
    euro, dollar = company.price(), company.price(currency="USD", unit_price=Decimal(5000))
    team = company.plan("Team", euro, dollar)
    alice = company.customer("Alice")
    for price in (euro, dollar):
        company.start(alice, team, price, now=at("2026-01-01"))
    company.voucher(alice)
    assert run("2026-02-01").invoices == 2
    totals = Invoice.objects.filter(due_moment_at=at("2026-02-01")).values_list("currency", "total_minor")
    assert sorted(totals) == [("EUR", 1500), ("USD", 5000)]
    assert run("2026-03-01").invoices == 2
    assert InvoiceLine.objects.exclude(discount_minor=0).count() == 1
    assert check_books(now=at("2026-03-01")) == ()


def test_credit_that_lowers_an_open_invoice_is_not_used_again_by_the_next_missed_month(company: Company) -> None:
    """5 seats in June, 4 gone at once; July and August are billed together in August.

    July's credit of 3000 lowers June's open invoice; August's 1000 is due as if July had been billed in July.
    """
    price = company.price(type="unit", unit_price=Decimal(1000))
    alice = company.customer("Alice")
    subscription = company.start(
        alice, company.plan("Team", price, per_seat=True), price, now=at("2026-06-01"), seats=5
    )
    remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-06-01 12:00"))
    assert run("2026-08-01") == Tally(customers=1, invoices=1, credit_notes=1)
    assert papers() == [(5000, 0, 2000), (1000, 0, 1000)]
    assert CustomerBalance.objects.get().balance_minor == 0
    assert check_books(now=at("2026-08-01")) == ()


def test_credit_beyond_the_open_invoice_pays_the_next_missed_month(company: Company) -> None:
    """June was paid by transfer but for 500, which July's 3000 take off; August's 1000 come off what is left."""
    price = company.price(type="unit", unit_price=Decimal(1000))
    alice = company.customer("Alice")
    subscription = company.start(
        alice, company.plan("Team", price, per_seat=True), price, now=at("2026-06-01"), seats=5
    )
    record_transfer(
        invoice_id=Invoice.objects.get().id,
        amount_minor=4500,
        currency="EUR",
        paid_at=at("2026-06-05"),
        reference="T1",
        now=at("2026-06-05"),
    )
    remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-06-01 12:00"))
    run("2026-08-01")
    assert papers() == [(5000, 0, 0), (1000, 1000, 0)]
    assert CustomerBalance.objects.get().balance_minor == 1500
    assert check_books(now=at("2026-08-01")) == ()
