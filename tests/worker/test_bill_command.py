"""`manage.py bill`: what it prints, and that a dry run writes nothing."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.models import TestClock
from customers.models import Agenda
from invoicing.models import Invoice
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def bill(*options: str) -> str:
    """Run the command and return what it printed."""
    out = StringIO()
    call_command("bill", *options, stdout=out, stderr=out)
    return out.getvalue()


def test_a_dry_run_prints_what_a_run_would_make_and_writes_nothing(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-31 10:17"))
    due = list(Agenda.objects.values_list("customer_id", "due_at"))
    printed = bill("--as-of", "2026-03-31T10:17", "--dry-run").splitlines()
    assert printed == [
        "invoice for alice@example.com: €30.00 (2026-02-28 10:17 UTC)",
        "    Team (recurring), 2026-02-28 to 2026-03-31: €30.00 net",
        "invoice for alice@example.com: €30.00 (2026-03-31 10:17 UTC)",
        "    Team (recurring), 2026-03-31 to 2026-04-30: €30.00 net",
        "2 documents would be made; nothing was written",
    ]
    assert Invoice.objects.count() == 1
    assert list(Agenda.objects.values_list("customer_id", "due_at")) == due


def test_a_dry_run_of_one_customer_follows_its_own_clock(company: Company) -> None:
    clock = TestClock.objects.create(now_at=at("2026-01-01"), created_at=at("2026-01-01"))
    price = company.price()
    team = company.plan("Team", price)
    alice, bob = company.customer("Alice", test_clock=clock), company.customer("Bob")
    for customer in (alice, bob):
        company.start(customer, team, price, now=at("2026-01-01"))
    printed = bill("--as-of", "2026-02-01", "--dry-run", "--customer", str(alice.id))
    assert "alice@example.com" in printed
    assert "1 documents would be made" in printed


def test_a_run_says_what_it_did_and_a_second_one_finds_nothing(company: Company) -> None:
    price = company.price()
    company.start(company.customer("Alice"), company.plan("Team", price), price, now=at("2026-01-31 10:17"))
    said = bill("--as-of", "2026-02-28T10:17")
    assert said.startswith("1 customers, 1 invoices, 0 credit notes")
    assert bill("--as-of", "2026-02-28T10:17").startswith("0 customers, 0 invoices, 0 credit notes")
    assert Subscription.objects.get().billed_to_at == at("2026-02-28 10:17")


@pytest.mark.parametrize("options", [("--as-of", "soon"), ("--customer", "alice"), ("--customer", "0" * 32)])
def test_options_that_name_nothing_are_refused_in_words(company: Company, options: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=r"soon|alice|0000"):
        bill(*options)
