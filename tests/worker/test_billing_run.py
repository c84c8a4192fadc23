"""The billing run: what is due is billed once, whatever is run again."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection

from billing.models import ParkedCustomer, Payment, PaymentAttempt, Receipt
from billing.operations.charging import ChargeDeclined, charge_due
from billing.operations.doctor import check_books
from billing.operations.seats import add_seats, remove_seats
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from core.operations import SYSTEM
from customers.models import Customer
from customers.operations import disable_customer, enable_customer
from invoicing.models import CreditNote, Invoice, InvoiceLine
from ledger.models import CustomerBalance, Posting
from subscriptions.models import Subscription, SubscriptionItem
from tests.cast import Company, at, make_company
from usage.domain.event import EventDraft
from usage.operations.intake import record_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return make_company()


def run(moment: str) -> Tally:
    return run_billing(Scope(as_of=at(moment), now=at(moment)))


def lines_of(customer_name: str) -> list[tuple[str, str, str, int]]:
    rows = InvoiceLine.objects.filter(invoice__customer__name=customer_name).order_by("invoice__number", "position")
    return [(line.kind, f"{line.period_start:%m-%d}", f"{line.period_end:%m-%d}", line.amount_minor) for line in rows]


def use(subscription: Subscription, day: str, value: int, *, now: str = "") -> None:
    draft = EventDraft(
        event_id=f"{day}-{value}",
        subscription_id=subscription.id,
        code="calls",
        value=Decimal(value),
        properties=None,
        timestamp=at(day),
    )
    (outcome,) = record_events([draft], now=at(now or day))
    assert outcome.outcome == "stored", outcome


def spoil_line(line: InvoiceLine, start: datetime) -> None:
    """Put a line where the next period's would go, as a wrong import might."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE invoicing_invoiceline DISABLE TRIGGER USER")
        cursor.execute("UPDATE invoicing_invoiceline SET period_start = %s WHERE id = %s", [start, line.id])
        cursor.execute("ALTER TABLE invoicing_invoiceline ENABLE TRIGGER USER")


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
    assert Invoice.objects.latest("id").total_minor == 1190


def test_seats_change_the_next_invoice(company: Company) -> None:
    price = company.price(unit_price=Decimal(1000), type="unit")
    alice = company.customer("Alice")
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(alice, team, price, now=at("2026-01-01"))
    for day in ("2026-01-02", "2026-01-03", "2026-01-07"):
        add_seats(subscription_id=subscription.id, seats=1, now=at(day))
    run("2026-02-01")
    assert lines_of("Alice") == [
        ("recurring", "01-01", "02-01", 1000),
        ("seats", "01-02", "02-01", 968),
        ("seats", "01-03", "02-01", 935),
        ("seats", "01-07", "02-01", 807),
        ("recurring", "02-01", "03-01", 4000),
    ]
    run("2026-03-01")
    assert lines_of("Alice")[-1] == ("recurring", "03-01", "04-01", 4000)


def test_removed_seats_more_than_the_next_period_become_a_credit_note(company: Company) -> None:
    company.tax("DE", "19")
    price = company.price(unit_price=Decimal(1000), type="unit", interval="year")
    alice = company.customer("Alice")
    team = company.plan("Team", price, per_seat=True)
    subscription = company.start(alice, team, price, now=at("2026-01-01"), seats=5)
    remove_seats(subscription_id=subscription.id, seats=4, now=at("2026-01-01 12:00"))
    run("2027-01-01")
    note = CreditNote.objects.get()
    assert (note.sub_total_minor, note.total_minor, note.to_invoices_minor, note.to_balance_minor) == (
        3000,
        3570,
        3570,
        0,
    )
    assert Invoice.objects.get().amount_due_minor == 5950 - 3570
    assert check_books(now=at("2027-01-01")) == ()


def test_usage_is_billed_by_tier_and_late_events_as_the_difference(company: Company) -> None:
    metric = company.metric("calls")
    tiers = [
        {"first_unit": 1, "last_unit": 10, "unit_price": "0", "flat_fee": "1000"},
        {"first_unit": 11, "last_unit": None, "unit_price": "0", "flat_fee": "1500"},
    ]
    calls = company.price(type="tiered_graduated", usage=True, metric=metric, tiers=tiers)
    base = company.price()
    alice = company.customer("Alice")
    subscription = company.start(alice, company.plan("Team", base), base, now=at("2026-01-01"), items=(calls,))
    use(subscription, "2026-01-05", 8)
    run("2026-02-01")
    use(subscription, "2026-01-20", 4, now="2026-02-03")
    run("2026-03-01")
    assert lines_of("Alice") == [
        ("recurring", "01-01", "02-01", 3000),
        ("recurring", "02-01", "03-01", 3000),
        ("usage", "01-01", "02-01", 1000),
        ("recurring", "03-01", "04-01", 3000),
        ("usage", "01-01", "02-01", 1500),
    ]
    assert run("2026-04-01").invoices == 1
    assert lines_of("Alice")[-1] == ("recurring", "04-01", "05-01", 3000)
    assert check_books(now=at("2026-04-01")) == ()


def test_a_minimum_commitment_is_made_up_at_the_end_of_the_period(company: Company) -> None:
    metric = company.metric("calls")
    price = company.price(
        type="unit", usage=True, metric=metric, unit_price=Decimal(10), minimum_commitment_minor=10000
    )
    alice = company.customer("Alice")
    subscription = company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    use(subscription, "2026-01-05", 100)
    run("2026-02-01")
    assert lines_of("Alice") == [("usage", "01-01", "02-01", 1000), ("minimum", "01-01", "02-01", 9000)]


def test_missed_months_are_billed_in_order_one_invoice_each(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    company.voucher(alice)
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-31 10:17"))
    assert run("2026-05-02") == Tally(customers=1, invoices=3)
    totals = list(Invoice.objects.order_by("sequence").values_list("total_minor", flat=True))
    assert totals == [1500, 3000, 3000, 3000]
    assert {invoice.issue_date for invoice in Invoice.objects.filter(sequence__gt=1)} == {at("2026-05-02").date()}


def test_two_subscriptions_due_on_one_day_share_an_invoice(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    team = company.plan("Team", price)
    company.start(alice, team, price, now=at("2026-01-10 10:17"))
    company.start(alice, team, price, now=at("2026-01-10 15:00"))
    assert run("2026-02-10 14:59") == Tally()
    assert run("2026-02-10 15:00") == Tally(customers=1, invoices=1)
    assert Invoice.objects.latest("id").total_minor == 6000


def test_a_trial_converts_at_its_end_and_is_anchored_there(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    trial = company.plan("Team", price, has_trial=True, trial_length_days=14)
    subscription = company.start(alice, trial, price, now=at("2026-01-10 10:17"))
    assert subscription.status == "trial_active"
    run("2026-02-24 10:17")
    assert lines_of("Alice") == [("recurring", "01-24", "02-24", 3000), ("recurring", "02-24", "03-24", 3000)]
    subscription.refresh_from_db()
    assert (subscription.status, subscription.current_period_end) == ("active", at("2026-03-24 10:17"))


def test_a_standalone_trial_ends_without_an_invoice(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    trial = company.plan("Team", price, has_trial=True, trial_length_days=14, is_trial_standalone=True)
    subscription = company.start(alice, trial, price, now=at("2026-01-10"))
    run("2026-03-01")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.next_due_at, Invoice.objects.count()) == ("trial_ended", None, 0)


def test_a_calendar_subscription_begins_with_a_stub(company: Company) -> None:
    price = company.price(unit_price=Decimal(3100))
    alice = company.customer("Alice")
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-15"), alignment="calendar")
    run("2026-02-01")
    assert lines_of("Alice") == [("recurring", "01-15", "02-01", 1700), ("recurring", "02-01", "03-01", 3100)]


def test_a_yearly_plan_bills_its_monthly_usage_each_month(company: Company) -> None:
    metric = company.metric("calls")
    calls = company.price(type="unit", usage=True, metric=metric, unit_price=Decimal(10))
    base = company.price(interval="year", unit_price=Decimal(30000))
    alice = company.customer("Alice")
    subscription = company.start(alice, company.plan("Team", base), base, now=at("2026-01-31"), items=(calls,))
    use(subscription, "2026-02-05", 3)
    use(subscription, "2026-03-05", 5)
    run("2026-03-31")
    assert lines_of("Alice") == [
        ("recurring", "01-31", "01-31", 30000),
        ("usage", "01-31", "02-28", 30),
        ("usage", "02-28", "03-31", 50),
    ] or lines_of("Alice")[1:] == [("usage", "01-31", "02-28", 30), ("usage", "02-28", "03-31", 50)]


def test_a_declined_start_leaves_only_the_attempt(company: Company) -> None:
    price = company.price()
    charlie = company.customer("Charlie")
    company.card(charlie, "tok_declined")
    with pytest.raises(ChargeDeclined):
        company.start(charlie, company.plan("Team", price), price, now=at("2026-01-01"))
    assert (Invoice.objects.count(), Subscription.objects.count(), Payment.objects.count()) == (0, 0, 0)
    assert PaymentAttempt.objects.get().failure_reason == "general_decline"
    assert check_books(now=at("2026-01-01")) == ()


def test_a_card_customer_pays_each_renewal(company: Company) -> None:
    price = company.price()
    bob = company.customer("Bob")
    company.card(bob)
    company.start(bob, company.plan("Team", price), price, now=at("2026-01-01"))
    assert Invoice.objects.get().status == "paid"
    run("2026-02-01")
    charge_due(at("2026-02-01"))
    assert [invoice.status for invoice in Invoice.objects.all()] == ["paid", "paid"]
    assert Receipt.objects.count() == 2
    assert check_books(now=at("2026-02-01")) == ()


@pytest.mark.django_db(transaction=True)
def test_one_bad_customer_is_parked_and_the_others_are_billed(company: Company) -> None:
    price = company.price()
    team = company.plan("Team", price)
    for name in ("Alice", "Bob", "Charlie"):
        company.start(company.customer(name), team, price, now=at("2026-01-01"))
    bob = Customer.objects.get(name="Bob")
    item = SubscriptionItem.objects.get(subscription__customer=bob)
    line = InvoiceLine.objects.get(item=item)
    spoil_line(line, at("2026-02-01"))
    assert run("2026-02-01") == Tally(customers=2, invoices=2, parked=1)
    parked = ParkedCustomer.objects.get()
    assert parked.customer == bob
    assert "a_charge_is_billed_once" in parked.reason
    assert run("2026-02-01") == Tally()


def test_a_brand_may_want_one_invoice_of_each_subscription(company: Company) -> None:
    company.brand.invoice_group = "subscription"
    company.brand.save()
    alice = company.customer("Alice")
    for amount in (1000, 2000):
        price = company.price(unit_price=Decimal(amount))
        company.start(alice, company.plan(f"P{amount}", price), price, now=at("2026-01-31"))
    assert run("2026-02-28").invoices == 2
    assert sorted(Invoice.objects.filter(origin="cycle").values_list("total_minor", flat=True)) == [1000, 2000]
    company.brand.invoice_group = "customer"
    company.brand.save()
    assert run("2026-03-31").invoices == 1
    assert Invoice.objects.order_by("-id")[0].total_minor == 3000


def test_usage_of_a_period_that_passed_while_disabled_never_comes_late(company: Company) -> None:
    """Disabled from 15 January to 10 February: January is not billed then, and not in March either; February is."""
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    alice = company.customer("Alice")
    subscription = company.start(alice, company.plan("Calls", calls), calls, now=at("2025-12-01"))
    use(subscription, "2025-12-30", 3)
    run("2026-01-01")
    use(subscription, "2025-12-31", 4, now="2026-01-05")
    use(subscription, "2026-01-10", 5)
    disable_customer(alice.id, actor=SYSTEM, now=at("2026-01-15"))
    run("2026-02-01")
    enable_customer(alice.id, actor=SYSTEM, now=at("2026-02-10"))
    use(subscription, "2026-02-20", 7)
    run("2026-03-01")
    assert sorted(lines_of("Alice")) == [
        ("usage", "02-01", "03-01", 70),
        ("usage", "12-01", "01-01", 30),
        ("usage", "12-01", "01-01", 40),
    ]
    assert check_books(now=at("2026-03-01")) == ()
