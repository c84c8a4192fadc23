"""Changes, ends, credits, refunds, voids and debts given up: the books hold, and every paper can be made again."""

from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.models import Payment
from billing.operations import charging, credits, lifecycle, plan_changes, refunding, write_offs
from billing.operations.credits import CreditNoteCommand
from billing.operations.doctor import check_books
from billing.operations.lifecycle import CancelCommand, CancelWhen, RefundType
from billing.operations.plan_changes import PlanCommand
from billing.operations.refunds import RefundWanted
from billing.run.claiming import Scope
from billing.run.engine import run_billing
from invoicing.models import Invoice, RevenueRecognition
from invoicing.operations.recognition import recognise_revenue
from ledger.models import Posting
from subscriptions.models import Subscription
from tests.cast import Company, at, make_company
from tests.operations.test_recomputing import assert_all_equal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    company = make_company()
    company.tax("DE", "19")
    return company


def run(moment: str) -> None:
    run_billing(Scope(as_of=at(moment), now=at(moment)))


def account(name: str) -> int:
    return -(Posting.objects.filter(account=name).aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def change(subscription: Subscription, price_id: object, moment: str) -> None:
    command = PlanCommand(price_id=price_id)  # type: ignore[arg-type]
    plan_changes.change_plan(subscription_id=subscription.id, command=command, now=at(moment))


def assert_books_hold(moment: str) -> None:
    recognise_revenue(now=at(moment))
    assert check_books(now=at(moment)) == ()
    assert_all_equal()


def test_a_price_changed_up_and_down_and_up(company: Company) -> None:
    """100.00, from 16 June 300.00, from 21 June 100.00 again: revenue is what was served, day by day."""
    low, high = company.price(unit_price=10000), company.price(unit_price=30000)
    plan = company.plan("Team", low, high)
    subscription = company.start(company.customer("Alice"), plan, low, now=at("2026-06-01"))
    change(subscription, high.id, "2026-06-16")
    change(subscription, low.id, "2026-06-21")
    run("2026-07-01")
    run("2026-08-01")
    assert_books_hold("2026-08-01 12:00")
    june, july = RevenueRecognition.objects.order_by("month")
    assert june.recognised_minor == 5000 + 5000 + 3333
    assert (july.recognised_minor, july.deferred_minor) == (10000, 0)


@pytest.mark.parametrize(
    ("refund", "earned"), [(RefundType.NONE, 36500), (RefundType.PRORATE, 4500)], ids=["kept", "given back"]
)
def test_a_year_ended_on_its_46th_day(company: Company, refund: RefundType, earned: int) -> None:
    """365.00 from 1 January, ended on 15 February: 45 days are served; what is kept is earned at once."""
    price = company.price(unit_price=36500, interval="year")
    plan = company.plan("Team", price)
    subscription = company.start(company.customer("Alice"), plan, price, now=at("2026-01-01"))
    recognise_revenue(now=at("2026-02-01 12:00"))
    assert account("revenue") == 3100
    command = CancelCommand(CancelWhen.INSTANTLY, refund)
    lifecycle.cancel_subscription(subscription_id=subscription.id, command=command, now=at("2026-02-15"))
    assert_books_hold("2026-03-01 12:00")
    assert (account("revenue"), account("deferred_revenue")) == (earned, 0)


def test_credits_refunds_voids_and_debts_given_up(company: Company) -> None:
    price = company.price(unit_price=Decimal(3001))
    plan = company.plan("Team", price)
    alice, bob, charlie = (company.customer(name) for name in ("Alice", "Bob", "Charlie"))
    company.card(alice)
    for customer in (alice, bob, charlie):
        company.start(customer, plan, price, now=at("2026-01-15"))
    charging.charge_due_everywhere(at("2026-01-15"), limit=10)
    payment = Payment.objects.get(customer=alice, status="completed")
    refunding.refund_payment(RefundWanted(payment.id, 1000, "EUR"), now=at("2026-01-20"))
    first = Invoice.objects.get(customer=bob)
    credits.make_credit_note(CreditNoteCommand(first.id, amount_minor=777), now=at("2026-01-25"))
    write_offs.write_off_invoice(invoice_id=first.id, reason="gone", now=at("2026-01-26"))
    credits.void_invoice(invoice_id=Invoice.objects.get(customer=charlie).id, now=at("2026-01-31"))
    assert_books_hold("2026-02-01 12:00")
    run("2026-02-15")
    assert_books_hold("2026-03-01 12:00")
    run("2026-03-15")
    run("2026-04-15")
    assert_books_hold("2026-05-01 12:00")
    assert RevenueRecognition.objects.count() == 4
    assert account("deferred_revenue") == RevenueRecognition.objects.order_by("-month")[0].deferred_minor
