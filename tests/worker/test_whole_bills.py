"""The run against the database, where cards, currencies, credit and catching up meet on one occasion."""

from decimal import Decimal

import msgspec
import pytest

from billing.operations.cards import add_card, remove_card
from billing.operations.doctor import check_books
from billing.operations.payments import record_transfer
from billing.operations.seats import remove_seats
from billing.run.claiming import Scope
from billing.run.engine import Tally, run_billing
from customers.models import Agenda
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.history import list_billed_lines
from ledger.models import CustomerBalance
from subscriptions.models import Subscription
from tests.cast import JANUARY, Company, at, make_company
from usage.domain.event import REJECTED, STORED, EventDraft, Reason
from usage.operations.intake import record_events

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


def test_a_repeating_voucher_is_spent_by_each_paper_of_one_occasion(company: Company) -> None:
    """Two currencies, two invoices of one day: both count, and then the voucher is used up."""
    euro, dollar = company.price(), company.price(currency="USD", unit_price=Decimal(5000))
    team = company.plan("Team", euro, dollar)
    alice = company.customer("Alice")
    for price in (euro, dollar):
        company.start(alice, team, price, now=at("2026-01-01"))
    redemption = company.voucher(alice, duration="repeating", duration_count=2)
    run("2026-02-01")
    redemption.refresh_from_db()
    assert (redemption.remaining, redemption.ended_at) == (0, at("2026-02-01"))
    run("2026-03-01")
    assert InvoiceLine.objects.exclude(discount_minor=0).count() == 2


def test_usage_inside_the_last_counted_year_still_shares_the_discount(company: Company) -> None:
    """Half of one year: its invoice uses the voucher up, the months of usage inside it are halved all the same."""
    fee = company.price(interval="year", unit_price=Decimal(30000))
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    alice = company.customer("Alice")
    redemption = company.voucher(alice, duration="repeating", duration_count=1)
    subscription = company.start(alice, company.plan("Team", fee), fee, now=at("2026-01-01"), items=(calls,))
    redemption.refresh_from_db()
    assert (redemption.remaining, redemption.ended_at) == (0, at("2026-01-01"))
    period = redemption.periods.get()
    assert (period.subscription_id, period.until_at) == (subscription.id, at("2027-01-01"))
    for number, moment in enumerate(("2026-01-05", "2026-07-05", "2027-01-05")):
        draft = EventDraft(
            event_id=str(number),
            subscription_id=subscription.id,
            code="calls",
            value=Decimal(number + 1),
            timestamp=at(moment),
        )
        assert record_events([draft], now=at(moment)) == (STORED,)
    run("2026-02-01")
    run("2027-02-01")
    totals = Invoice.objects.order_by("due_moment_at").values_list("total_minor", flat=True)
    assert list(totals) == [15000, 5, 10, 30000, 30]
    assert check_books(now=at("2027-02-01")) == ()


def test_missed_months_spend_a_voucher_in_one_statement(company: Company) -> None:
    price = company.price()
    alice = company.customer("Alice")
    company.start(alice, company.plan("Team", price), price, now=at("2026-01-01"))
    redemption = company.voucher(alice, duration="repeating", duration_count=3)
    run("2026-03-01")
    redemption.refresh_from_db()
    assert (redemption.remaining, redemption.ended_at) == (1, None)
    run("2026-06-01")
    redemption.refresh_from_db()
    assert (redemption.remaining, redemption.ended_at) == (0, at("2026-06-01"))
    assert [total for total, _, _ in papers()] == [3000, 1500, 1500, 1500, 3000, 3000]


def test_far_from_utc_the_local_date_makes_the_occasion(company: Company) -> None:
    """Auckland, 13 hours ahead: 10:59 UTC is the 10th there, 11:00 and the next day's 10:00 are the 11th."""
    price = company.price()
    team = company.plan("Team", price)
    alice = company.customer("Alice", time_zone="Pacific/Auckland")
    for moment in ("2026-01-10 10:59", "2026-01-10 11:00", "2026-01-11 10:00"):
        company.start(alice, team, price, now=at(moment))
    assert run("2026-02-10 10:59").invoices == 1
    assert run("2026-02-11 09:59") == Tally()
    assert run("2026-02-11 10:00").invoices == 1
    assert [total for total, _, _ in papers()] == [3000, 3000, 3000, 3000, 6000]
    assert check_books(now=at("2026-02-11 10:00")) == ()


def test_a_scheduled_end_bills_what_was_used_and_nothing_more(company: Company) -> None:
    """To end on 10 March: what was used in March until then is billed, and nothing is ahead."""
    calls = company.price(type="unit", usage=True, metric=company.metric("calls"), unit_price=Decimal(10))
    fee = company.price()
    alice = company.customer("Alice")
    subscription = company.start(alice, company.plan("Team", fee), fee, now=at("2026-01-01"), items=(calls,))
    Subscription.objects.update(status="pending_cancel", cancel_at=at("2026-03-10"))
    draft = EventDraft(
        event_id="1", subscription_id=subscription.id, code="calls", value=Decimal(7), timestamp=at("2026-03-05")
    )
    record_events([draft], now=at("2026-03-05"))
    run("2026-03-01")
    run("2026-03-10")
    # Of the days before the end, told in April: an invoice of its own once nothing more is accepted.
    late = msgspec.structs.replace(draft, event_id="2", timestamp=at("2026-03-09"))
    assert record_events([late], now=at("2026-04-01")) == (STORED,)
    run("2026-04-15")
    late = msgspec.structs.replace(draft, event_id="3", timestamp=at("2026-03-09"))
    assert record_events([late], now=at("2026-04-15")) == (REJECTED[Reason.TOO_LATE],)
    run("2026-12-01")
    subscription.refresh_from_db()
    assert (subscription.status, subscription.cancelled_at, subscription.ended_at) == (
        "cancelled",
        at("2026-03-10"),
        at("2026-03-10"),
    )
    assert (subscription.next_due_at, Agenda.objects.get().due_at) == (None, None)
    kinds = InvoiceLine.objects.order_by("invoice__sequence", "position").values_list("kind", "amount_minor")
    assert list(kinds) == [("recurring", 3000)] * 2 + [("recurring", 871)] + [("usage", 70), ("usage", 70)]
    assert InvoiceLine.objects.filter(kind="usage").values("invoice").distinct().count() == 2
    assert check_books(now=at("2026-12-01")) == ()


def test_what_is_read_back_is_what_was_billed(company: Company) -> None:
    """The history of an item tells the next run everything the last one knew: amounts, discount, tax."""
    company.tax("DE", "19")
    seats = company.price(type="unit", unit_price=Decimal("1000.4"))
    alice = company.customer("Alice")
    company.voucher(alice, percent=Decimal("12.5"), duration="forever")
    subscription = company.start(
        alice, company.plan("Team", seats, per_seat=True), seats, now=at("2026-06-01"), seats=3
    )
    remove_seats(subscription_id=subscription.id, seats=1, now=at("2026-06-16"))
    run("2026-07-01")
    (item_id,) = subscription.items.values_list("id", flat=True)
    first, removed, second = list_billed_lines({item_id: at("2026-06-01")})[item_id]
    assert (first.kind, first.quantity, first.amount_minor, first.discount_minor) == ("recurring", 3, 3001, 375)
    assert (removed.kind, removed.quantity, removed.amount_minor, removed.discount_minor) == ("seats", -1, -500, -62)
    assert (second.period_start, second.invoice_id) == (at("2026-07-01"), removed.invoice_id)
    assert first.treatment.group_key == removed.treatment.group_key == second.treatment.group_key
    assert list_billed_lines({item_id: at("2026-07-01")})[item_id] == (second,)
    assert list_billed_lines({}) == {}
