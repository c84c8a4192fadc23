"""The run against the database, where cards, currencies, credit and catching up meet on one occasion."""

from decimal import Decimal

import pytest

from billing.operations.cards import add_card, remove_card
from billing.operations.doctor import check_books
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from invoicing.models import Invoice, InvoiceLine
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
