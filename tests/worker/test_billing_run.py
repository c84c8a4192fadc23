"""The billing run: what is due is billed once, whatever is run again."""

from decimal import Decimal

import pytest

from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from invoicing.models import Invoice, InvoiceLine
from ledger.models import CustomerBalance, Posting
from tests.cast import Company, at, make_company

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> Tally:
    return run_billing(Scope(as_of=at(moment), now=at(moment)))


def lines_of(customer_name: str) -> list[tuple[str, str, str, int]]:
    rows = InvoiceLine.objects.filter(invoice__customer__name=customer_name).order_by("invoice__number", "position")
    return [(line.kind, f"{line.period_start:%m-%d}", f"{line.period_end:%m-%d}", line.amount_minor) for line in rows]


def test_a_flat_plan_is_billed_each_month_once(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-31 10:17"))
    run("2026-02-28 10:16")
    assert lines_of("Alice") == [("recurring", "01-31", "02-28", 3000)]
    assert run("2026-02-28 10:17").invoices == 1
    assert run("2026-02-28 10:17") == Tally()
    run("2026-04-30 12:00")
    assert lines_of("Alice") == [
        ("recurring", "01-31", "02-28", 3000),
        ("recurring", "02-28", "03-31", 3000),
        ("recurring", "03-31", "04-30", 3000),
        ("recurring", "04-30", "05-31", 3000),
    ]
    assert [invoice.number for invoice in Invoice.objects.order_by("id")] == [f"INV-2026-{n:06}" for n in range(1, 5)]
    assert CustomerBalance.objects.get().receivable_minor == 12000
    assert sum(Posting.objects.values_list("amount_minor", flat=True)) == 0


def test_tax_voucher_and_balance_meet_on_an_invoice(company: Company) -> None:
    company.tax("DE", "19")
    price = company.price(unit_price=Decimal(1000))
    bob = company.customer("Bob")
    company.voucher(bob)
    company.start(bob, company.plan("Team", price), price, now=at("2026-01-01"))
    invoice = Invoice.objects.get()
    assert (invoice.sub_total_minor, invoice.tax_total_minor, invoice.total_minor) == (500, 95, 595)
    run("2026-02-01")
    assert Invoice.objects.first().total_minor == 1190
